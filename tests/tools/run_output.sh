#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --tag: whole lines, all of them, each with its rank.
. "$SRC/tests/tools/run_common.sh"

chatty='i=0
while [ $i -lt 3000 ]; do
	echo "$RANK says a line that is $i of three thousand"
	i=$((i + 1))
done'
run_it -n 2 --tag -- sh -c "$chatty"
expect "two chatty ranks end well" 0 $code
for rank in 0 1; do
	RANK=$rank sh -c "$chatty" | sed "s/^/[$rank] /" >"$dir/expected"
	grep "^\[$rank\]" "$dir/out" | cmp -s - "$dir/expected"
	expect "every line of rank $rank is whole and in order" 0 $?
done
expect "there is no other line" 6000 "$(wc -l <"$dir/out")"

run_it -n 2 --tag -- sh -c 'printf "no newline"; echo error >&2'
expect "a last line without a newline is written" "[0] no newline
[1] no newline" "$(sort "$dir/out")"
expect "errors are tagged, too" 2 "$(grep -cE '^\[[01]\] error$' "$dir/err")"

run_it -n 1 --tag -- sh -c 'head -c 200000 /dev/zero | tr "\0" x; echo; echo; echo end'
expect "a very long line comes in pieces" "65540 65540 65540 3396 4 7" \
	"$(awk '{ print length }' "$dir/out" | paste -sd ' ')"
expect "without a loss" 200000 "$(tr -cd x <"$dir/out" | wc -c)"

run_it -n 1 --tag -- sh -c 'setsid sh -c "exec sleep 1000" & echo held'
expect "a process that keeps the pipe open holds nobody up" 0 $code
expect "and nothing is lost" "[0] held" "$(cat "$dir/out")"
kill_marked

mark "$run" -n 2 --tag -- sh -c 'while :; do echo line; done' 2>"$dir/err" | head -n 1 >"$dir/out"
expect "a reader that goes away ends the run as a broken pipe" 141 "${PIPESTATUS[0]}"
expect_until "and its ranks" none_marked

mark "$run" -n 1 --tag -- sh -c 'echo line; exec sleep 1000' >/dev/full 2>"$dir/err"
expect "a full device ends the run" 1 $?
expect_match "and says so" "cannot write the ranks' output: No space left" "$dir/err"

mark "$run" -n 1 --tag -- sh -c 'echo line; exec sleep 1000' 2>"$dir/err" | {
	read -r line
	expect "a line comes as soon as it is whole" "[0] line" "$line"
	kill_marked
}

run_it -n 1 -- echo plain
expect "without --tag the output is the rank's own" plain "$(cat "$dir/out")"
finish
