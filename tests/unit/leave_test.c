/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring and leaving together, with threads as ranks on one mapping; run under a race detector too:
 * a slot that is used again while somebody reads it is a race.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/barrier.h"
#include "sync/leave.h"
#include "sync/ring.h"
#include "unit/random.h"
#include "unit/threads_as_ranks.h"

/* The most items of a call: so long a row changes hands where there are two ranks. */
enum { ITEMS = 150, SMALL_PAGE = 4096, EPOCHS = 60, MOST_CALLS = 12 };

struct world {
	struct sbn_ring_shape shape;
	unsigned char *memory;
	unsigned char *parts[MAX_THREAD_RANKS];
	struct sbn_leave_line leave[MAX_THREAD_RANKS];
	struct sbn_leave_line *leave_of[MAX_THREAD_RANKS];
	struct sbn_barrier_line meeting[MAX_THREAD_RANKS];
	struct sbn_barrier_line *meeting_of[MAX_THREAD_RANKS];
	struct sbn_ring rings[MAX_THREAD_RANKS];
};

static void
make_world(struct world *world, uint32_t n_ranks, uint64_t before)
{
	memset(world, 0, sizeof(*world));
	world->shape = (struct sbn_ring_shape){ .n_ranks = n_ranks,
						.n_slots = 2,
						.n_lanes = 1,
						.row_bytes = ITEMS * sizeof(uint64_t),
						.item_bytes = sizeof(uint64_t),
						.page_bytes = SMALL_PAGE };
	world->memory = aligned_alloc(SMALL_PAGE, n_ranks * sbn_ring_part_bytes(&world->shape));
	memset(world->memory, 0, n_ranks * sbn_ring_part_bytes(&world->shape));
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		world->parts[rank] = world->memory + rank * sbn_ring_part_bytes(&world->shape);
		world->leave_of[rank] = &world->leave[rank];
		world->meeting_of[rank] = &world->meeting[rank];
	}
	for (uint32_t rank = 0; rank < n_ranks; rank++)
		sbn_ring_open(&world->rings[rank], &world->shape, rank, world->parts, before);
}

/* How many calls a rank makes in an epoch: everybody knows, so that the answers can be checked. */
static uint64_t
calls_of(uint32_t epoch, uint32_t rank)
{
	uint64_t seed = epoch * 64 + rank;

	return sbn_random_below(&seed, MOST_CALLS);
}

static uint64_t
item_of(uint64_t call, uint32_t rank, uint32_t item)
{
	return call * 1000003 + rank * 1009 + item;
}

/* Two calls in three are long. */
static uint32_t
items_of(uint64_t call)
{
	return call % 3 == 0 ? ITEMS / 3 : ITEMS;
}

static void
publish(struct sbn_ring *ring)
{
	struct sbn_call call = { .n_items = items_of(ring->call + 1), .n_lanes = 1 };
	uint64_t *row;

	sbn_ring_begin(ring, &call);
	row = sbn_ring_own_row(ring);
	for (uint32_t i = 0; i < call.n_items; i++)
		row[i] = item_of(ring->call, ring->rank, i);
	sbn_ring_publish(ring, 0, call.n_items);
}

static int
consume(const struct sbn_ring *ring, const struct sbn_leave *leave, uint32_t peer, bool present)
{
	const uint64_t *row = sbn_ring_row(ring, peer);
	uint32_t n_items = items_of(ring->call);

	while (!sbn_ring_covered(ring, peer, 0, n_items) &&
	       !sbn_leave_absent(leave, peer, 0, ring->call))
		sched_yield();
	if (sbn_leave_absent(leave, peer, 0, ring->call) == present)
		return 1;
	for (uint32_t i = 0; present && i < n_items; i++)
		if (row[i] != item_of(ring->call, peer, i))
			return 1;
	return 0;
}

static void
meet(struct sbn_barrier *meeting, uint32_t n_ranks)
{
	sbn_barrier_arrive(meeting);
	for (uint32_t peer = 0; peer < n_ranks; peer++)
		while (!sbn_barrier_reached(meeting, peer))
			sched_yield();
}

