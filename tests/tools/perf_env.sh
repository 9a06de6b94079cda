#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf: what `env` shows, and what is refused.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf

"$perf" env >"$dir/out" 2>"$dir/err"
expect "env runs" 0 $?
for line in system CPU topology '  domain 0' 'page size' 'huge pages' /dev/shm 'NUMA balancing' \
	clock 'CPU features' kernels threads settings collectives; do
	expect_match "env shows $line" "^$line  *[^ ]" "$dir/out"
done

SYNCBN_ISA=scalar "$perf" env >"$dir/out" 2>"$dir/err"
expect_match "the caller's instruction set is shown" '^kernels +scalar ' "$dir/out"
SYNCBN_ISA='' "$perf" env >"$dir/out" 2>"$dir/err"
env -u SYNCBN_CALIBRATE "$perf" env >"$dir/out2"
expect_match "no variable is set" '^settings +none$' "$dir/out2"
SYNCBN_CALIBRATE=off SYNCBN_THREADS=3 SYNCBN_FETCH=lines SYNCBN_STORES='' \
	"$perf" env >"$dir/out2"
expect "variables that are set are shown" \
	"SYNCBN_CALIBRATE=off SYNCBN_FETCH=lines SYNCBN_THREADS=3" \
	"$(sed -n 's/^settings  *//p' "$dir/out2" | tr -d , | tr ' ' '\n' | sort | xargs)"
expect_match "and heeded" '^threads +3 a rank$' "$dir/out2"
env -u SYNCBN_CALIBRATE SYNCBN_FETC=lines "$perf" env >"$dir/out2"
expect_match "a variable that nothing reads is told" \
	'^settings +SYNCBN_FETC [(]which nothing reads; did you mean SYNCBN_FETCH[)]$' \
	"$dir/out2"
env -u SYNCBN_CALIBRATE "SYNCBN_A$(printf '\033')B=$(printf 'a\nb')" "$perf" env >"$dir/out2"
expect_match "and nothing of it but letters" '^settings +SYNCBN_A[?]B [(]which nothing reads' \
	"$dir/out2"
# shellcheck disable=SC2013 # words
for name in $(grep -oE '^ [*]	SYNCBN_[A-Z_]+(, SYNCBN_[A-Z_]+)*' "$SRC/include/syncbn/group.h" |
	grep -oE 'SYNCBN_[A-Z_]+'); do
	env "$name=1" "$perf" env 2>&1 | grep -q "$name (which" && told+=" $name"
done
expect "those of the header are all known" "" "${told-}"
for setting in FETCH=line SPLIT=x IMAGES=x STORES=x STORES_FROM=x CHUNK_BYTES=0 CALIBRATE=of \
	FENCES=x THREADS=0 EXECUTOR=x ISA=x TIMEOUT=x JOIN_TIMEOUT=x TAKE_FROM=x SCATTER_FROM=x \
	STREAM_FROM=x; do
	env "SYNCBN_$setting" "$perf" env >"$dir/out2" 2>"$dir/err"
	expect "a wrong SYNCBN_$setting is refused" 2 $?
	expect_match "its reason" "^syncbn-perf: SYNCBN_${setting%%=*}: " "$dir/err"
done
expect_match "and one that is tried out beside the best one" \
	'^kernels +(avx512; layers try out avx2|scalar|avx2|avx2[+]avx512|neon)$' \
	"$dir/out"

"$perf" --help >"$dir/out" 2>"$dir/err"
expect "help is no error" 0 $?
expect_match "help names env" '^  env ' "$dir/out"

# refused PATTERN ARGS...
refused() {
	local pattern=$1

	shift
	"$perf" "$@" >"$dir/out" 2>"$dir/err"
	expect "refused: $*" 2 $?
	expect_match "the reason: $*" "^syncbn-perf: .*$pattern" "$dir/err"
}

refused 'a command is missing'
refused 'did you mean env' enw
refused 'did you mean barrier' barier
refused 'unknown option --all; --help lists' env --all
refused 'did you mean --oversubscribe' env --oversubscibe
refused 'no option takes it' env 2
refused 'its value is missing' env -n
refused '-n.* whole number' env -n 0
refused 'add -n N, or leave it out' env --oversubscribe

for word in --help -h; do
	"$perf" env $word >"$dir/out" 2>"$dir/err"
	expect "env $word is no error" 0 $?
	for option in '-n N' --oversubscribe; do
		expect_match "env $word names $option" "^  $option " "$dir/out"
	done
done
expect "env's help fits a screen's columns" 0 "$(grep -cE '^.{81}' "$dir/out")"
"$run" -n 1 "$perf" env -n 2 >"$dir/out" 2>"$dir/err"
expect "another number of ranks than the launcher's is refused" 2 $?
expect_match "its reason" 'leave -n out' "$dir/err"

for words in env "env -n 2 --oversubscribe" "env --help" --help --version; do
	# shellcheck disable=SC2086 # a list of words
	"$perf" $words >/dev/full 2>"$dir/err"
	expect "lost output of $words is a failure" 1 $?
	expect_match "its reason" 'cannot write standard output: No space left' "$dir/err"
done

from='(never|from [0-9]+ bytes)'
SYNCBN_CALIBRATE=on "$perf" env -n 3 --oversubscribe >"$dir/out" 2>"$dir/err"
expect "env joins ranks" 0 $?
expect_match "what was measured is shown" \
	"^collectives +rows fetched first $from, past the caches $from, reduce-scatter $from" \
	"$dir/out"
expect "one rank shows it" 1 "$(grep -c ^collectives "$dir/out")"

env -u SYNCBN_CALIBRATE SYNCBN_FETCH=lines "$perf" env -n 2 --oversubscribe >"$dir/out" 2>"$dir/err"
expect "ranks show what is set, and not what the launcher tells them" "SYNCBN_FETCH=lines" \
	"$(sed -n 's/^settings  *//p' "$dir/out" | xargs)"
SYNCBN_TAKE_FROM=99 SYNCBN_SCATTER_FROM=1234 SYNCBN_STREAM_FROM=2147483647 \
	"$perf" env -n 3 --oversubscribe >"$dir/out" 2>"$dir/err"
expect_match "the environment decides" \
	'^collectives +rows fetched first from 99 bytes, past the caches never, .* 1234 bytes' \
	"$dir/out"
SYNCBN_CALIBRATE=off "$perf" env -n 4 --oversubscribe >"$dir/out" 2>"$dir/err"
expect_match "without a measurement there are fixed values" \
	'^collectives +rows fetched first never, past the caches never, .* 16384 bytes' \
	"$dir/out"
SYNCBN_CALIBRATE=of "$perf" env -n 2 --oversubscribe >"$dir/out" 2>"$dir/err"
expect_match "a wrong word is refused" 'SYNCBN_CALIBRATE: unknown "of"' "$dir/err"

finish
