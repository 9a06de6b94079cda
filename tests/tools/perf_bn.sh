#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf bn with two ranks: every operation, layout, type and activation on small shapes, the
# JSON, the errors, the turns with OpenMP.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf
few="--oversubscribe -w 1 -i 2 --rounds 2"
# ragged sizes, few channels, a batch of one, an empty rank, two, three and five dimensions
shapes=5x19x7x5,3x1x9x2,1x3x2x3,9x33,4x11x9,3x5x2x3x4

# measure ARGS...: the table in $dir/out
measure() {
	# shellcheck disable=SC2086 # a list of words
	mark "$perf" bn "$@" $few >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# column NAME: of all rows, by the head's words; "p50 us" and the like are two words there
column() {
	sed -E 's/(p50|floor|alone|apart) us/\1_us/g; s/^#/ /' "$dir/out" |
		awk -v name="$1" '$1 == "shape" { for (i = 1; i <= NF; i++) if ($i == name) n = i }
			n && $1 ~ /^[0-9]+x/ { printf "%s ", $n }'
}

for op in fwd bwd step eval; do
	for words in "--act relu" "--layout nhwc --act add_relu" "--layout nchw8c --dtype f64" \
		"--layout nchw16c --dtype bf16 --act leaky_relu" "--dtype f16 --act add_relu"; do
		# shellcheck disable=SC2086 # a list of words
		measure -n 2 --cold --op $op $words --shape $shapes
		expect "$op $words ends well" 0 "$code"
		expect "$op $words is right" "0 0 0 0 0 0 " "$(column wrong)"
		[ "$code" = 0 ] || sed 's/^/	/' "$dir/err"
	done
done

measure -n 2 --shape 5x19x7x5 --act relu --json "$dir/bn.json"
expect "both places have a line" "cold hot " "$(column place)"
expect_match "the head names the operation" '^# syncbn-perf [0-9.]+ bn fwd, nchw, f32' "$dir/out"
expect_match "the head names the ranks" '^# .*: 2 ranks on CPUs ' "$dir/out"
measure -n 3 --threads 3 --hot --op step --shape 8x2x5x5
expect "few channels and many threads are right" "0 hot 0 " \
	"$code $(column place)$(column wrong)"
measure -n 1 --cold --shape 8x2x5x5
expect "a world of one has no line alone" "- " "$(column alone_us)"
measure -n 2 --hot --shape 1x4
expect "one value a channel is refused" 2 "$code"
expect_match "its reason" 'value' "$dir/err"
measure -n 2 --threads 300 --cold --shape 4x4
expect_match "more threads than CPUs are told" '^# .*: 2 ranks on CPUs .*[(]oversubscribed[)]' \
	"$dir/out"
SYNCBN_THREADS=3 measure -n 2 --threads 1 --cold --shape 4x4
expect "what an option says instead is not told" 0 "$(grep -c SYNCBN_THREADS "$dir/out")"
SYNCBN_FETCH=lines measure -n 2 --cold --shape 4x4
expect_match "what the environment sets is told" '^# set: .*SYNCBN_FETCH=lines' "$dir/out"
echo kept >"$dir/none.json"
measure -n 1 --hot --shape 4x32x1024x1024 --json "$dir/none.json"
expect "its file stays as it was" kept "$(cat "$dir/none.json")"
expect "to measure nothing is a failure" 1 "$code"
expect_match "its reason" 'nothing was measured: no shape has a hot line; .*--hot' "$dir/err"
odd=$(printf '\377')
(cd "$dir" && SYNCBN_ODD=$odd SYNCBN_STORES=streaming measure -n 1 --cold --shape 4x4 --json -)
expect "no file is named -" "" "$(find "$dir" -name '-*')"
expect_match "the table goes to standard error" '^ +4x4 cold ' "$dir/err"
cp "$dir/out" "$dir/standard.json"
# shellcheck disable=SC2086 # a list of words
mark "$perf" bn -n 1 --cold --shape 4x4 $few --json - >/dev/full 2>"$dir/err"
expect "a lost file is a failure" 1 $?
expect_match "its reason" 'json -: standard output cannot be written: No space' "$dir/err"
# shellcheck disable=SC2086 # a list of words
run_it -n 2 --oversubscribe "$perf" bn --hot --shape 4x4 ${few#--oversubscribe}
expect "the launcher's ranks measure" 0 "$code"
expect "only the first rank prints" 1 "$(grep -vc '^#' "$dir/out")"
mkfifo "$dir/pipe.json"
# shellcheck disable=SC2086 # a list of words
run_it -n 2 --oversubscribe "$perf" bn --shape 4x4 ${few#--oversubscribe} --json "$dir/pipe.json"
expect "they put nothing in a pipe's place" "2 pipe" \
	"$code $([ -p "$dir/pipe.json" ] && echo pipe)"
expect "and say so once" 1 "$(grep -c 'is not a regular file' "$dir/err")"
# shellcheck disable=SC2086 # a list of words
mark "$perf" bn -n 1 --cold --shape 4x4 $few --json "$dir/closed.json" <&- >&- 2>"$dir/err"
expect "with standard input and output closed it measures all the same" "0 yes" \
	"$? $([ -s "$dir/closed.json" ] && echo yes)"

few=--oversubscribe measure -n 2 --numerics --shape 4x3x5x5 --json "$dir/numerics.json"
expect "the errors are told" "0 7" "$code $(grep -c ' syncbn ' "$dir/out")"
measure -n 1 --openmp --executor openmp --threads 2 --shape 4x3x5x5
if [ "$code" = 0 ]; then
	expect_match "the layer runs on OpenMP's threads" "2 threads .*the layer's are OpenMP's" \
		"$dir/out"
else
	expect_match "without OpenMP there is no such executor" 'has no OpenMP' "$dir/err"
fi
measure -n 2 --executor openmp --cold --op step --shape 6x5x7x7
[ "$code" = 0 ] && expect "on OpenMP's threads all is right" "0 " "$(column wrong)"
measure -n 1 --openmp --shape 4x3x5x5 --json "$dir/openmp.json"
if [ "$code" = 0 ]; then
	expect "alternating has a line" 1 "$(grep -vc '^#' "$dir/out")"
else
	expect_match "without OpenMP it says so" 'without OpenMP' "$dir/err"
	expect "and writes no file" no "$([ -e "$dir/openmp.json" ] && echo yes || echo no)"
fi

if command -v python3 >/dev/null; then
	python3 "$SRC/tests/tools/perf_bn_json.py" "$dir/bn.json" >"$dir/out" 2>&1
	expect "every field is there and of its kind" 0 $?
	sed 's/^/	/' "$dir/out"
	python3 "$SRC/tests/tools/perf_bn_json.py" "$dir/standard.json" >"$dir/out" 2>&1
	expect "the file on standard output is one" 0 $?
	sed 's/^/	/' "$dir/out"
	python3 - "$dir" <<-'PYTHON' >"$dir/out" 2>&1
		import json, os, sys
		rows = lambda name: json.load(open(f"{sys.argv[1]}/{name}.json"))["benchmarks"]
		cold, hot = rows("bn")
		context = json.load(open(f"{sys.argv[1]}/standard.json"))["context"]
		assert context["settings"]["SYNCBN_STORES"] == "streaming", context
		assert "SYNCBN_ODD" not in context["settings"], context
		assert "SYNCBN_EXECUTOR" not in context["settings"], context
		assert context["line_round_trip_min_ns"] is None
		assert cold["name"].startswith("bn/fwd/5x19x7x5/nchw/f32/relu/cold/ranks:2/")
		assert (hot["place"], cold["ranks"], cold["wrong"]) == ("hot", 2, 0)
		assert cold["time_unit"] == "us" and 0 < cold["real_time"] <= cold["p99"]
		assert cold["bytes"] == 2 * 4 * 5 * 19 * 7 * 5 and cold["iterations"] == 4
		near = lambda a, b: abs(a - b) < 1e-3 * b
		assert near(cold["floor_multiple"], cold["real_time"] / cold["floor"])
		assert near(cold["alone_multiple"], cold["real_time"] / cold["alone"])
		assert near(cold["apart_multiple"], cold["real_time"] / cold["apart"])
		assert set(cold["phases"]) == {"moments", "exchange", "wait", "normalize"}
		assert cold["peers"] == {} and "read_copy" not in cold
		errors = {row["name"].split("/")[-1]: row for row in rows("numerics")}
		assert len(errors) == 7 and errors["mean-1e4-sd-1"]["variance"] <= 1e-6
		assert errors["mean-1e4-sd-1"]["y"] <= 1e-6
		os.path.exists(f"{sys.argv[1]}/openmp.json") or sys.exit()
		row, = rows("openmp")
		assert row["layer"] > 0 and row["region"] > 0 and "lost" in row
		assert (row["run_name"], row["run_type"]) == (row["name"], "iteration")
		assert row["cpu_time"] == row["real_time"] > 0 and row["time_unit"] == "us"
	PYTHON
	expect "the files are whole" 0 "$?"
	sed 's/^/	/' "$dir/out"
fi
# ---- within a cgroup's limit ----

cgroup=$(small_cgroup)
if [ -z "$cgroup" ]; then
	echo "skip tensors beyond a cgroup's limit: no cgroup can be made here"
	finish
fi
# shellcheck disable=SC2086 # a list of words
(
	echo $BASHPID >"$cgroup/cgroup.procs"
	exec env SBN_TEST_MARK="$mark_value" "$perf" bn -n 2 --cold --shape 64x64x64x64 $few
) >"$dir/out" 2>"$dir/err"
expect "tensors beyond a cgroup's limit are refused, not killed" 1 $?
expect_match "its reason" 'take [0-9]+ MiB, of which [0-9]+ are free .*cgroup' "$dir/err"
until_true rmdir "$cgroup"
finish
