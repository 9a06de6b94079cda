#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# State files against readers and writers that are none of ours: numpy, and 20 lines of Python.
set -u

# Debian's numpy belongs to Debian's python3, which need not be the first one.
for python in python3 /usr/bin/python3 none; do
	! "$python" -c 'import numpy' 2>/dev/null || break
done
if [ "$python" = none ]; then
	echo "skipped: no python3 has numpy (Debian: python3-numpy)"
	exit 77
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export PYTHONDONTWRITEBYTECODE=1
"$python" "$SRC/tests/tools/state_numpy.py" "$BUILD/tests/tools/state_actor"
