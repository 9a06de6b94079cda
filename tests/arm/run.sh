#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kernels, whose sweep must give the bits of plain C, here and on the machine that builds; the
# ring's and the barrier's unit tests. Cross-compiled and run in an emulator: once with LL/SC
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

# digest FILE: each type's hash must be the same in all lines
same_for_all_sets() {
	[ -s "$1" ] && [ "$(awk '{ print $2, $3 }' "$1" | sort -u | wc -l)" -eq \
		"$(awk '{ print $2 }' "$1" | sort -u | wc -l)" ]
}

kernels=$SRC/src/kernels
# as src/kernels/local.mk has neon.c
if ! $cc -std=gnu11 -D_GNU_SOURCE -DSBN_HAVE_ARM64 -O2 -ffp-contract=off -fno-tree-slp-vectorize \
	-fno-gcse -Wall -Wextra -Werror -static -I"$SRC/include" -I"$SRC/src" -I"$SRC/tests" \
	"$SRC/tests/unit/kernels_digest.c" "$kernels/choose.c" "$kernels/scalar.c" \
	"$kernels/neon.c" "$SRC"/src/base/*.c -lm -o "$work/digest"; then
	echo "FAIL the kernels of NEON do not compile"
	failed=1
elif ! timeout 1500 $qemu "$work/digest" >"$work/arm"; then
	echo "FAIL the kernels of NEON do not run"
	failed=1
else
	digest=${BUILD:-$SRC/build}/tests/unit/kernels_digest
	if [ -x "$digest" ]; then
		"$digest" >"$work/here"
	else
		echo "skip: no $digest to compare with"
		: >"$work/here"
	fi
	cat "$work/arm" "$work/here" >"$work/all"
	if grep -q '^neon ' "$work/arm" && same_for_all_sets "$work/all"; then
		echo "ok NEON gives the bits of plain C, on both machines"
	else
		echo "FAIL NEON gives other bits"
		cat "$work/all"
		failed=1
	fi
fi
exit $failed
