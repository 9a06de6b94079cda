#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ring_stress, some minutes long. A script, as automake has rules for programs in TESTS only.
program=$BUILD/tests/stress/ring_stress

[ -x "$program" ] || { echo "skip: built without cmocka"; exit 77; }
exec "$program"
