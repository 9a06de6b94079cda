/* SPDX-License-Identifier: Apache-2.0 */
/* The ring with threads as ranks on one mapping; run under a race detector too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/ring.h"
#include "unit/random.h"
#include "unit/threads_as_ranks.h"

enum { ITEMS = 200, SMALL_PAGE = 4096, IN_FLIGHT = 3 };

/* The race detector is given one slot fewer, to prove that it would notice. */
#ifndef FLIGHT_SLOTS
#define FLIGHT_SLOTS (2 * IN_FLIGHT)
#endif

struct world {
	struct sbn_ring_shape shape;
	uint64_t before;   /* the call before the first */
	int n_calls;
	unsigned char *parts[MAX_THREAD_RANKS];
	unsigned char *memory;
};

static void
make_world(struct world *world, uint32_t n_ranks, uint32_t n_lanes, uint32_t n_slots,
	   uint64_t before, int n_calls)
{
	*world = (struct world){
		.shape = { .n_ranks = n_ranks,
			   .n_slots = n_slots,
			   .n_lanes = n_lanes,
			   .row_bytes = ITEMS * sizeof(uint64_t),
			   .item_bytes = sizeof(uint64_t),
			   .page_bytes = SMALL_PAGE },
		.before = before,
		.n_calls = n_calls,
	};
	world->memory =
		aligned_alloc(SMALL_PAGE, n_ranks * sbn_ring_part_bytes(&world->shape));
	memset(world->memory, 0, n_ranks * sbn_ring_part_bytes(&world->shape));
	for (uint32_t rank = 0; rank < n_ranks; rank++)
		world->parts[rank] = world->memory + rank * sbn_ring_part_bytes(&world->shape);
}

/* Every ring is opened before the threads start, as ranks meet before their first call. */
static void
open_rings(struct world *world, struct sbn_ring *rings)
{
	for (uint32_t rank = 0; rank < world->shape.n_ranks; rank++)
		sbn_ring_open(&rings[rank], &world->shape, rank, world->parts, world->before);
}

static uint64_t
item_of(uint64_t call, uint32_t rank, uint32_t item)
{
	return call * 1000003 + rank * 1009 + item;
}

/* How many items rank `rank` has in a call: all ranks agree, and now and then there are none. */
static uint32_t
items_of(uint64_t call)
{
	return call % 7 == 3 ? 0 : (uint32_t)(call * 37 % ITEMS) + 1;
}

static uint32_t
lanes_of(const struct sbn_ring *ring, uint64_t call)
{
	return 1 + (uint32_t)((call + ring->rank) % ring->shape.n_lanes);
}

/* Publishes lane by lane in ascending order, in steps of its own. */
static void
publish_row(const struct sbn_ring *ring, const struct sbn_call *call, bool unseen)
{
	uint64_t *row = sbn_ring_own_row(ring);
	uint32_t step = 1 + (ring->rank * 5 + (uint32_t)ring->call) % 40;

	for (uint32_t lane = 0; lane < call->n_lanes; lane++) {
		uint32_t begin = sbn_lane_begin(call->n_items, call->n_lanes, lane);
		uint32_t end = sbn_lane_begin(call->n_items, call->n_lanes, lane + 1);

		for (uint32_t i = begin; i < end; i++) {
			row[i] = item_of(ring->call, ring->rank, i);
			if ((i + 1) % step != 0 && i + 1 != end)
				continue;
			if (unseen)
				sbn_ring_publish_first(ring, call, i + 1);
			else
				sbn_ring_publish(ring, lane, i + 1);
			unseen = false;
		}
	}
}

static int
consume_row(const struct sbn_ring *ring, uint32_t peer, uint32_t n_items)
{
	uint32_t step = 1 + (ring->rank * 11 + (uint32_t)ring->call) % 50;
	const uint64_t *row = sbn_ring_row(ring, peer);

	while (sbn_ring_call_of(ring, peer) == NULL)
		sched_yield();
	if (sbn_ring_call_of(ring, peer)->n_items != n_items)
		return 1;
	for (uint32_t begin = 0; begin < n_items; begin += step) {
		uint32_t end = begin + step < n_items ? begin + step : n_items;

		while (!sbn_ring_covered(ring, peer, begin, end))
			sched_yield();
		for (uint32_t i = begin; i < end; i++)
			if (row[i] != item_of(ring->call, peer, i))
				return 1;
	}
	return 0;
}

