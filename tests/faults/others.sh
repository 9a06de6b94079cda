#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Faults that are not in a phase of one rank: of the launcher, the machine, and who else is there.
# After each: the code, what is told, how long the last process stayed, and that nothing is left.
# Lines "row WHAT|MS" are for the table of doc/reliability.md.
. "$SRC/tests/tools/run_common.sh"

faults=$BUILD/tests/faults
layers=$BUILD/tests/tools/layer_actor
before=$(shm_names)

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# gone WHAT BEGIN_MS LIMIT_MS: nobody is left, since how long, and nothing in /dev/shm
gone() {
	local took

	until_true none_marked
	took=$(($(now_ms) - $2))
	expect "$1: nobody is left" "" "$(marked)"
	expect "$1: in time ($took ms)" yes "$([ $took -le "$3" ] && echo yes)"
	expect "$1: /dev/shm is as before" "$before" "$(shm_names)"
	echo "row $1|$took"
}

# ---- the launcher, and processes around the ranks ----

what="launcher killed by SIGKILL"
start -n 2 -- "$layers" 9 loop 1 4
until_true n_lines 1 now "$dir/out"
begin=$(now_ms)
kill -KILL "$launcher"
gone "$what" "$begin" 1000
wait "$launcher" 2>/dev/null

what="ranks deaf to SIGTERM (grace 0.3 s)"
start -n 2 --grace 0.3 -- "$actor" 'deaf,join,all,say ready,pause'
until_true n_lines 2 ready "$dir/out"
begin=$(now_ms)
kill -TERM "$launcher"
wait "$launcher"
expect "$what: the code" 143 $?
gone "$what" "$begin" 1300

what="a grandchild outlives its rank"
start -n 2 --grace 0.3 -- sh -c 'sleep 1000 & timeout 1000 sleep 1000 & echo ready; exit 0'
until_true n_lines 2 ready "$dir/out"
begin=$(now_ms)
wait "$launcher"
expect "$what: the code" 0 $?
gone "$what" "$begin" 1300

what="a rank returns 0 early"
begin=$(now_ms)
run_it -n 2 -- "$actor" 'join,all,forward,lost' 'join,all,with 0,exit 0'
expect "$what: the code" 1 $code
expect_match "$what: it is named" 'rank 1 .* ended with exit 0 without syncbn_finalize' "$dir/err"
gone "$what" "$begin" 1500

what="a rank's forked child ends with 1"
begin=$(now_ms)
run_it -n 2 -- "$actor" 'join,all,fork 1,leave' 'join,all,fork 1,leave'
expect "$what: the run goes on" 0 $code
gone "$what" "$begin" 1500

what="a rank stopped beyond the deadline"
begin=$(now_ms)
run_it -n 2 --timeout 1 --grace 0.3 -- "$layers" 9 stop 1 4
expect "$what: the code" 5 $code
expect_match "$what: it is named" 'rank 1 has not come within 1000 ms' "$dir/err"
gone "$what" "$begin" 3500

# ---- the machine ----

FAULT_RANKS=3 mark taskset -c 0-1 "$faults/matrix" "$run" "$faults/actor" "$dir" \
	moments publish wait reduce normalize gradients >"$dir/matrix" 2>&1
what="exit, crash, loop and stop with 3 ranks on 2 cores"
expect "$what" 0 "$(grep -c '^FAIL' "$dir/matrix")"
grep '^FAIL' "$dir/matrix"
expect "$what: all of them" 108 "$(grep -c '^ok' "$dir/matrix")"
echo "row $what|$(awk '$1 == "row" && $3 != "stop" && $5 > worst { worst = $5 }
	END { print worst + 0 }' "$dir/matrix")"

what="/dev/shm of 1 MiB"
small_shm='mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
if unshare -m true 2>/dev/null; then
	begin=$(now_ms)
	mark unshare -m sh -c "$small_shm" sh "$run" -n 2 -- "$layers" 9 >"$dir/out" 2>"$dir/err"
	expect "$what: the run goes on" 0 $?
	gone "$what" "$begin" 3000
else
	echo "skip $what: a mount namespace needs root"
fi

