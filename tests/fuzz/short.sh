#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 20 seconds of the fuzzers in all: the kept inputs still pass, and so do some new ones.
set -eu
bash "$SRC/tests/fuzz/run.sh" 5 state
bash "$SRC/tests/fuzz/run.sh" 3 config env npy options parse
