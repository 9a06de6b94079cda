#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What doc/security.md promises of the launcher: no rights but its caller's, no name in /dev/shm,
# and a segment that a rank has overwritten is no way to crash or hold it.
. "$SRC/tests/tools/run_common.sh"

# ---- rights ----

# may_setuid PROGRAM: makes a copy of PROGRAM, $dir/setuid, that runs as nobody
may_setuid() {
	chmod 755 "$dir"
	cp "$1" "$dir/setuid" && chown nobody "$dir/setuid" && chmod 4755 "$dir/setuid" &&
		! findmnt -n -o OPTIONS -T "$dir" | grep -qw nosuid
} 2>/dev/null

if [ "$(id -u)" = 0 ] && may_setuid "$actor"; then
	run_it -n 1 -- "$dir/setuid" 'join,leave'
	expect "a setuid program is not a rank" 99 $code
	expect_match "and is told why" 'rank_actor: .*setuid.*install it without' "$dir/err"
	may_setuid "$run"
	mark "$dir/setuid" -n 1 -- true >"$dir/out" 2>"$dir/err"
	expect "a setuid launcher starts nothing" 1 $?
	expect_match "and says why" '^syncbn-run: .*setuid.*install it without' "$dir/err"
else
	echo "skip setuid programs: they take root to make, and a file system that allows them"
fi

# ---- names ----

before=$(shm_names)
start -n 2 -- "$actor" 'join,all,say ready,pause'
until_true n_lines 2 ready "$dir/out"
for pid in $(marked); do
	readlink "/proc/$pid/fd/"* 2>/dev/null
done | grep -E '/dev/shm/|memfd:syncbn' >"$dir/links"
expect "ranks hold a segment" yes "$([ -s "$dir/links" ] && echo yes)"
expect "that no name leads to" "" "$(grep -v '(deleted)$' "$dir/links")"
expect "nor did the run leave one" "$before" "$(shm_names)"
kill -TERM "$launcher"
wait "$launcher"

# ---- garbage ----

# garbage_is_survived NAME SCRIPTS...: the launcher ends, itself, with a code, and leaves nobody
garbage_is_survived() {
	local name=$1 seed
	shift

	for seed in 1 2 3 4 5 6 7 8; do
		run_it -n 2 --grace 0.1 -- "$actor" "${@//SEED/$seed}"
		expect "$name, seed $seed: the launcher ends by itself" yes \
			"$([ $code -ge 1 ] && [ $code -lt 128 ] && echo yes || echo "$code")"
		expect_until "$name, seed $seed: and leaves nobody" none_marked
	done
}

garbage_is_survived "a rank spoils the segment and fails" \
	'join,all,with 1,spoil SEED,exit 3' 'join,all,forward,lost'
garbage_is_survived "a rank spoils it and its peer fails" \
	'join,all,with 1,spoil SEED,deaf,pause' 'join,all,forward,lost'
garbage_is_survived "a rank spoils it when its peer has just joined" \
	'join,await 1,spoil SEED,exit 3' 'attach,await 0,join,lost'
export SYNCBN_RUN_NOTICE_MS=20
garbage_is_survived "a rank spoils it while notices are written" \
	'join,all,with 1,spoil SEED,deaf,pause' 'join,all,forward,lost'

# no text from the segment reaches a terminal as an order to it
run_it -n 2 --grace 0.1 -- "$actor" 'join,all,forward,with 1,spoil 5,exit 3' 'join,all,forward,lost'
expect "what is told of it holds no control characters" 0 \
	"$(tr -d '\n\t' <"$dir/err" | grep -caP '[\x00-\x1f\x7f]')"
finish
