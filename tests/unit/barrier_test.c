/* SPDX-License-Identifier: Apache-2.0 */
/* The barrier with threads as ranks on one mapping; run under a race detector too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/barrier.h"
#include "unit/threads_as_ranks.h"

enum { ROUNDS = 2000 };

struct world {
	uint32_t n_ranks;
	struct sbn_barrier_line lines[MAX_THREAD_RANKS];
	struct sbn_barrier_line *line_of[MAX_THREAD_RANKS];
	uint64_t before;
	uint64_t plain[2][MAX_THREAD_RANKS]; /* no atomics: the barrier alone orders them */
};

static void
meet(struct sbn_barrier *barrier, uint32_t n_ranks)
{
	sbn_barrier_arrive(barrier);
	for (uint32_t peer = 0; peer < n_ranks; peer++)
		while (!sbn_barrier_reached(barrier, peer))
			sched_yield();
}

/* Writes, meets, reads everybody's; two sets take turns, so one meeting a round is enough. */
static int
write_meet_read(int rank, void *argument)
{
	struct world *world = argument;
	struct sbn_barrier barrier = {
		.lines = world->line_of, .rank = (uint32_t)rank, .arrivals = world->before
	};

	for (uint64_t round = 0; round < ROUNDS; round++) {
		world->plain[round % 2][rank] = round * 8 + (uint64_t)rank;
		meet(&barrier, world->n_ranks);
		for (uint32_t peer = 0; peer < world->n_ranks; peer++)
			if (world->plain[round % 2][peer] != round * 8 + peer)
				return 1;
	}
	return 0;
}

static void
check_world(uint32_t n_ranks, uint64_t before)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	world.n_ranks = n_ranks;
	world.before = before;
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		world.line_of[rank] = &world.lines[rank];
		atomic_store(&world.lines[rank].arrivals, before);
	}
	assert_int_equal(run_thread_ranks((int)n_ranks, write_meet_read, &world), 0);
}

static void
test_what_was_written_before_the_barrier_is_seen_after_it(void **state)
{
	(void)state;
	for (uint32_t n_ranks = 1; n_ranks <= 4; n_ranks++)
		check_world(n_ranks, 0);
}

static void
test_arrivals_go_on_across_the_wrap_of_their_count(void **state)
{
	(void)state;
	check_world(3, UINT64_MAX - 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_written_before_the_barrier_is_seen_after_it),
		cmocka_unit_test(test_arrivals_go_on_across_the_wrap_of_their_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
