#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cases that are too large to keep, written by torch where it is there.
. "$SRC/tests/tools/run_common.sh"

python=/usr/bin/python3
if ! $python -c 'import numpy, torch' 2>/dev/null; then
	echo "skip: no torch (Debian: python3-torch)"
	exit 77
fi
if ! $python "$SRC/tests/golden/generate.py" --set large "$dir/large" >"$dir/out" 2>&1; then
	cat "$dir/out"
	exit 1
fi
for layout in nchw nhwc nchw16c; do
	mark "$BUILD/tests/golden/replay" --threads 2 --layout $layout "$dir/large" \
		>"$dir/out" 2>"$dir/err" </dev/null
	expect "layers of real networks in $layout" 0 $?
	grep -hA 1 'FAIL$' "$dir/out" "$dir/err"
done
finish
