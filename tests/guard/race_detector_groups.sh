#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whole groups with threads as ranks under ThreadSanitizer: joining, all-reduces staged, in arenas
# and in flight, barriers, sub groups. Silent as they are; loud when a release is relaxed, or when
# an all-reduce does not wait for its peers. Without the second the first would prove nothing.
set -u
. "$SRC/tests/guard/report.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# not every random layout of the address space leaves room for the detector's shadow memory
run=
setarch -R true 2>/dev/null && run="setarch -R"

cd "$SRC" || exit 1
sources=$(ls src/base/*.c src/platform/*.c src/kernels/{choose,scalar}.c \
	src/shm/{control,describe,layout}.c src/sync/*.c src/comm/*.c src/train/*.c \
	src/api/{collective,group,memory,subgroup}.c \
	tests/unit/{group_threads_test,one_mapping}.c)

# compile SOURCE [-DPLANT]: without warnings, as the detector's build warns of fences
compile() {
	local source=$1
	shift
	# shellcheck disable=SC2086 # CC may hold options
	$CC -std=gnu11 -D_GNU_SOURCE -g -O1 -w -fsanitize=thread "$@" -Iinclude -Isrc -Itests \
		-c "$source" -o "$work/${source//\//_}.o"
}

# in_parallel: compiles all sources, two at a time
in_parallel() {
	export work CC
	export -f compile
	# shellcheck disable=SC2086 # one word a source
	printf '%s\n' $sources | xargs -P 2 -I{} bash -c 'compile {}' 2>"$work/log"
}

link() {
	# shellcheck disable=SC2046,SC2086 # lists of words
	$CC -fsanitize=thread "$work"/*.o -o "$work/program" -lcmocka -lpthread -lm -lnuma \
		$(pkg-config --libs hwloc 2>/dev/null || echo -lhwloc) 2>"$work/log"
}

# outcome [TEST]: 0 when all is right, 66 at the first race
outcome() {
	# shellcheck disable=SC2086 # two words, or none
	TSAN_OPTIONS="exitcode=66 halt_on_error=1" \
		timeout 200 $run "$work/program" "$@" >"$work/log" 2>&1
}

# caught NAME SOURCE TEST PLANT: compiles one source with a fault, and back again
caught() {
	local name=$1 source=$2 test=$3 found="the detector was silent"

	compile "$source" "$4" && link && outcome "$test"
	[ $? = 66 ] && found=
	report "${name}_is_caught" "$found"
	compile "$source"
}

if ! in_parallel || ! link; then
	echo "skip: $CC cannot build with -fsanitize=thread: $(tail -1 "$work/log")"
	exit 77
fi
found=
outcome || found=$(grep -A 12 -e 'WARNING: ThreadSanitizer' -e FAILED "$work/log" | head -40)
report "groups_are_free_of_races" "$found"

caught a_relaxed_release_of_the_ring src/comm/all_reduce.c test_staged_all_reduce \
	-DSBN_RING_RELEASE=memory_order_relaxed
caught a_relaxed_release_of_the_barrier src/comm/transport_shm.c test_barrier \
	-DSBN_BARRIER_RELEASE=memory_order_relaxed
caught a_staged_all_reduce_that_does_not_wait src/comm/all_reduce.c test_staged_all_reduce \
	-DSBN_CALL_WAITS=false
caught an_arena_all_reduce_that_does_not_wait src/train/reduce.c test_arena_all_reduce \
	-DSBN_CALL_WAITS=false
caught a_sum_in_flight_before_all_have_begun src/train/flight.c test_all_reduces_in_flight \
	-Dsbn_call_has_come=sbn_plant_has_come
exit "$failed"
