#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ranks that have joined a run: who is lost, what the others were in, who is late.
. "$SRC/tests/tools/run_common.sh"

run_it -n 2 -- "$actor" 'join,all,forward,lost' 'join,all,forward,with 0,kill 9'
expect "a killed rank gives its code" 137 $code
expect_match "its peer hears of it" '^rank 0: peer lost: rank 1$' "$dir/out"
expect_match "the first cause is told" \
	'^syncbn-run: rank 1 \(pid [0-9]+, domain [0-9]+\) was killed by signal 9 \(Killed\), ' \
	"$dir/err"
expect_match "with what it was in" 'was killed.*, in forward of bn2, call 812$' "$dir/err"
expect_match "the table tells what the peer was in, and its end" \
	' 0 +[0-9]+ +[0-9]+ +exit 5 +in forward of bn2, call 812: waits [0-9.e-]+ s$' "$dir/err"

run_it -n 2 -- "$actor" 'join,all,forward,lost' 'join,all,forward,last,exit 0'
expect "leaving without finalize is a failure" 1 $code
expect_match "its peer hears of it" '^rank 0: peer lost: rank 1$' "$dir/out"
expect_match "it is called by its name" \
	'rank 1 \(pid [0-9]+, domain [0-9]+\) ended with exit 0 without syncbn_finalize' "$dir/err"
expect_match "the table tells what it was in last" ' 1 .* exit 0 +in no .*last: forward of bn2' \
	"$dir/err"

run_it -n 2 -- "$actor" 'join,all,forward,lost' 'join,all,with 0,exit 0'
expect_match "who waits for it is told" \
	'syncbn_finalize while rank 0 waits in forward of bn2, call 812: call that' "$dir/err"

run_it -n 2 -- "$actor" 'join,lost' 'attach,await 0,exit 0'
expect "who never joins is lost, too" 1 $code
expect_match "and named" 'rank 1 .* exit 0 without syncbn_init' "$dir/err"

run_it -n 2 -- "$actor" 'join,all,leave,exit 0' 'join,all,leave,exit 0'
expect "an orderly end is none" 0 $code
expect "and nothing is said" 1 "$(wc -l <"$dir/err")"

run_it -n 2 -- "$actor" 'join,all,gone 1,leave,exit 0' 'join,all,leave,exit 0'
expect "who ends first is marked as gone" 0 $code

run_it -n 1 -- "$actor" 'join,exit 0'
expect "a single rank must finalize, too" 1 $code
expect_match "and is told so" \
	'rank 0 .* exit 0 without syncbn_finalize: call that before the program ends$' "$dir/err"

run_it -n 2 -- "$actor" 'join,all,leave,exit 0' 'join,all,gone 0,exit 0'
expect "nor is it missed for being the last" 1 $code

run_it -n 2 -- "$actor" 'join,all,leave,exit 0' 'join,all,mismatch,leave,exit 0'
expect "a failure that the program ignores is one" 1 $code
expect_match "and said" \
	'the group failed \(mismatch, found by rank 1\), but every rank ended with 0: .*status$' \
	"$dir/err"

run_it -n 2 -- "$actor" 'join,all,kill 26' 'join,all,lost'
expect "no line ends with a blank" 0 "$(grep -c ' $' "$dir/err")"

run_it -n 2 -- "$actor" 'join,all,leave,gone 1,work 200,say saved' 'join,all,leave,exit 3'
expect "a rank that fails after its finalize gives its code" 3 $code
expect_match "its peer, which has finalized, too, ends what it does" '^saved$' "$dir/out"
expect_match "by itself" ' 0 +[0-9]+ +[0-9]+ +exit 0 ' "$dir/err"

run_it -n 2 --grace 0.1 -- "$actor" 'join,all,forward,deaf,pause' 'join,all,exit 3'
expect "a peer that does not leave is killed" 3 $code

