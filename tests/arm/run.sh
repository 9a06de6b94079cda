#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The ring's and the barrier's unit tests, cross-compiled and run in an emulator: once with LL/SC
# (armv8-a on a cortex-a57), once with LSE (armv8.1-a on a neoverse-n1), once with the choice at run
# time. cmocka.h here stands in for cmocka, of which a cross build would need an ARM library.
set -u
here=$(cd "$(dirname "$0")" && pwd)
SRC=${SRC:-$(cd "$here/../.." && pwd)}
cc=aarch64-linux-gnu-gcc
qemu="qemu-aarch64"

for tool in $cc $qemu; do
	command -v "$tool" >/dev/null && continue
	echo "skip: $tool is missing (Debian: apt-get install gcc-aarch64-linux-gnu qemu-user)"
	exit 77
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# run_on CPU TEST FLAG...
run_on() {
	local cpu=$1 test=$2 name
	shift 2
	name="$test on $cpu, built with $*"

	if ! $cc -std=gnu11 -D_GNU_SOURCE -O2 -static "$@" -I"$here" -I"$SRC/include" -I"$SRC/src" \
		-I"$SRC/tests" "$SRC/tests/unit/$test.c" "$SRC/src/sync/ring.c" -lpthread \
		-o "$work/$test"; then
		echo "FAIL $name: it does not compile"
		failed=1
	elif timeout 250 $qemu -cpu "$cpu" "$work/$test" >"$work/log" 2>&1; then
		echo "ok $name"
	else
		echo "FAIL $name"
		tail -n 20 "$work/log"
		failed=1
	fi
}

for test in ring_test barrier_test; do
	run_on cortex-a57 $test -march=armv8-a -mno-outline-atomics
	run_on neoverse-n1 $test -march=armv8.1-a -mno-outline-atomics
	run_on neoverse-n1 $test -march=armv8-a -moutline-atomics
done
exit $failed
