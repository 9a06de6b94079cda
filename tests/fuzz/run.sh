#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes what reads a stranger's bytes, with libFuzzer under ASan and UBSan.
set -euo pipefail
cd "$(dirname "$0")/../.."
src=$PWD
build=${BUILD:-$src}/build-fuzz
unit_seconds=10 # that one input may take
timed_out=70    # libFuzzer's exit code for one that takes longer

usage() {
	cat <<-TEXT
	usage: tests/fuzz/run.sh SECONDS [TARGET...]
	       tests/fuzz/run.sh keep [TARGET...]

	  SECONDS  runs each target so long from tests/fuzz/corpus and what was found before
	  keep     adds to tests/fuzz/corpus what reaches code that it did not reach yet

	Targets: config env npy options parse state; all unless named. Built in
	$build; a crash leaves its input there.
	TEXT
	exit 2
}

# ---- building ----

have_libfuzzer() {
	printf 'int LLVMFuzzerTestOneInput(const void *d, unsigned long n);\n%s\n' \
		'int LLVMFuzzerTestOneInput(const void *d, unsigned long n) { return !d && n; }' |
		clang -fsanitize=fuzzer,address,undefined -x c -o "$build/have" - 2>/dev/null
}

# Only what reads a stranger's bytes, and what that needs.
sources=(src/base/*.c src/platform/*.c src/shm/contract.c src/launch/allocator.c
	src/launch/launch_env.c src/launch/option*.c src/launch/settings.c src/nn/config.c
	src/nn/initializer.c src/state/*.c)
packages=(hwloc inih jansson libzip)

# compile SANITIZERS ARGUMENT...
compile() {
	local sanitizers=$1
	shift

	# shellcheck disable=SC2046 # a list of words
	clang -std=gnu11 -D_GNU_SOURCE -O1 -g -ffp-contract=off -Wall -Wextra -Werror -Iinclude \
		-Isrc -Itests -fsanitize="$sanitizers",address,undefined -fno-sanitize-recover=all \
		$(pkg-config --cflags "${packages[@]}") "$@"
}

build_library() {
	local source objects=()

	for source in "${sources[@]}"; do
		objects+=("$build/${source//\//-}.o")
		if [ "$source" -nt "${objects[-1]}" ]; then
			compile fuzzer-no-link -c "$source" -o "${objects[-1]}"
		fi
	done
	rm -f "$build/libfuzzed.a"
	ar rcs "$build/libfuzzed.a" "${objects[@]}"
}

# build_target TARGET
build_target() {
	# shellcheck disable=SC2046 # a list of words
	compile fuzzer "tests/fuzz/$1.c" "$build/libfuzzed.a" \
		$(pkg-config --libs "${packages[@]}") -lnuma -lpthread -lm -o "$build/$1"
}

# ---- running ----

# fuzz_for SECONDS TARGET: libFuzzer's exit code; what it said goes behind the log
fuzz_for() {
	(cd "$build" && "./$2" -max_total_time="$1" -max_len=4096 -timeout="$unit_seconds" \
		-print_final_stats=1 -artifact_prefix="$2-" "corpus/$2" \
		"$src/tests/fuzz/corpus/$2") >>"$build/$2.log" 2>&1
}

# only_late TARGET: all inputs that took too long take less time of a CPU than they may. libFuzzer
# goes by the clock on the wall, which also runs while others have the CPU; those are forgotten.
only_late() {
	local input

	for input in "$build/$1"-timeout-*; do
		[ -e "$input" ] || return 1
		(ulimit -St "$unit_seconds" && "$build/$1" -timeout=0 "$input") \
			>>"$build/$1.log" 2>&1 || return 1
		rm "$input"
	done
}

fuzz() {
	local begin=$SECONDS left=$seconds status n

	mkdir -p "$build/corpus/$1"
	: >"$build/$1.log"
	rm -f "$build/$1"-timeout-*
	while :; do
		status=0
		fuzz_for "$left" "$1" || status=$?
		left=$((seconds - (SECONDS - begin)))
		if [ "$status" != "$timed_out" ] || ! only_late "$1"; then
			break
		fi
		status=0
		[ "$left" -gt 0 ] || break
	done
	if [ "$status" = 0 ]; then
		n=$(awk '/^stat::number_of_executed_units:/ { n += $2 } END { print n + 0 }' \
			"$build/$1.log")
		echo "ok fuzz $1: $n inputs in $seconds s"
	else
		tail -n 40 "$build/$1.log"
		echo "FAIL fuzz $1: see $build/$1.log"
		failed=1
	fi
}

keep() {
	"$build/$1" -set_cover_merge=1 "$src/tests/fuzz/corpus/$1" "$build/corpus/$1" 2>&1 |
		grep 'MERGE-OUTER'
}

case ${1:-} in
keep) ;;
'' | *[!0-9]*) usage ;;
esac
seconds=$1
shift
[ $# -gt 0 ] || set -- config env npy options parse state
mkdir -p "$build"
if ! have_libfuzzer; then
	echo "skipped: no clang with libFuzzer and sanitizers (Debian: clang, libclang-rt-dev)"
	exit 77
fi

failed=0
build_library
for target; do
	[ -e "$src/tests/fuzz/$target.c" ] || usage
	build_target "$target"
	if [ "$seconds" = keep ]; then
		keep "$target"
	else
		fuzz "$target"
	fi
done
exit $failed
