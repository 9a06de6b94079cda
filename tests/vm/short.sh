#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two and four NUMA nodes: what check-full has of ./bootstrap check-numa.
exec bash "$SRC/tests/vm/numa.sh" two four
