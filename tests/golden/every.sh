#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every recorded case on every instruction set of this CPU, with one thread and two, in all layouts.
. "$SRC/tests/tools/run_common.sh"

replay=$BUILD/tests/golden/replay

"$replay" --isa scalar --help >"$dir/out" 2>"$dir/err"
expect "the replay is built" 0 $?
for isa in scalar avx2 avx512; do
	if ! "$replay" --isa $isa --help >/dev/null 2>&1; then
		echo "skip $isa: not on this CPU"
		continue
	fi
	for threads in 1 2; do
		for layout in nchw nhwc nchw16c; do
			mark "$replay" --isa $isa --threads $threads --layout $layout \
				"$SRC/tests/golden/cases" >"$dir/out" 2>"$dir/err" </dev/null
			expect "$isa, $threads threads, $layout" 0 $?
			grep -hA 1 'FAIL$' "$dir/out" "$dir/err"
		done
	done
done
finish
