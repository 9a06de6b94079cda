#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# On a terminal: Ctrl-C, Ctrl-Z, who may read it, colors and sizes; and --stdin elsewhere.
. "$SRC/tests/tools/run_common.sh"

python=$(command -v python3) || { echo "skipped: python3 is missing"; exit 77; }
export TERM=xterm
unset NO_COLOR

# on_terminal STEP... -- ARGS...: syncbn-run on a terminal; what it showed in $dir/out
on_terminal() {
	local steps=()

	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	mark "$python" "$SRC/tests/tools/on_terminal.py" "${steps[@]}" -- "$run" "$@" \
		>"$dir/raw" 2>"$dir/err" </dev/null
	code=$?
	tr -d '\r' <"$dir/raw" >"$dir/out"
}

# ---- Ctrl-C and Ctrl-Z ----

on_terminal 'await:ready' 'await:ready' 'type:\x03' -- -n 2 -- "$actor" 'say ready,pause'
expect "Ctrl-C ends the run with 130" 130 $code
expect_match "and SIGTERM for the ranks" 'ending the ranks with SIGTERM' "$dir/out"
expect_until "of which none is left" none_marked

on_terminal 'await:ready' 'await:ready' 'type:\x03' 'await:Ctrl-C again' 'type:\x03' -- \
	-n 2 --grace 1000 -- "$actor" 'deaf,say ready,pause'
expect "a second Ctrl-C kills the deaf, with 130" 130 $code
expect_until "and leaves none" none_marked

on_terminal 'await:ready' 'await:ready' 'type:\x1a' 'stopped' 'resume' 'type:\x03' -- \
	-n 2 -- "$actor" 'say ready,pause'
expect "Ctrl-Z stops the run, and it can be continued and ended" 130 $code

# ---- reading ----

on_terminal 'await:1 has no input' -- -n 2 --tag -- \
	sh -c 'read line || echo "$RANK has no input"'
expect "no rank has a terminal's input by default" 0 $code

on_terminal 'await:name?' 'type:syncbn\n' -- -n 2 --stdin 0 -- sh -c \
	'[ $RANK = 0 ] || exit 0; echo "name?"; read line; echo "hello $line"'
expect "with --stdin 0 rank 0 reads the terminal" 0 $code
expect_match "what is typed" '^hello syncbn$' "$dir/out"

on_terminal 'await:ready' 'type:\x03' 'await:caught' -- -n 1 --stdin 0 -- \
	sh -c 'trap "echo caught; exit 4" INT; echo ready; while :; do sleep 0.05; done'
expect "then Ctrl-C is rank 0's own" 4 $code
on_terminal 'await:ready' 'await:ready' 'type:\x03' -- -n 2 --stdin 0 -- \
	"$actor" 'say ready,pause'
expect "and ends the run if it ends rank 0" 130 $code

on_terminal 'await:ready' 'type:\x1a' 'stopped' 'resume' 'type:more\n' -- -n 2 --stdin 0 -- \
	sh -c '[ $RANK = 0 ] || exec sleep 1000; echo ready; read line; echo "got $line"; exit 3'
expect "after Ctrl-Z and fg rank 0 has the terminal again" 3 $code
expect_match "and reads it" '^got more$' "$dir/out"

on_terminal 'await:ready' 'await:ready' 'type:to all\n' 'type:\x04' -- \
	-n 2 --stdin all --tag -- sh -c 'echo ready; cat'
expect "with --stdin all every rank gets what is typed" 0 $code
expect "each once" 2 "$(grep -c '\] to all$' <(sed 's/\x1b\[[0-9]*m//g' "$dir/out"))"

seq 100000 >"$dir/numbers"
mark "$run" -n 2 --stdin all -- md5sum <"$dir/numbers" >"$dir/out" 2>"$dir/err"
expect "a file goes to all, too" "$(md5sum <"$dir/numbers") 2" \
	"$(sort "$dir/out" | uniq -c | awk '{ print $2 "  " $3, $1 }')"
seq 100000 | mark "$run" -n 2 --stdin all -- sh -c \
	'[ $RANK = 1 ] || exec head -n 1; md5sum' >"$dir/out" 2>"$dir/err"
expect "a rank that stops reading holds nobody up" "$( (echo 1; md5sum <"$dir/numbers") | sort)" \
	"$(sort "$dir/out")"
not_blocking='
import fcntl, os, subprocess, sys
read, write = os.pipe()
fcntl.fcntl(read, fcntl.F_SETFL, os.O_NONBLOCK)
run = subprocess.Popen(sys.argv[1:], stdin=read, stdout=subprocess.PIPE, text=True)
for rank in range(2):
    run.stdout.readline()
os.write(write, b"hello\n")
os.close(write)
print(run.stdout.read(), end="")
sys.exit(run.wait())'
mark python3 -c "$not_blocking" "$run" -n 2 --stdin all -- sh -c 'echo ready; cat' \
	>"$dir/out" 2>"$dir/err"
expect "an input that does not block is waited for" "0 hello hello" "$? $(paste -sd ' ' "$dir/out")"
echo typed | mark "$run" -n 2 --stdin none -- cat >"$dir/out" 2>"$dir/err"
expect "with --stdin none nobody reads" "0 " "$? $(cat "$dir/out")"
run_it --stdin 1 -- true
expect "another word is refused" 2 $code

# ---- writing ----

where='test -t 1 && echo "terminal $(stty size <&2)" || echo no terminal'
on_terminal 'size:33,77' 'await:ready' 'type:go\n' -- -n 1 --stdin 0 --tag -- \
	sh -c "echo ready; read go; $where"
expect_match "a rank with tags sees a terminal of the same size" 'terminal 33 77$' "$dir/out"
expect_match "its tag has a color" $'^\x1b\\[3[1-6]m\\[0\\]\x1b\\[0m ' "$dir/raw"
on_terminal 'await:ready' 'size:44,55' 'await:55' -- -n 1 --tag -- \
	bash -c 'trap "stty size <&1; exit 0" WINCH; echo ready; while :; do sleep 0.05; done'
expect_match "a new size is passed on" '44 55$' "$dir/out"

NO_COLOR=1 on_terminal -- -n 1 --tag -- sh -c 'printf "\033[31mred\033[0m\n"; '"$where"
expect_match "with NO_COLOR tags have none" '^\[0\] ' "$dir/raw"
expect_match "what the rank writes is its own affair" $'^\\[0\\] \x1b\\[31mred\x1b\\[0m' "$dir/raw"
on_terminal -- -n 1 --tag --output "$dir/log" -- sh -c "$where"
expect "a rank that writes to a file alone sees no terminal" "no terminal" \
	"$(cat "$dir/log/rank-0.log")"
on_terminal -- -n 1 --tag -- sh -c 'head -c 300000 /dev/zero | tr "\0" x; echo; echo end'
expect "a terminal's last lines are not lost either" 300000 "$(tr -cd x <"$dir/out" | wc -c)"
expect_match "not even the very last" '\] end|0m end' "$dir/out"
finish
