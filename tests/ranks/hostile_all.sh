#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hostile_test with every word of the control extent and every line of the rings; `make check` has a
# sample.
exec "$BUILD/tests/ranks/hostile_test" 1
