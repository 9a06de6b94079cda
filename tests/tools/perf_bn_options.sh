#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf bn: what is refused, and what the help says.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf

# refused PATTERN ARGS...
refused() {
	local pattern=$1

	shift
	"$perf" bn "$@" >"$dir/out" 2>"$dir/err" </dev/null
	expect "refused: $*" 2 $?
	expect_match "the reason: $*" "^syncbn-perf: .*$pattern" "$dir/err"
	expect "no table: $*" "" "$(cat "$dir/out")"
}

refused 'no shape: give --shape'
refused 'did you mean --shape' --shap 1x2
refused 'no option takes it' 32x64x56x56
refused 'its value is missing' --shape
refused 'takes no value' --cold=yes --shape 4x4
for shape in 32 1x2x3x4x5x6 1x2xx3 0x4 4x4x0 1x2x3x4x0 ax4 '4x4,' 4x-4 4x4x0x4 \
	99999999x1 16777216x16777216 ''; do
	refused 'is not a shape such as' --shape "$shape"
done
refused 'more than [0-9]+ shapes' --shape "$(seq -s, -f '%gx1' 1 129)"
refused 'did you mean resnet50' --shapes resnet5
refused 'one of: fwd, bwd, step, eval' --op sideways --shape 4x4
refused 'one of: nchw, nhwc, nchw8c, nchw16c' --layout chwn --shape 4x4
refused 'one of: f32, f64, bf16, f16' --dtype int8 --shape 4x4
refused 'one of: f32, .*, float32, float64, bfloat16, float16' --dtype int8 --shape 4x4
refused '1x3x1x1: one value per channel.*--op eval' --shape 2x32x14x14,1x3x1x1
refused 'did you mean leaky_relu' --act leakyrelu --shape 4x4
refused 'one of: auto, team, openmp' --executor tbb --shape 4x4
refused 'one of: onednn, onednn-blocked, torch, torch-gloo' --peer mpich --shape 4x4
for count in "-n 0" "-n x" "--threads 0" "--rounds 0" "-w -1" "-i 1.5"; do
	# shellcheck disable=SC2086 # an option and its value
	refused 'whole number' $count --shape 4x4
done
for words in --openmp "--op fwd" "--act none" --cold --hot "-w 2" "--warmup 2" "-i 0" \
	"--iterations 1" "--rounds 7"; do
	# shellcheck disable=SC2086 # an option and its value
	refused "${words% *}: --numerics times nothing.*; leave ${words% *} out" \
		--numerics $words --shape 4x4
done
for words in --cold --hot "--peer onednn"; do
	# shellcheck disable=SC2086 # an option and its value
	refused "${words% *}: --openmp times .* one buffer.*; leave ${words% *} out" \
		$words --openmp --shape 4x4
done
refused 'the name of a file is empty' --json '' --shape 4x4
refused 'not a regular file' --json /dev/null --shape 4x4
refused 'processing unit' -n 1000 --shape 4x4

"$perf" bn --shape 4x4 --json "$dir/none/perf.json" >"$dir/out" 2>"$dir/err"
expect "a file that cannot be written is refused before anything runs" 1 $?
"$run" -n 1 "$perf" bn -n 2 --shape 4x4 >"$dir/out" 2>"$dir/err"
expect "another number of ranks than the launcher's is refused" 2 $?
expect_match "its reason" 'leave -n out' "$dir/err"

"$perf" -n 2 bn >"$dir/out" 2>"$dir/err"
expect "options before the command are refused" 2 $?
expect_match "its reason" '^syncbn-perf: -n: the command comes first' "$dir/err"

for words in "--dtype bfloat16 --op backward" "--dtype float32 --op forward --act relu" \
	"--dtype bf16 --op eval --act relu"; do
	# shellcheck disable=SC2086 # options
	SYNCBN_RUN_MAP=core "$perf" bn $words --shape 2x3x4x4 -n 1 -i 1 --rounds 1 --cold \
		>"$dir/out" 2>"$dir/err"
	expect "either spelling: $words" 0 $?
	expect_match "is told as one" '^# .* (fwd|bwd|eval), nchw, (bf16|f32), ' "$dir/out"
	expect_match "what only syncbn-run reads is told" 'SYNCBN_RUN_MAP is read by syncbn-run' \
		"$dir/err"
	expect "apart has its columns forward: $words" "$(grep -c forward <<<"$words")" \
		"$(grep -c 'apart us' "$dir/out")"
done

"$perf" bn --help >"$dir/out" 2>"$dir/err"
expect "help is no error" 0 $?
expect "the help fits a screen's lines" yes \
	"$([ "$(wc -l <"$dir/out")" -le 40 ] && echo yes)"
expect "the help fits a screen's columns" 0 "$(grep -cE '^.{81}' "$dir/out")"
"$perf" --help >"$dir/out"
expect_match "the tool's help names it" '^  bn ' "$dir/out"
finish
