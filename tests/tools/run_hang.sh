#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ranks that wait too long: --hang-report, --timeout, stacks, and when the clocks stand still.
. "$SRC/tests/tools/run_common.sh"

layers=$BUILD/tests/tools/layer_actor
stacks=$("$run" --version | grep -q 'with stacks' && echo yes)

# end CODE NAME: ends the launcher and expects its code
end() {
	kill -TERM "$launcher"
	wait "$launcher"
	expect "$2" "$1" $?
}

# expect_stack NAME FUNCTION: a line of a stack comes
expect_stack() {
	if [ "$stacks" = yes ]; then
		expect_until "$1" grep -q "^syncbn-run:     $2" "$dir/err"
	else
		echo "skip $1: built without libdw"
	fi
}

# expect_line NAME PLACE: so does one that says where in the source
expect_line() {
	case " ${CFLAGS:-}" in
	*" -g0"*) echo "skip $1: built without debug information" ;;
	*" -g"*) expect_stack "$@" ;;
	*) echo "skip $1: built without debug information" ;;
	esac
}

# ---- --hang-report ----

start -n 2 --hang-report 0.3 -- "$layers" 9 loop 1 4
expect_until "a hang is reported" grep -q 'hang report: rank 0 is' "$dir/err"
expect_until "with the stacks of all ranks" grep -q 'rank 1, process' "$dir/err"
expect_match "who waits in what and for whom" \
	'rank 0 is in forward of bn2, call 4, channels [0-9]+-7: waits [0-9.]+ s for rank 1; ' \
	"$dir/err"
expect_match "and who is missing" \
	'; not there: rank 1 \(in no collective; last: forward of bn2, call 3\)$' "$dir/err"
expect_match "the table has the waiting rank's state" \
	' 0 +[0-9]+ +[0-9]+ +(sleeps|runs) +in forward of bn2, call 4, .* for rank 1$' "$dir/err"
expect_match "and the other's" ' 1 +[0-9]+ +[0-9]+ +runs +in no collective; last: forward' \
	"$dir/err"
expect_until "the stack shows the loop" grep -qE 'run_for_ever|libdw' "$dir/err"
expect_line "and the line" 'run_for_ever at layer_actor.c:[0-9]*$'
expect_stack "the waiting rank's shows the call" 'syncbn_batch_norm_forward '
expect_line "and the program's own line" 'main at layer_actor.c:[0-9]*$'
expect "nobody is ended" 4 "$(marked | wc -l)"
end 143 "until somebody ends the run"
expect "and each wait is reported once" 1 "$(grep -c 'hang report' "$dir/err")"

# under a wrapper the process that has joined tells, not the shell
start -n 2 --hang-report 0.3 -- sh -c "'$layers' 9 loop 1 4; true"
until_true grep -q 'rank 1, process' "$dir/err"
expect_until "a rank under a wrapper is looked into" grep -qE 'run_for_ever|libdw' "$dir/err"
end 143 "and can be ended"

mkfifo "$dir/gate"
export GATE=$dir/gate
start -n 2 --hang-report 0.3 -- "$layers" 9 read 1 4
until_true grep -q 'rank 1, process' "$dir/err"
echo go >"$dir/gate"
wait "$launcher"
expect "a run that was reported goes on to its end" 0 $?
expect "on all ranks" 2 "$(grep -c done "$dir/out")"

start -n 2 --hang-report 0.3 -- "$layers" 9 stop 1 4
expect_until "a stopped rank is called stopped" \
	grep -q 'not there: rank 1 (stopped, in no collective' "$dir/err"
expect_until "also in the table" grep -qE ' 1 +[0-9]+ +[0-9]+ +stopped +in no' "$dir/err"
until_true grep -q 'rank 1, process' "$dir/err"
expect_line "its stack is read as well" 'main at layer_actor.c'
is_stopped() {
	[ "$(ps -o state= -p "$(rank_pid 1)")" = T ]
}
expect_until "and it stays stopped" is_stopped
kill -CONT "$(rank_pid 1)"
wait "$launcher"
expect "until it is continued" 0 $?

if setpriv --bounding-set=-sys_ptrace true 2>/dev/null || [ "$(id -u)" != 0 ]; then
	drop=
	[ "$(id -u)" = 0 ] && drop='setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace'
	: >"$dir/err"
	# shellcheck disable=SC2086 # words
	env SBN_TEST_MARK="$mark_value" $drop "$run" -n 2 --hang-report 0.3 -- \
		"$layers" 9 closed 1 4 >"$dir/out" 2>"$dir/err" </dev/null &
	launcher=$!
	expect_until "where it is forbidden to look into a rank, the report says so" \
		grep -q 'there are no stacks: ' "$dir/err"
	expect_until "and shows its threads" grep -qE '  thread [0-9]+ \(layer_actor\): runs' \
		"$dir/err"
	end 143 "and goes on"
else
	echo "skip forbidden stacks: no setpriv"
fi

run_it -n 2 --hang-report 0.05 --timeout 0.05 -- sleep 1
expect "a program that never joins has no clock" 0 $code
expect "and no report" 1 "$(wc -l <"$dir/err")"

# ---- --timeout ----

run_it -n 2 --timeout 0.5 --grace 0.1 -- "$layers" 9 loop 1 4
expect "after the timeout the waiting rank's code counts" 5 $code
expect_match "the report says who gave up and for whom" \
	'timeout: rank 0 has given up waiting for rank 1 \(in no collective; last: forward of bn2' \
	"$dir/err"
expect_line "and shows where that one is" 'run_for_ever at layer_actor.c:[0-9]*$'
expect_match "so does the first cause" \
	'rank 0 .* ended with exit 5, after rank 0 had given up waiting for rank 1' "$dir/err"
expect_match "the rank itself says it, too" 'rank 1 has not come within 500 ms' "$dir/err"

run_it -n 2 --timeout 0.5 --grace 0.1 -- "$layers" 9 stop 1 4
expect "a rank that somebody stopped is late like any other" 5 $code
expect_match "and called stopped" 'given up waiting for rank 1 \(stopped, in no' "$dir/err"
expect_match "in the table, too" ' 1 .* killed by signal 15 .* stopped, in no collective' \
	"$dir/err"

# ---- when the clocks stand still; these must take longer than the timeout ----

start -n 2 --timeout 3 --hang-report 2 -- "$layers" 9 read 1 4
until_true grep -q now "$dir/out"
mkfifo "$dir/hold"
"$BUILD/tests/tools/holder" "$(rank_pid 1)" <"$dir/hold" >"$dir/held" &
exec 9>"$dir/hold"
until_true grep -q held "$dir/held"
sleep 5
expect "a rank in a debugger makes nobody give up" 0 "$(grep -c 'timeout\|report' "$dir/err")"
exec 9>&-
echo go >"$dir/gate"
wait "$launcher"
expect "and the run goes on after it" 0 $?

start -n 2 --timeout 3 --hang-report 2 -- "$layers" 9 read 1 4
until_true grep -q now "$dir/out"
kill -TSTP "$launcher"
sleep 5
kill -CONT "$launcher"
echo go >"$dir/gate"
wait "$launcher"
expect "nor does a stop of the whole run" 0 $?
expect "of which nothing is told" 1 "$(wc -l <"$dir/err")"
finish
