#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Spin searches every state of the models: the right ones are silent, and each planted fault is
# found, in the way in which it must show. Two searches at a time, of at most 2 GB each.
set -u
here=$(cd "$(dirname "$0")" && pwd)

for tool in spin "${CC:-cc}"; do
	command -v "${tool%% *}" >/dev/null && continue
	echo "skip: ${tool%% *} is missing (Debian: apt-get install spin)"
	exit 77
done

# What is searched: model | options | what must come out | what it says
models() {
	cat <<-'TABLE'
	ring | -DRANKS=3 | silent | 3 ranks, 2 lanes, 2 slots
	abort | -DRANKS=3 -DCALLS=1 -DNO_BUFFERS -DNO_DEADLINE=true | silent | 3 ranks, one killed
	leave | | silent | 3 ranks leave and return, 2 epochs
	ring | -DRANKS=3 -DSERIAL=4 | silent | 3 ranks, the last one's executor serial
	sleep | -DRANKS=3 -DCALLS=2 -DNO_BUFFERS | silent | 3 ranks, 2 calls, no store buffers
	ring | -DRANKS=3 -DLANES=1 -DL=2 | silent | 3 ranks, 1 lane, 2 calls ahead, 6 slots
	ring | -DRANKS=3 -DLANES=1 -DL=1 | silent | 3 ranks, 1 lane, 1 call ahead, 4 slots
	ring | -DL=2 | silent | 2 ranks, 2 lanes, 2 calls ahead, 6 slots
	ring | -DL=1 | silent | 2 ranks, 2 lanes, 1 call ahead, 4 slots
	ring | | silent | 2 ranks, 2 lanes, 2 slots
	ring | -DTRADES=1 | silent | 2 ranks, 2 slots, rows change hands always
	ring | -DTRADES=0 | silent | 2 ranks, 2 slots, rows never change hands
	ring | -DTRADES=1 -DL=1 | silent | 2 ranks, 1 call ahead, rows change hands always
	ring | -DAHEAD=2 | silent | 2 ranks, 2 lanes, 2 chunks ahead
	ring | -DSERIAL=3 | silent | 2 ranks, both executors serial
	sleep | | silent | 2 ranks, store buffers
	sleep | -DRANKS=3 -DCALLS=1 | silent | 3 ranks, store buffers
	sleep | -DLIGHT | silent | 2 ranks, store buffers, sleepers fence
	sleep | -DLIGHT -DRANKS=3 -DCALLS=1 | silent | 3 ranks, store buffers, sleepers fence
	abort | | silent | 2 ranks, one killed, one past its deadline, store buffers
	leave | -DRANKS=2 | silent | 2 ranks leave and return, 2 epochs
	ring | -DONE_SLOT_FEWER | assertion | 1 slot
	ring | -DONE_SLOT_FEWER -DTRADES=1 | assertion | 1 slot, rows change hands always
	ring | -DONE_SLOT_FEWER -DL=1 | assertion | 1 call ahead, 3 slots
	ring | -DONE_SLOT_FEWER -DL=2 | assertion | 2 calls ahead, 5 slots
	ring | -DONE_SLOT_FEWER -DRANKS=3 -DLANES=1 -DL=1 | assertion | 3 ranks, 3 slots
	ring | -DNO_JOIN | assertion | a call ends before its lanes have
	ring | -DEMPTY_RUNS_ON | assertion | a rank with an empty batch does not wait
	ring | -DPUBLISH_FIRST | assertion | items are written after they are published
	ring | -DOUT_OF_ORDER -DSERIAL=2 | deadlock | a serial executor begins with the last lane
	sleep | -DNO_F1 | deadlock | no fence between publishing and the look at the sleepers
	sleep | -DNO_F2 | deadlock | no fence before sleeping
	sleep | -DLOOK_FIRST | deadlock | the doorbell's count is read after the look
	abort | -DNO_DOORBELLS | deadlock | an abort that rings no doorbell
	abort | -DWAKES_ONLY | deadlock | an abort that wakes and does not count
	abort | -DFIRST_RINGS | deadlock | only the first to abort rings
	leave | -DNO_EPOCH | assertion | a mark of leaving without its epoch
	leave | -DONE_MEETING | assertion | ranks go on while others read the marks
	leave | -DNOT_LEFT | deadlock | a rank stops and leaves no mark
	TABLE
}

# outcome LOG: silent, assertion, deadlock, or what else pan says
outcome() {
	if grep -q 'assertion violated' "$1"; then
		echo assertion
	elif grep -q 'invalid end state (' "$1"; then
		echo deadlock
	elif grep -qE 'reached -DMEMLIM|max search depth too small' "$1"; then
		echo "not searched to the end"
	elif grep -q 'errors: 0' "$1"; then
		echo silent
	else
		tail -n 1 "$1"
	fi
}

# search MODEL OPTIONS EXPECTED TEXT: prints ok or FAIL, with the states that were seen
search() {
	local model=$1 options=$2 expected=$3 text=$4 work found states

	work=$(mktemp -d) && cd "$work" || exit 1
	cp "$here"/*.pml .
	# shellcheck disable=SC2086 # options and CC are lists of words
	{ spin -a $options "$model.pml" && ${CC:-cc} -O2 -w -DSAFETY -DMEMLIM=3000 -o pan pan.c &&
		./pan -n -m100000; } >log 2>&1
	found=$(outcome log)
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log)
	cd / && rm -rf "$work"
	if [ "$found" = "$expected" ]; then
		echo "ok $model: $text: $found, ${states:-no} states"
	else
		echo "FAIL $model: $text: $found, expected $expected, ${states:-no} states"
		return 1
	fi
}

if [ "${1:-}" = --one ]; then
	IFS='|' read -r model options expected text <<<"$2"
	# shellcheck disable=SC2086 # without the blanks around
	search "${model// /}" "$options" "${expected// /}" "${text# }"
	exit
fi
seconds=$SECONDS
models | tr '\n' '\0' | xargs -0 -n 1 -P 2 bash "$0" --one
status=$?
echo "all models: $((SECONDS - seconds)) s"
exit "$((status != 0))"
