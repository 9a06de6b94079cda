#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing is left: in the process table, in /dev/shm; even when the launcher is killed.
. "$SRC/tests/tools/run_common.sh"

before=$(shm_names)
shm_is_as_before() {
	[ "$before" = "$(shm_names)" ] # other runs have a name there for a moment
}

start -n 2 -- sh -c 'sleep 1000 & echo ready; wait'
until_true n_lines 2 ready "$dir/out"
expect "a run has launcher, guard, ranks and their children" 6 "$(marked | wc -l)"
expect_until "a run has no name in /dev/shm" shm_is_as_before
kill -KILL "$launcher"
expect_until "a killed launcher leaves no process, not even a rank's child" none_marked
wait "$launcher" 2>/dev/null

start -n 2 --tag -- "$actor" 'deaf,say ready,pause'
until_true n_lines 2 ready "$dir/out"
kill -KILL "$launcher"
expect_until "nor one that is deaf, nor the relay" none_marked
wait "$launcher" 2>/dev/null

start -n 1 -- sh -c 'timeout 1000 sh -c "echo ready; sleep 1000; :" & wait'
until_true n_lines 1 ready "$dir/out"
expect "a process can move to a group of its own" 4 \
	"$(ps -o pgid= -p "$(marked | paste -sd ,)" | sort -u | wc -l)"
kill -KILL "$launcher"
expect_until "which does not save it from the end of a killed launcher" none_marked
wait "$launcher" 2>/dev/null

# its mark is gone from its environment; so it is known by its number
start -n 1 -- sh -c 'env -i timeout 1000 sh -c "echo ready \$\$; sleep 1000; :" & wait'
until_true n_lines 1 ready "$dir/out"
stray=$(cut -d' ' -f2 "$dir/out")
expect "a process can also lose the run's id" "" "$(marked | grep -x "$stray")"
kill -KILL "$launcher"
ended() {
	! kill -0 "$1" 2>/dev/null
}
expect_until "and is found by the segment that it has inherited" ended "$stray"
expect_until "with all others" none_marked
wait "$launcher" 2>/dev/null

# a process in a session of its own is let be, whatever the end
mkfifo "$dir/daemon"
daemonic="setsid sh -c 'echo \$\$ >\"$dir/daemon\"; exec sleep 1000' & read -r pid <'$dir/daemon'"
only_daemon() {
	[ "$(marked)" = "$(cat "$dir/out")" ]
}
run_it -n 1 -- sh -c "$daemonic; echo \$pid"
expect "a daemon does not keep a run from its end" 0 $code
expect_until "and outlives it, alone" only_daemon
kill_marked
start -n 1 -- sh -c "$daemonic; echo \$pid; exec sleep 1000"
until_true n_lines 1 '' "$dir/out"
kill -KILL "$launcher"
expect_until "as it does a killed launcher" only_daemon
wait "$launcher" 2>/dev/null
kill_marked

SYNCBN_RUN_NOTICE_MS=x run_it -n 2 -- sh -c 'exec sleep 1000'
expect "a launcher that cannot watch its ranks ends with its own code" 1 $code
expect_match "after it has said why" 'SYNCBN_RUN_NOTICE_MS: "x" is not' "$dir/err"
expect_until "and its guard ends the ranks" none_marked
SYNCBN_RUN_NOTICE_MS=x run_it -n 2 -- "$dir/not there"
expect "nor does one that could not start them watch them" 1 $code
expect "or wait for their end" 0 "$(grep -c 'do not end' "$dir/err")"

start -n 1 --grace 0.1 -- sh -c "$actor 'deaf,say ready,pause' & echo ready; wait"
until_true n_lines 2 ready "$dir/out"
kill -KILL "$(pgrep -P "$launcher" -x sh)"
wait "$launcher"
expect "a killed rank's code is the launcher's" 137 $?
expect_until "a child that its rank left behind is ended" none_marked

run_it -n 2 -- sh -c 'sleep 1000 & exit 0'
expect "leftovers of a clean run do not change its code" 0 $code
expect_until "and are ended" none_marked
expect_match "which is said" 'left processes in its group' "$dir/err"

run_it -n 2 -- sh -c 'timeout 1000 sleep 1000 & exit 0'
expect "leftovers in other groups do not change the code either" 0 $code
expect_until "and are ended, too" none_marked
start -n 1 -- sh -c 'echo ready; timeout 1000 sleep 1000; :'
until_true n_lines 1 ready "$dir/out"
kill -TERM "$launcher"
wait "$launcher"
expect_until "as they are when the run is ended" none_marked

start -n 1 -- sh -c 'echo ready; exec sleep 1000'
until_true n_lines 1 ready "$dir/out"
kill -KILL "$(pgrep -P "$launcher" syncbn-guard)"
kill -TERM "$launcher"
wait "$launcher"
expect "a run without its guard ends as usual" 143 $?

start -n 1 -- sh -c '(sh -c "exec sleep 0.01" & exit 0); exec sleep 1000'
until_true pgrep -P "$launcher" -x sleep >/dev/null
no_zombie() {
	! ps -o state= --ppid "$launcher" | grep -q Z
}
expect_until "orphans are reaped" no_zombie
kill -TERM "$launcher"
wait "$launcher"

expect_until "/dev/shm is as before" shm_is_as_before
finish
