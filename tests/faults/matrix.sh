#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every rank in every phase and every fault on it: see matrix.c.
. "$SRC/tests/tools/run_common.sh"

"$BUILD/tests/faults/matrix" "$run" "$BUILD/tests/faults/actor" "$dir"
