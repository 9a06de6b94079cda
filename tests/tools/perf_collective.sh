#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf exchange, allreduce, barrier with two ranks: tables, JSON, peers, Ctrl-C.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf
# the pipes of this test alone
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
few="--oversubscribe -w 1 -i 20"

# measure ARGS...: the table in $dir/out
measure() {
	# shellcheck disable=SC2086 # a list of words
	mark "$perf" "$@" $few >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

# column N: of all rows
column() {
	grep -v '^#' "$dir/out" | awk -v n="$1" '{ print $n }' | tr '\n' ' '
}

measure exchange -n 2 --channels 1,16,5000
expect "exchange ends well" 0 "$code"
expect "exchange has its bytes" "16 256 80000 " "$(column 1)"
expect "exchange has its channels" "1 16 5000 " "$(column 2)"
expect "exchange is right" "0 0 0 " "$(column 8)"
expect_match "the head names the command" '^# syncbn-perf [0-9.]+ exchange' "$dir/out"
expect_match "the head names the ranks" '^# .*: 2 ranks on CPUs ' "$dir/out"

expect "whole channels are not rounded" 0 "$(grep -c rounded "$dir/out")"
measure exchange -n 2 -b 8 -e 32 -f 2
expect "sizes are rounded up, and measured once" "0 16 32 " "$code $(column 1)"
expect_match "the head tells of it" '^# sizes are rounded up to multiples of 16 bytes' "$dir/out"
measure allreduce -n 2 -b 1 -e 9 -f 9 --dtype float64
expect "doubles are rounded, too" "0 8 16 " "$code $(column 1)"
expect_match "the head tells of theirs" '^# sizes are rounded up to multiples of 8 bytes' "$dir/out"
measure allreduce -n 2 -b 4 -e 1K -f 16
expect "allreduce ends well" 0 "$code"
expect "allreduce has its bytes" "4 64 1024 " "$(column 1)"
expect "allreduce is right" "0 0 0 " "$(column 7)"
measure allreduce -n 3 -b 300K -e 300K --dtype=float64 --op=mean
expect "a mean of doubles by three ranks is right" "307200 0 " "$(column 1)$(column 7)"
measure allreduce -n 2 --in-place -b100K -e100K --json "$dir/arena.json" --rounds 3
expect "an arena's all-reduce is right" "102400 0 " "$(column 1)$(column 7)"
expect_match "it has a floor" '^# .*floor us' "$dir/out"
measure barrier -n 2
expect "barrier ends well" 0 "$code"
expect "barrier has a row" "0 " "$(column 1)"
expect_match "its time is a number" '^ +0 +[0-9]' "$dir/out"
expect_match "a cache line's round trip stands beside it" '^# .*wrong trip ns' "$dir/out"
measure overlap -n 2 -b 64K -e 64K --buckets 3 --compute 50 --json "$dir/overlap.json"
expect "all-reduces in flight are right" "65536 0 " "$(column 1)$(column 7)"
expect_match "they stand beside blocking ones" '^# .*blocking +ratio' "$dir/out"
measure allreduce -n 1 -b 64 -e 64
expect "a world of one is right" "64 0 " "$(column 1)$(column 7)"

ln -s real.json "$dir/link.json"
measure barrier -n 2 --json "$dir/link.json"
expect "a link to results stays" "0 real.json" "$code $(readlink "$dir/link.json")"
expect_match "what it leads to has them" '"benchmarks"' "$dir/real.json"

open_unread
# shellcheck disable=SC2086 # a list of words
mark "$perf" exchange -n 2 -e 64 $few >&3 2>"$dir/err" </dev/null
expect "a table that nobody reads ends the measurement as a broken pipe" 141 $?
expect "and nobody is told of it" 0 "$(grep -c -e killed -e gone "$dir/err")"

mkfifo "$dir/pipe.json"
for command in "exchange -e 64" "allreduce -e 64" barrier "overlap -e 64"; do
	# shellcheck disable=SC2086 # a list of words
	run_it -n 2 --oversubscribe "$perf" $command ${few#--oversubscribe} --json "$dir/pipe.json"
	expect "ranks of $command put nothing in a pipe's place" "2 pipe" \
		"$code $([ -p "$dir/pipe.json" ] && echo pipe)"
	expect "and say so once" 1 "$(grep -c 'is not a regular file' "$dir/err")"
	# shellcheck disable=SC2086 # a list of words
	mark "$perf" $command -n 2 $few --json "$dir/closed.json" <&- >&- 2>"$dir/err"
	expect "with standard input and output closed $command measures all the same" "0 yes" \
		"$? $([ -s "$dir/closed.json" ] && echo yes)"
	rm -f "$dir/closed.json"
done
# shellcheck disable=SC2086 # a list of words
run_it -n 2 --oversubscribe "$perf" barrier ${few#--oversubscribe}
expect "the launcher's ranks measure" 0 "$code"
expect "only the first rank prints" 1 "$(grep -vc '^#' "$dir/out")"

if command -v python3 >/dev/null; then
	python3 - "$dir/arena.json" <<-'PYTHON' >"$dir/out" 2>&1
		import json, sys
		whole = json.load(open(sys.argv[1]))
		row, = whole["benchmarks"]
		assert whole["context"]["num_cpus"] >= 1
		assert row["name"] == "allreduce_arena/float32/sum/102400/ranks:2", row["name"]
		assert (row["ranks"], row["bytes"], row["wrong"]) == (2, 102400, 0)
		assert row["time_unit"] == "us" and 0 < row["real_time"] <= row["p99"]
		assert row["iterations"] == 60 and row["floor"] > 0 and row["peers"] == {}
		assert row["line_round_trip_ns"] >= 0
	PYTHON
	expect "the JSON is whole" "0" "$?"
	sed 's/^/	/' "$dir/out"
fi

# A peer that is not there is named and left out.
mkdir "$dir/alone"
cp "$perf" "$dir/alone/"
for peer in openmpi mpich gloo; do
	if [ ! -x "$BUILD/tools/peers/peer-$peer" ]; then
		measure barrier -n 2 --peer $peer
	else
		# shellcheck disable=SC2086 # a list of words
		mark "$dir/alone/syncbn-perf" barrier -n 2 --peer $peer $few >"$dir/out" \
			2>"$dir/err"
		code=$?
	fi
	expect "without $peer the rest is measured" "0 0 " "$code $(column 1)"
	expect_match "$peer is named" "peer $peer is left out: .*install" "$dir/err"
done

# A peer that ends too early is left out, too; the table is made without it.
mkdir "$dir/alone/peers"
printf '#!/bin/sh\nexit 3\n' >"$dir/alone/peers/peer-gloo"
chmod +x "$dir/alone/peers/peer-gloo"
# shellcheck disable=SC2086 # a list of words
mark "$dir/alone/syncbn-perf" barrier -n 2 --peer gloo $few >"$dir/out" 2>"$dir/err"
expect "a peer that fails does not stop the measurement" "0 0 " "$? $(column 1)"
expect_match "it is named" 'peer gloo is left out: gloo has ended too early' "$dir/err"

for peer in openmpi mpich; do
	[ -x "$BUILD/tools/peers/peer-$peer" ] || continue
	for command in "exchange --channels 8" "allreduce -b 64 -e 64" barrier; do
		# shellcheck disable=SC2086 # a list of words
		measure $command -n 2 --rounds 2 --peer $peer --json "$dir/peer.json"
		expect "$peer does $command" 0 "$code"
		expect_match "its ratio is there: $command" '"ratio": [0-9]' "$dir/peer.json"
		expect "its numbers are right: $command" 2 \
			"$(grep -c '"wrong": 0' "$dir/peer.json")"
	done
done
expect "no pipe is left" "" "$(find "$TMPDIR" -name 'syncbn-perf-*')"

# Ctrl-C ends everybody.
set -m
env SBN_TEST_MARK="$mark_value" "$perf" barrier -n 2 --oversubscribe -i 10000000 --rounds 1000 \
	>"$dir/out" 2>"$dir/err" </dev/null &
launcher=$!
set +m
until_true grep -q '^#.*bytes' "$dir/out"
kill -INT $launcher
wait $launcher
expect "an interrupt is the exit code" 130 $?
expect_until "nobody is left" none_marked
finish
