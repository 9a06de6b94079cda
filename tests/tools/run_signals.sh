#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Signals to the launcher: forwarded, and answered with an orderly end.
. "$SRC/tests/tools/run_common.sh"

# ended CODE: the launcher's exit code; waits for it
ended() {
	wait "$launcher"
	[ $? = "$1" ]
}

# in_state LETTERS: launcher and ranks are all in one of these states
in_state() {
	local pid

	for pid in $(marked); do
		[[ $pid = "$guard" || $(ps -o state= -p "$pid") = [$1] ]] || return 1
	done
}

for signal in TERM:143 INT:130 HUP:129 QUIT:131; do
	start -n 2 -- "$actor" 'say ready,pause'
	until_true n_lines 2 ready "$dir/out"
	kill -"${signal%:*}" "$launcher"
	expect_until "SIG${signal%:*} ends the run with ${signal#*:}" ended "${signal#*:}"
	expect "it says so in one line" 2 "$(wc -l <"$dir/err")"
	expect_until "no process is left" none_marked
done

start -n 2 -- sh -c 'trap "echo saved; exit 0" TERM; echo ready; while :; do sleep 0.05; done'
until_true n_lines 2 ready "$dir/out"
kill -INT "$launcher"
expect_until "a rank may end by itself on SIGTERM" ended 130
expect "and gets the time for it" 2 "$(grep -c saved "$dir/out")"

start -n 2 --grace 0.1 -- "$actor" 'deaf,say ready,pause'
until_true n_lines 2 ready "$dir/out"
kill -TERM "$launcher"
expect_until "a rank that is deaf to SIGTERM is killed after the grace" ended 143

start -n 2 --grace 1000 -- "$actor" 'deaf,say ready,pause'
until_true n_lines 2 ready "$dir/out"
kill -INT "$launcher"
until_true grep -q 'Ctrl-C again' "$dir/err"
kill -INT "$launcher"
expect_until "a second SIGINT kills at once" ended 130

start -n 2 --grace 1000 -- "$actor" 'deaf,say ready,pause'
until_true n_lines 2 ready "$dir/out"
kill -STOP $(pgrep -P "$launcher" rank_actor)
kill -TERM "$launcher"
until_true grep -q 'with SIGTERM' "$dir/err"
kill -INT "$launcher"
expect_until "stopped ranks are ended, too" ended 143

start -n 2 -- sh -c 'trap "echo usr1; exit 0" USR1; echo ready; while :; do sleep 0.05; done'
until_true n_lines 2 ready "$dir/out"
kill -USR1 "$launcher"
expect_until "SIGUSR1 is forwarded" ended 0
expect "to every rank" 2 "$(grep -c usr1 "$dir/out")"

start -n 2 -- "$actor" 'say ready,pause'
until_true n_lines 2 ready "$dir/out"
guard=$(pgrep -P "$launcher" syncbn-guard)
kill -TSTP "$launcher"
expect_until "SIGTSTP stops launcher and ranks" in_state T
kill -CONT "$launcher"
expect_until "SIGCONT continues them" in_state SR
kill -TERM "$launcher"
expect_until "and they can be ended" ended 143

: >"$dir/out"
env SBN_TEST_MARK="$mark_value" nohup "$run" -n 1 -- sh -c 'echo ready; exec sleep 1000' \
	>"$dir/out" 2>"$dir/err" &
launcher=$!
until_true n_lines 1 ready "$dir/out"
kill -HUP "$launcher"
kill -TERM "$launcher"
expect_until "under nohup a SIGHUP means nothing" ended 143
finish
