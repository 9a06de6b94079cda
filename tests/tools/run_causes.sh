#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Why a rank ended: core dumps, kills for want of memory, and what was waited for meanwhile.
. "$SRC/tests/tools/run_common.sh"

layers=$BUILD/tests/tools/layer_actor

# ---- core dumps; whether there are any is the machine's affair, and its shell knows ----

cd "$dir" || exit 1
ulimit -S -c unlimited 2>/dev/null
dumped=$(bash -c '"$1" 9 crash 0 1; :' bash "$layers" 2>&1 | grep -c 'core dumped')
run_it -n 2 -- "$layers" 9 crash 1 4
expect "a rank that crashes gives 139" 139 $code
fault='signal 11 \(Segmentation fault\)'
expect "a core dump is named when there is one" "$dumped" \
	"$(grep -cE "was killed by $fault, core dumped, in no coll" "$dir/err")"
expect "also in the table" "$dumped" \
	"$(grep -cE " 1 .* killed by $fault, core dumped +in no" "$dir/err")"
ulimit -S -c 0
run_it -n 2 -- "$layers" 9 crash 1 4
expect_match "the signal is named without one" "was killed by $fault, in" "$dir/err"
cd / || exit 1

# ---- who came last ----

run_it -n 2 -- "$layers" 9 exit 1 4
expect "a rank's code is the launcher's" 3 $code
expect_match "its peer has an error, not a hang" \
	'layer_actor: .*rank 1 \(pid [0-9]+\) is gone' "$dir/err"

mkfifo "$dir/gate"
export GATE=$dir/gate
start -n 2 -- "$layers" 9 read 1 4
until_true grep -q now "$dir/out"
waits() {
	[ "$(grep -c futex "/proc/$(rank_pid 0)/wchan" 2>/dev/null)" = 1 ] ||
		grep -q '^[0-9]* (.*) S' "/proc/$(rank_pid 0)/stat"
}
until_true waits
kill -KILL "$(rank_pid 1)"
wait "$launcher"
expect "a rank that is killed while its peer waits gives 137" 137 $?
expect_match "the table says how long the peer had waited, and for what" \
	' 0 .* exit 5 +in forward of bn2, call 4, channels [0-9-]+: waits [0-9.e-]+ s for rank 1$' \
	"$dir/err"
expect_match "and who had not come" \
	'rank 0 waited longest; not there: rank 1 \(has ended: killed by signal 9 \(Killed\)\)$' \
	"$dir/err"

start -n 3 --oversubscribe -- "$layers" 9 read 1 4
until_true grep -q now "$dir/out"
both_wait() {
	local rank

	for rank in 0 2; do
		[ "$(grep -c futex "/proc/$(rank_pid $rank)/wchan" 2>/dev/null)" = 1 ] ||
			grep -q '^[0-9]* (.*) S' "/proc/$(rank_pid $rank)/stat" || return 1
	done
}
until_true both_wait
kill -KILL "$(rank_pid 1)"
wait "$launcher"
expect_match "of several that have come the last one is named" \
	'rank (0 waited longest; rank 2|2 waited longest; rank 0) came last, [0-9.e-]+ s later' \
	"$dir/err"
expect "nobody speaks of memory" 0 "$(grep -c 'out of memory' "$dir/err")"

# ---- out of memory ----

cgroup=$(small_cgroup)
if [ -z "$cgroup" ]; then
	echo "skip a kill for want of memory: no cgroup can be made here"
	finish
fi
(
	echo $BASHPID >"$cgroup/cgroup.procs"
	exec env SBN_TEST_MARK="$mark_value" "$run" -n 2 -- "$layers" 9 eat 1 4
) >"$dir/out" 2>"$dir/err"
expect "a rank that eats all memory gives 137" 137 $?
expect_match "and is said to be out of memory, and how much there was" \
	'was killed by signal 9 \(Killed\), out of memory: its cgroup allows 64 MiB; it had [0-9]' \
	"$dir/err"
expect_match "the table says it, too" ' 1 .* killed by signal 9 \(Killed\), out of memory +in no' \
	"$dir/err"
until_true rmdir "$cgroup"
finish
