#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Exit codes, and what is said of programs and wishes that cannot be had.
. "$SRC/tests/tools/run_common.sh"

one_line() {
	grep -vc 'ranks\? on .* domain' "$dir/err"
}

run_it -- true
expect "a program that ends well gives 0" 0 $code
expect_match "one line says where the ranks are" '^syncbn-run: [0-9]+ ranks? on [0-9]+ domain' \
	"$dir/err"
expect "and no other" 1 "$(wc -l <"$dir/err")"

run_it -n 2 -- sh -c 'exit 3'
expect "the exit code is the ranks'" 3 $code

run_it -n 2 -- sh -c '[ $RANK = 0 ] || exit 7; exec sleep 1000'
expect "the first failing rank's code ends everybody" 7 $code
expect_match "the first cause is named" 'rank 1 \(pid [0-9]+, domain [0-9]+\) ended with exit 7' \
	"$dir/err"
expect_match "the table says how the others ended" ' 0 +[0-9]+ +[0-9]+ +killed by signal 15' \
	"$dir/err"

run_it -n 2 -- sh -c 'kill -KILL $$'
expect "a signal gives 128 and its number" 137 $code
expect_match "the signal is named" 'was killed by signal 9 \(Killed\)' "$dir/err"

run_it -n 2 -- no-such-program-here
expect "a program that is not found gives 127" 127 $code
expect_match "it is named" 'no-such-program-here not found.*PATH' "$dir/err"
expect "in one line" 1 "$(one_line)"

run_it -n 2 -- "$dir/no-such-file"
expect "a path that does not exist gives 127" 127 $code

run_it -n 2 -- "$dir"
expect "a directory gives 126" 126 $code
expect_match "it is called a directory" 'is a directory' "$dir/err"

: >"$dir/plain"
run_it -n 2 -- "$dir/plain"
expect "a file without the x permission gives 126" 126 $code
expect_match "the permission is named" 'plain cannot be executed.*x permission' "$dir/err"

printf '#!/no/such/interpreter\n' >"$dir/script"
chmod +x "$dir/script"
run_it -n 2 -- "$dir/script"
expect "a script without its interpreter gives 127" 127 $code
expect_match "the interpreter is blamed" 'interpreter is missing' "$dir/err"

run_it -n 2 -- ""
expect "a program without a name is refused" 2 $code
expect_match "with a guess why" "name is empty: is a variable" "$dir/err"

run_it --mem "$(printf '\033[2J')" -- true
expect "a wrong word gives 2" 2 $code
expect "and what would clear the screen is disarmed" 0 "$(grep -c $'\033' "$dir/err")"

n=$(($(nproc) + 1))
run_it -n $n -- true
expect "more ranks than CPUs are refused" 2 $code
expect_match "with the number" "$(nproc)" "$dir/err"
expect "in one line" 1 "$(wc -l <"$dir/err")"
run_it -n $n --oversubscribe -- true
expect "more ranks than CPUs run when asked for" 0 $code

run_it --no-such-option -- true
expect "an unknown option gives 2" 2 $code
run_it
expect "no program gives 2" 2 $code
run_it --help
expect "--help gives 0" 0 $code
expect_match "--help shows the usage" '^usage: syncbn-run' "$dir/out"
mark "$run" --help >/dev/full 2>"$dir/err"
expect "--help into a full device gives 1" 1 $?

run_it -n 2 -- "$actor" 'exit 4'
expect "any program can be launched" 4 $code
finish