static int
exchange_many(int rank, void *argument)
{
	struct { struct world *world; struct sbn_ring *rings; } *shared = argument;
	struct sbn_ring *ring = &shared->rings[rank];

	for (int i = 0; i < shared->world->n_calls; i++) {
		struct sbn_call call = { .n_items = items_of(ring->call + 1) };
		bool unseen;

		call.n_lanes = lanes_of(ring, ring->call + 1);
		unseen = call.n_lanes == 1 && call.n_items > 0;
		if (unseen)
			sbn_ring_begin_unseen(ring, &call);
		else
			sbn_ring_begin(ring, &call);
		publish_row(ring, &call, unseen);
		for (uint32_t peer = 0; peer < ring->shape.n_ranks; peer++)
			if (consume_row(ring, peer, call.n_items) != 0)
				return 1;
	}
	return 0;
}

/* Rank 0 publishes a call's items at once, each next rank a call later; all consume in order. */
static int
fly_many(int rank, void *argument)
{
	struct { struct world *world; struct sbn_ring *rings; } *shared = argument;
	struct sbn_ring *ring = &shared->rings[rank], views[IN_FLIGHT];
	struct sbn_call call = { .n_items = ITEMS, .n_lanes = 1 };
	int delay = rank % IN_FLIGHT, n_calls = shared->world->n_calls;

	for (int i = 0; i < n_calls + IN_FLIGHT - 1; i++) {
		int done = i - (IN_FLIGHT - 1);

		if (i < n_calls) {
			sbn_ring_begin(ring, &call);
			views[i % IN_FLIGHT] = sbn_ring_view(ring);
		}
		if (i >= delay && i - delay < n_calls)
			publish_row(&views[(i - delay) % IN_FLIGHT], &call, false);
		for (uint32_t peer = 0; done >= 0 && peer < ring->shape.n_ranks; peer++)
			if (consume_row(&views[done % IN_FLIGHT], peer, ITEMS) != 0)
				return 1;
	}
	return 0;
}

static void
test_calls_in_flight_need_two_slots_each(void **state)
{
	(void)state;
	for (uint32_t n_ranks = 1; n_ranks <= 4; n_ranks++) {
		struct world world;
		struct sbn_ring rings[MAX_THREAD_RANKS];
		struct { struct world *world; struct sbn_ring *rings; } shared = { &world, rings };

		make_world(&world, n_ranks, 1, FLIGHT_SLOTS, (UINT64_C(1) << 40) - 50, 500);
		open_rings(&world, rings);
		assert_int_equal(run_thread_ranks((int)n_ranks, fly_many, &shared), 0);
		free(world.memory);
	}
}

static void
check_world(uint32_t n_ranks, uint32_t n_lanes, uint64_t before, int n_calls)
{
	struct world world;
	struct sbn_ring rings[MAX_THREAD_RANKS];
	struct { struct world *world; struct sbn_ring *rings; } shared = { &world, rings };

	make_world(&world, n_ranks, n_lanes, 2, before, n_calls);
	open_rings(&world, rings);
	assert_int_equal(run_thread_ranks((int)n_ranks, exchange_many, &shared), 0);
	free(world.memory);
}

static void
test_readers_see_whole_rows_only(void **state)
{
	(void)state;
	check_world(1, 1, 0, 100);
	check_world(2, 1, 0, 2000);
	check_world(3, 2, 0, 500);
	check_world(4, 3, 0, 300);
}

static void
test_calls_go_on_across_the_wrap_of_their_numbers(void **state)
{
	(void)state;
	check_world(2, 2, (UINT64_C(1) << 40) - 50, 300);
	check_world(3, 1, UINT64_MAX - 20, 100);
}

static void
test_nothing_is_covered_before_it_is_published(void **state)
{
	struct world world;
	struct sbn_ring rings[2];
	struct sbn_call call = { .n_items = 10, .n_lanes = 2 };

	(void)state;
	make_world(&world, 2, 2, 2, UINT64_MAX - 1, 0); /* the numbers wrap right away */
	open_rings(&world, rings);
	sbn_ring_begin(&rings[1], &call);
	assert_null(sbn_ring_call_of(&rings[1], 0));
	assert_false(sbn_ring_covered(&rings[1], 0, 0, 0));
	sbn_ring_begin(&rings[0], &call);
	assert_non_null(sbn_ring_call_of(&rings[1], 0));
	assert_true(sbn_ring_covered(&rings[1], 0, 0, 0));
	assert_false(sbn_ring_covered(&rings[1], 0, 0, 1));
	sbn_ring_publish(&rings[0], 0, 3);
	assert_true(sbn_ring_covered(&rings[1], 0, 0, 3));
	assert_false(sbn_ring_covered(&rings[1], 0, 0, 4));
	assert_false(sbn_ring_covered(&rings[1], 0, 5, 6));
	sbn_ring_publish(&rings[0], 1, 10);
	assert_true(sbn_ring_covered(&rings[1], 0, 5, 10));
	assert_false(sbn_ring_covered(&rings[1], 0, 0, 10));
	free(world.memory);
}

