#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ring, barrier and leaving with threads as ranks under ThreadSanitizer: silent as they are, and
# loud when a release is planted as relaxed. Without the second the first would prove nothing.
set -u
. "$SRC/tests/guard/report.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# not every random layout of the address space leaves room for the detector's shadow memory
run=
setarch -R true 2>/dev/null && run="setarch -R"

# build NAME [-DPLANT=ORDER]: the program that NAME_test.c makes, under the detector
build() {
	local name=$1
	shift
	# shellcheck disable=SC2086 # CC may hold options
	$CC -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=thread "$@" -I"$SRC/include" -I"$SRC/src" \
		-I"$SRC/tests" "$SRC/tests/unit/${name}_test.c" "$SRC/src/sync/ring.c" \
		-lcmocka -lpthread -o "$work/$name" 2>"$work/log"
}

races() {
	# shellcheck disable=SC2086 # two words, or none
	TSAN_OPTIONS="exitcode=66 halt_on_error=1" timeout 120 $run "$work/$1" >"$work/log" 2>&1
	[ $? = 66 ]
}

for name in ring barrier leave; do
	case $name in
	ring) plant=SBN_RING_RELEASE ;;
	barrier) plant=SBN_BARRIER_RELEASE ;;
	leave) plant=SBN_LEAVE_RELEASE ;;
	esac
	if ! build "$name"; then
		echo "skip: $CC cannot build with -fsanitize=thread: $(tail -1 "$work/log")"
		exit 77
	fi
	found=
	races "$name" && found=$(grep -A 12 'WARNING: ThreadSanitizer' "$work/log" | head -40)
	report "${name}_is_free_of_races" "$found"

	build "$name" "-D$plant=memory_order_relaxed"
	found="the detector was silent"
	races "$name" && found=
	report "${name}_with_a_relaxed_release_is_caught" "$found"
done

# ring_test has three calls in flight, for which six slots suffice
build ring -DFLIGHT_SLOTS=5
found="the detector was silent"
races ring && found=
report one_slot_fewer_for_calls_in_flight_is_caught "$found"
exit "$failed"