# The rank's process under a wrapper, which outlives it.
wrapped="'$actor' 'join,all,forward,lost' 'join,all,with 0,forward,kill 9'"
run_it -n 2 --grace 0.1 -- sh -c "$wrapped; exec sleep 1000"
expect "a rank's process that dies under a wrapper ends the run" 1 $code
expect_match "its peer hears of it" '^rank 0: peer lost: rank 1$' "$dir/out"
expect_match "it is named" \
	'rank 1 .*: its process [0-9]+, which had joined the run, has ended .* while rank 0 ' \
	"$dir/err"
expect_match "and in the table" " 1 .* the rank's process [0-9]+ has ended +in forward of bn2" \
	"$dir/err"

run_it -n 2 -- sh -c "$wrapped; exit 7"
expect "a wrapper's own code counts" 7 $code

run_it -n 1 --grace 0.1 -- sh -c "'$actor' join; exec sleep 1000"
expect "a process that has died before anybody looked is lost, too" 1 $code

run_it -n 2 -- sh -c "'$actor' 'join,all,leave,exit 0'; exit 0"
expect "a process that left is missed by nobody" 0 $code
expect "and nothing is said" 1 "$(wc -l <"$dir/err")"

mkfifo "$dir/joined"
run_it -n 1 --grace 0.1 -- \
	sh -c "'$actor' 'join,say joined,pause' >'$dir/joined' & read line <'$dir/joined'"
expect "a wrapper that does not wait ends the run" 1 $code
expect_match "and is named" 'exit 0 before its process [0-9]+, which has joined the run: let' \
	"$dir/err"

if unshare --pid --fork true 2>/dev/null; then
	run_it -n 2 -- unshare --pid --fork "$actor" 'join,all,leave,exit 0'
	expect "a process in a PID namespace of its own is found" 0 $code
	run_it -n 2 --grace 0.1 -- sh -c \
		"unshare --pid --fork '$actor' 'join,all,lost' 'join,all,exit 3'; exec sleep 1000"
	expect "and its end is seen" 1 $code
	expect_match "by its peer" '^rank 0: peer lost: rank 1$' "$dir/out"
else
	echo "skip PID namespaces: not allowed here"
fi

export SYNCBN_RUN_NOTICE_MS=50
start -n 2 -- "$actor" 'join,all,forward,pause' 'join,all,pause'
expect_until "a long wait is told" \
	grep -q 'waiting for .* in forward of bn2, call 812: rank 0; not there: rank 1 (in no' \
	"$dir/err"
kill -TERM "$launcher"
wait "$launcher"
expect "once" 1 "$(grep -c 'waiting for' "$dir/err")"

start -n 2 -- "$actor" 'join,pause' 'pause'
expect_until "who has not joined is told" \
	grep -q '1 of 2 ranks have joined; not there: rank 1 (not joined)' "$dir/err"
kill -TERM "$launcher"
wait "$launcher"

is_stopped() {
	[ "$(ps -o state= -p "$(rank_pid "$1")")" = T ]
}
start -n 2 -- "$actor" 'join,all,say ready,kill 19,forward,pause' 'join,all,say ready,kill 19'
until_true n_lines 2 ready "$dir/out"
until_true is_stopped 0
until_true is_stopped 1
kill -CONT "$(rank_pid 0)"
expect_until "a stopped rank is called so" grep -qE 'rank 1 \(stopped' "$dir/err"
kill -TERM "$launcher"
wait "$launcher"
expect "stopped ranks are ended" 143 $?

start -n 2 -- sleep 1000
expect_until "ranks run" pgrep -P "$launcher" sleep >/dev/null
kill -TERM "$launcher"
wait "$launcher"
expect "of a program that never joins nothing is told" 0 "$(grep -cE 'waiting|joined' "$dir/err")"

SYNCBN_RUN_NOTICE_MS=soon run_it -n 1 -- true
expect "a wrong setting is refused" 1 $code
finish