/* This rank's calls of an epoch, then everybody together; the number of calls goes on alike. */
static int
live_an_epoch(struct sbn_ring *ring, struct sbn_leave *leave, struct sbn_barrier *meeting)
{
	uint32_t n_ranks = ring->shape.n_ranks;
	uint64_t begun = ring->call, most = 0;
	int64_t furthest = 0;

	for (uint64_t i = 0; i < calls_of(leave->epoch, ring->rank); i++) {
		publish(ring);
		for (uint32_t peer = 0; peer < n_ranks; peer++)
			if (consume(ring, leave, peer, i < calls_of(leave->epoch, peer)) != 0)
				return 1;
	}
	sbn_leave_mark(leave, 0, ring->call);
	meet(meeting, n_ranks);
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		most = SBN_MAX(most, calls_of(leave->epoch, rank));
		furthest = SBN_MAX(furthest, sbn_leave_ahead(leave, rank, 0, ring->call));
	}
	ring->call += (uint64_t)furthest;
	meet(meeting, n_ranks);
	sbn_leave_begin_epoch(leave);
	return ring->call != begun + most;
}

static int
live(int rank, void *argument)
{
	struct world *world = argument;
	struct sbn_leave leave = { .lines = world->leave_of, .rank = (uint32_t)rank, .epoch = 1 };
	struct sbn_barrier meeting = { .lines = world->meeting_of, .rank = (uint32_t)rank };

	leave.epoch += world->shape.n_ranks == 3 ? (1 << SBN_EPOCH_BITS) - EPOCHS / 2 : 0;
	for (int i = 0; i < EPOCHS; i++)
		if (live_an_epoch(&world->rings[rank], &leave, &meeting) != 0)
			return 1;
	return 0;
}

static void
check_world(uint32_t n_ranks, uint64_t before)
{
	static struct world world;

	make_world(&world, n_ranks, before);
	assert_int_equal(run_thread_ranks((int)n_ranks, live, &world), 0);
	free(world.memory);
}

static void
test_all_agree_on_who_takes_part(void **state)
{
	(void)state;
	check_world(1, 0);
	check_world(2, 0);
	check_world(3, 0); /* its epochs wrap */
	check_world(4, 0);
}

static void
test_calls_go_on_across_the_wrap_of_their_numbers(void **state)
{
	(void)state;
	check_world(2, (UINT64_C(1) << 40) - 50);
	check_world(4, UINT64_MAX - 50);
}

static void
test_a_rank_is_absent_from_its_mark_on_and_in_its_epoch_only(void **state)
{
	struct sbn_leave_line line = { 0 }, *lines = &line;
	struct sbn_leave leave = { .lines = &lines, .epoch = 1 };

	(void)state;
	assert_false(sbn_leave_absent(&leave, 0, 3, 1));
	sbn_leave_mark(&leave, 3, 41);
	assert_false(sbn_leave_absent(&leave, 0, 3, 41));
	assert_true(sbn_leave_absent(&leave, 0, 3, 42));
	assert_true(sbn_leave_absent(&leave, 0, 3, 43));
	assert_false(sbn_leave_absent(&leave, 0, 2, 43));
	assert_int_equal(sbn_leave_ahead(&leave, 0, 3, 40), 1);
	assert_int_equal(sbn_leave_ahead(&leave, 0, 3, 41), 0);
	assert_int_equal(sbn_leave_ahead(&leave, 0, 3, 45), -4);
	sbn_leave_begin_epoch(&leave);
	assert_false(sbn_leave_absent(&leave, 0, 3, 43));
	sbn_leave_mark(&leave, 3, (UINT64_C(1) << 40) - 1);
	assert_false(sbn_leave_absent(&leave, 0, 3, UINT64_C(0xffffffffff)));
	assert_true(sbn_leave_absent(&leave, 0, 3, UINT64_C(1) << 40));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_agree_on_who_takes_part),
		cmocka_unit_test(test_calls_go_on_across_the_wrap_of_their_numbers),
		cmocka_unit_test(test_a_rank_is_absent_from_its_mark_on_and_in_its_epoch_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
