#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hostile_test with every word of the control extent and every line of the rings; `make check` has a
# sample.
program=$BUILD/tests/ranks/hostile_test

[ -x "$program" ] || { echo "skip: built without cmocka"; exit 77; }
exec "$program" 1