what="memory policies refused (seccomp, EPERM)"
begin=$(now_ms)
mark "$faults/deny" "$run" -n 2 --report -- "$layers" 9 >"$dir/out" 2>"$dir/err"
code=$?
if [ $code = 77 ]; then
	echo "skip $what: no seccomp filter can be set here"
else
	expect "$what: the run goes on" 0 $code
	expect "$what: one warning" 1 \
		"$(grep -c 'not allowed here: first touch decides' "$dir/err")"
	gone "$what" "$begin" 3000
fi

what="fences for other processes refused, and insisted on"
begin=$(now_ms)
SYNCBN_FENCES=light mark "$faults/deny" "$run" -n 2 -- "$layers" 3 >"$dir/out" 2>"$dir/err"
code=$?
if [ $code = 77 ]; then
	echo "skip $what: no seccomp filter can be set here"
else
	expect "$what: the run fails" 1 "$((code != 0))"
	expect "$what: it says why" 1 \
		"$(grep -q 'SYNCBN_FENCES is light, but this system has no membarrier' "$dir/err" &&
			echo 1)"
	gone "$what" "$begin" 3000
fi

what="descriptors exhausted"
begin=$(now_ms)
worst=0
for limit in 4 5 6 7 8 9 10 11 12 14 16 20; do
	one=$(now_ms)
	mark prlimit --nofile=$limit timeout -k 1 15 "$run" -n 2 -- "$layers" 3 \
		>"$dir/out" 2>"$dir/err"
	code=$?
	expect "$what, $limit: it works or is told" yes "$([ $code = 0 ] || { [ $code -lt 124 ] &&
		[ -s "$dir/err" ]; } && echo yes || echo "$code")"
	one=$(($(now_ms) - one))
	[ $one -le $worst ] || worst=$one
done
expect "$what: with few the reason is told" 1 "$(mark prlimit --nofile=5 "$run" -n 2 -- true 2>&1 |
	grep -c 'Too many open files')"
gone "$what" $(($(now_ms) - worst)) 3000

# ---- what is written ----

what="--output into what is no directory"
: >"$dir/file"
begin=$(now_ms)
run_it -n 2 --output "$dir/file" -- sleep 1000
expect "$what: the code" 2 $code
expect_match "$what: it is named" "$dir/file" "$dir/err"
gone "$what" "$begin" 1500

what="disk full while logs are written"
if unshare -m true 2>/dev/null; then
	mkdir "$dir/disk"
	begin=$(now_ms)
	mark unshare -m sh -c 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"' "$dir/disk" \
		"$run" -n 2 --grace 0.3 --output "$dir/disk/logs" -- \
		sh -c 'while :; do echo "a line of output"; done' >"$dir/out" 2>"$dir/err"
	expect "$what: the code" 1 $?
	expect_match "$what: the file is named" "cannot write .*disk/logs/rank-.*No space left" \
		"$dir/err"
	gone "$what" "$begin" 3000
else
	echo "skip $what: a mount namespace needs root"
fi

# ---- ranks of other launchers ----

# as_torchrun RANK COMMAND...: one of two ranks of a job that has the same name each time
as_torchrun() {
	local rank=$1

	shift
	exec env SBN_TEST_MARK="$mark_value" RANK="$rank" LOCAL_RANK="$rank" WORLD_SIZE=2 \
		LOCAL_WORLD_SIZE=2 MASTER_PORT=12345 TORCHELASTIC_RUN_ID="$mark_value" "$@"
}

what="a stale rendezvous name"
(as_torchrun 0 "$run" -- true) 2>/dev/null &
first=$!
socket_is_there() {
	grep -q '@syncbn-' /proc/net/unix
}
until_true socket_is_there
kill -KILL $first
wait $first 2>/dev/null
begin=$(now_ms)
(as_torchrun 0 "$run" -- "$actor" 'join,all,leave') 2>/dev/null &
first=$!
(as_torchrun 1 "$run" -- "$actor" 'join,all,leave') 2>/dev/null &
second=$!
wait $first
expect "$what: the next job of that name meets" 0 $?
wait $second
expect "$what: all of it" 0 $?
gone "$what" "$begin" 3000
finish
