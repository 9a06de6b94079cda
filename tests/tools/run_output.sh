#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --tag, --timestamps, --output, --tee, --quiet-ranks: whole lines, all of them, each where it
# belongs.
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

open_unread
mark "$run" -n 2 -- sh -c 'echo line; exec sleep 1000' 2>"$dir/err" >&3
expect "so does one whose ranks write there themselves" 141 $?
expect "and nobody is told of it" 0 "$(grep -c killed "$dir/err")"
expect_until "not even its ranks are left" none_marked
mark "$run" -n 2 -- sh -c 'kill -PIPE $$' 2>"$dir/err" >"$dir/out"
expect "a rank may lose another pipe" 141 $?
expect_match "of that the user is told" "was killed by signal 13" "$dir/err"

mark "$run" -n 1 --tag -- sh -c 'echo line; exec sleep 1000' >/dev/full 2>"$dir/err"
expect "a full device ends the run" 1 $?
expect_match "and says so" "cannot write the ranks' output: No space left" "$dir/err"

mark "$run" -n 1 --tag -- sh -c 'echo line; exec sleep 1000' 2>"$dir/err" | {
	read -r line
	expect "a line comes as soon as it is whole" "[0] line" "$line"
	kill_marked
}

# ---- files ----

say='echo "out $RANK"; echo "err $RANK" >&2'
run_it -n 2 --output "$dir/log/" -- sh -c "$say"
expect "--output ends well" 0 $code
expect "nothing is shown" "" "$(cat "$dir/out")"
expect "not even errors" 1 "$(wc -l <"$dir/err")"
for rank in 0 1; do
	expect "a file has all that rank $rank wrote" "err $rank
out $rank" "$(sort "$dir/log/rank-$rank.log")"
done
expect "there is no other file" 2 "$(find "$dir/log" -type f | wc -l)"

run_it -n 2 --output "$dir/log" --tee --tag -- sh -c "$say"
expect "with --tee it is shown, too" "[0] out 0
[1] out 1" "$(sort "$dir/out")"
expect "errors where they belong" 2 "$(grep -cE '^\[[01]\] err [01]$' "$dir/err")"
expect "the file has no tags, and nothing of the run before" "err 1
out 1" "$(sort "$dir/log/rank-1.log")"

run_it -n 1 --output "$dir/log" --max-restarts 1 -- \
	sh -c 'echo "start $SYNCBN_RESTART_COUNT"; [ "$SYNCBN_RESTART_COUNT" = 1 ]'
expect "the files of a restarted run go on" "start 0
start 1" "$(cat "$dir/log/rank-0.log")"

run_it -n 2 --output "$dir/log" -- sh -c "$chatty"
for rank in 0 1; do
	RANK=$rank sh -c "$chatty" | cmp -s - "$dir/log/rank-$rank.log"
	expect "every line of chatty rank $rank is in its file" 0 $?
done

run_it -n 2 --quiet-ranks 1- --output "$dir/log" --tee -- sh -c "$say"
expect "a quiet rank is not shown" "out 0" "$(cat "$dir/out")"
expect "nor are its errors" 1 "$(grep -c '^err' "$dir/err")"
expect "but written" 2 "$(wc -l <"$dir/log/rank-1.log")"
run_it -n 2 --quiet-ranks 0 -- sh -c "$say"
expect "a list names the quiet ranks" "out 1" "$(cat "$dir/out")"
run_it -n 1 --quiet-ranks 1- -- sh -c "$say"
expect "all but rank 0 may be none" "out 0" "$(cat "$dir/out")"
run_it -n 2 --quiet-ranks 2 -- true
expect "a rank that is not there is refused" 2 $code
expect_match "by its number" '--quiet-ranks 2: there is no rank 2; the ranks are 0 to 1' "$dir/err"
run_it --dry-run --quiet-ranks one -- true
expect "what is no list is refused also where nothing runs" 2 $code
run_it -n 2 --quiet-ranks one -- true
expect "and so is what is no list" 2 $code

run_it -n 1 --tee -- true
expect "--tee without --output is refused" 2 $code
: >"$dir/file"
run_it -n 1 --output "$dir/file" -- touch "$dir/began"
expect "a file is no directory" 2 $code
expect_match "which is told" 'file/rank-0.log: Not a directory; give a directory' "$dir/err"
expect "before the program starts" no "$([ -e "$dir/began" ] && echo yes || echo no)"
mkdir "$dir/pipe"
mkfifo "$dir/pipe/rank-1.log"
run_it -n 2 --output "$dir/pipe" -- true
expect "a pipe that nobody reads is refused, not waited for" 2 $code
mkdir "$dir/full"
ln -s /dev/full "$dir/full/rank-1.log"
run_it -n 2 --output "$dir/full" -- sh -c 'echo line; exec sleep 1000'
expect "a full disk ends the run" 1 $code
expect_match "and names the file" 'cannot write .*/full/rank-1.log: No space left on device' \
	"$dir/err"
run_it -n 2 --output "$dir/full" -- sh -c 'echo line'
expect "also when all ranks have ended by then" 1 $code

# ---- timestamps ----

date='[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}'
run_it -n 2 --timestamps -- sh -c 'echo "out $RANK"'
expect "--timestamps puts the time before every line" 2 \
	"$(grep -cE "^$date out [01]\$" "$dir/out")"
began=$(date +%s)
run_it -n 1 --timestamps --tag --output "$dir/log" --tee -- echo now
expect_match "before the tag" "^$date \\[0\\] now\$" "$dir/out"
expect_match "and in the file" "^$date now\$" "$dir/log/rank-0.log"
then=$(date -d "$(cut -d ' ' -f 1,2 "$dir/log/rank-0.log")" +%s)
expect "the time is the local one" yes \
	"$([ $((then - began)) -ge 0 ] && [ "$then" -le "$(date +%s)" ] && echo yes)"

run_it -n 1 -- echo plain
expect "without options the output is the rank's own" plain "$(cat "$dir/out")"
finish