static void
test_a_call_that_began_unseen_is_seen_with_its_first_items(void **state)
{
	struct world world;
	struct sbn_ring rings[2];
	struct sbn_call call = { .n_items = 10, .n_lanes = 1 };

	(void)state;
	make_world(&world, 2, 2, 2, 0, 0);
	open_rings(&world, rings);
	sbn_ring_begin(&rings[1], &call);
	sbn_ring_begin_unseen(&rings[0], &call);
	assert_null(sbn_ring_call_of(&rings[1], 0));
	assert_false(sbn_ring_covered(&rings[1], 0, 0, 0));
	sbn_ring_publish_first(&rings[0], &call, 4);
	assert_int_equal(sbn_ring_call_of(&rings[1], 0)->n_items, 10);
	assert_true(sbn_ring_covered(&rings[1], 0, 0, 4));
	assert_false(sbn_ring_covered(&rings[1], 0, 0, 5));
	free(world.memory);
}

/* Where in memory a rank of n writes its row in the first calls, each of so many items. */
static void
note_rows(uint32_t n_ranks, uint32_t n_items, uint32_t rank, ptrdiff_t *rows, int n_calls)
{
	struct world world;
	struct sbn_ring rings[MAX_THREAD_RANKS];
	struct sbn_call call = { .n_items = n_items, .n_lanes = 1 };

	make_world(&world, n_ranks, 1, 2, 1, 0);
	open_rings(&world, rings);
	for (int i = 0; i < n_calls; i++) {
		sbn_ring_begin(&rings[0], &call);
		rows[i] = (const unsigned char *)sbn_ring_row(&rings[0], rank) - world.memory;
	}
	free(world.memory);
}

static void
test_two_ranks_write_where_they_read_when_a_slot_comes_again(void **state)
{
	ptrdiff_t row[2][6];

	(void)state;
	for (uint32_t rank = 0; rank < 2; rank++)
		note_rows(2, ITEMS, rank, row[rank], 6);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(row[0][i + 2], row[1][i]);
		assert_int_equal(row[1][i + 2], row[0][i]);
		assert_true(row[0][i] != row[1][i]);
	}
}

static void
test_short_rows_and_those_of_three_ranks_stay(void **state)
{
	ptrdiff_t row[6];

	(void)state;
	for (uint32_t n_ranks = 2; n_ranks <= 3; n_ranks++) {
		note_rows(n_ranks, n_ranks == 2 ? 10 : ITEMS, 1, row, 6);
		for (int i = 0; i < 4; i++)
			assert_int_equal(row[i + 2], row[i]);
	}
}

static void
test_a_hostile_header_is_no_index(void **state)
{
	struct world world;
	struct sbn_ring rings[2];
	struct sbn_call call = { .n_items = UINT32_MAX, .n_lanes = UINT16_MAX };
	struct sbn_call own = { .n_items = ITEMS, .n_lanes = 1 };

	(void)state;
	make_world(&world, 2, 2, 2, 0, 0);
	open_rings(&world, rings);
	sbn_ring_begin(&rings[0], &call);
	sbn_ring_begin(&rings[1], &own);
	assert_false(sbn_ring_covered(&rings[1], 0, 0, ITEMS));
	free(world.memory);
}

static void
test_lanes_cut_all_items_without_gap_or_overlap(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		uint32_t n_items = (uint32_t)sbn_random_below(&seed, SBN_MAX_ITEMS);
		uint32_t n_lanes = 1 + (uint32_t)sbn_random_below(&seed, SBN_MAX_LANES);

		assert_int_equal(sbn_lane_begin(n_items, n_lanes, 0), 0);
		assert_int_equal(sbn_lane_begin(n_items, n_lanes, n_lanes), n_items);
		for (uint32_t lane = 0; lane < n_lanes; lane++) {
			uint32_t size = sbn_lane_begin(n_items, n_lanes, lane + 1) -
					sbn_lane_begin(n_items, n_lanes, lane);

			assert_in_range(size, n_items / n_lanes, n_items / n_lanes + 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_see_whole_rows_only),
		cmocka_unit_test(test_calls_go_on_across_the_wrap_of_their_numbers),
		cmocka_unit_test(test_calls_in_flight_need_two_slots_each),
		cmocka_unit_test(test_nothing_is_covered_before_it_is_published),
		cmocka_unit_test(test_a_call_that_began_unseen_is_seen_with_its_first_items),
		cmocka_unit_test(test_two_ranks_write_where_they_read_when_a_slot_comes_again),
		cmocka_unit_test(test_short_rows_and_those_of_three_ranks_stay),
		cmocka_unit_test(test_a_hostile_header_is_no_index),
		cmocka_unit_test(test_lanes_cut_all_items_without_gap_or_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
