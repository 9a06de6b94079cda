#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --max-restarts: what starts the group again, what does not, and what the new start is given.
. "$SRC/tests/tools/run_common.sh"

# rank 1 of the first start is killed once rank 0 has spoken; later ones end well
mkfifo "$dir/spoken"
export SPOKEN=$dir/spoken
once='echo "$RANK $SYNCBN_RESTART_COUNT $SYNCBN_RUN_ID $MASTER_PORT"
case $RANK.$SYNCBN_RESTART_COUNT in
0.0) echo >$SPOKEN && exec sleep 1000 ;;
1.0) read line <$SPOKEN && kill -KILL $$ ;;
esac
exit 0'

run_it -n 2 --max-restarts 2 -- sh -c "$once"
expect "a group that is restarted ends well" 0 $code
expect "after one restart" 1 "$(grep -c 'starting all ranks again' "$dir/err")"
expect_match "whose reason is told" \
	'starting all ranks again, restart 1 of 2, after rank 1: killed by signal 9 \(Killed\)$' \
	"$dir/err"
expect_match "and before it the failure" 'rank 1 .* was killed by signal 9' "$dir/err"
expect "where the ranks are is said once" 1 "$(grep -c '2 ranks on' "$dir/err")"
expect "each start has all ranks" "0 0
0 1
1 0
1 1" "$(cut -d ' ' -f 1,2 "$dir/out" | sort)"
expect "and a run id of its own" 2 "$(cut -d ' ' -f 2,3 "$dir/out" | sort -u | wc -l)"
expect "another one" 2 "$(cut -d ' ' -f 3 "$dir/out" | sort -u | wc -l)"
expect_until "nothing is left of the first start" none_marked

run_it -n 2 --max-restarts 3 -- sh -c 'echo start; exit 7'
expect "when all restarts fail, the last code is the launcher's" 7 $code
expect "three restarts are told" 3 "$(grep -c 'starting all ranks again' "$dir/err")"
expect_match "and counted" 'restart 3 of 3' "$dir/err"

run_it -n 2 -- sh -c 'exit 7'
expect "without the option nothing is restarted" 0 "$(grep -c 'again' "$dir/err")"
SYNCBN_RUN_MAX_RESTARTS=1 run_it -n 1 -- sh -c 'exit 7'
expect "the variable counts, too" 1 "$(grep -c 'again' "$dir/err")"

run_it -n 2 --max-restarts 1 -- "$actor" 'join,all,mismatch,leave,exit 0' 'join,all,leave,exit 0'
expect "a failure that the program ignores is one" 1 $code
expect_match "worth a restart" 'again, restart 1 of 1, after the group failed' "$dir/err"

run_it -n 2 --max-restarts 1 --grace 0.1 -- \
	sh -c "'$actor' 'join,all,lost' 'join,all,kill 9'; exec sleep 1000"
expect_match "and so is the end of a process under a wrapper" \
	"again, restart 1 of 1, after rank [01]: the rank's process [0-9]+ has ended" "$dir/err"

run_it -n 2 --max-restarts 5 -- no-such-program-here
expect "a program that is not found is not sought again" 127 $code
expect "and nothing restarted" 0 "$(grep -c 'again' "$dir/err")"

start -n 2 --max-restarts 5 -- "$actor" 'say ready,pause'
until_true n_lines 2 ready "$dir/out"
kill -TERM "$launcher"
wait "$launcher"
expect "a signal to the launcher ends the run for good" 143 $?
expect "so nothing is restarted" 0 "$(grep -c 'again' "$dir/err")"

# the second SIGINT comes while the ranks of a failed start are being ended
start -n 2 --max-restarts 5 --grace 1000 -- \
	"$actor" 'deaf,say ready,pause' 'say ready,pause'
until_true n_lines 2 ready "$dir/out"
kill -KILL "$(rank_pid 1)"
until_true grep -q 'was killed' "$dir/err"
kill -INT "$launcher"
wait "$launcher"
expect "nor after a Ctrl-C during the end of a failed start" 137 $?
expect "is anything restarted" 0 "$(grep -c 'again' "$dir/err")"

run_it --max-restarts -1 -- true
expect "a negative number is refused" 2 $code
expect "/dev/shm is empty" "" "$(shm_names)"
finish
