/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random calls and leavings against a model. Everything follows from a seed, so each rank knows
 * who takes part in which call, what it gives, and who will have been the last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "unit/random.h"

enum { RANKS = 4, EPOCHS = 150, MOST_STEPS = 15, COUNT = 100 };

struct epoch {
	uint64_t seed;
	int stop[RANKS]; /* the step before which a rank leaves */
	syncbn_divisor_t divisor;
};

struct rank {
	syncbn_group_t *group;
	int self; /* in the group */
	double *inside, heap[COUNT];
};

static struct epoch
draw_epoch(uint64_t seed)
{
	struct epoch epoch = { .divisor = seed % 2 == 0 ? SYNCBN_DIVISOR_INITIAL :
							  SYNCBN_DIVISOR_REMAINING };

	for (int rank = 0; rank < RANKS; rank++)
		epoch.stop[rank] = (int)sbn_random_below(&seed, MOST_STEPS);
	epoch.seed = seed;
	return epoch;
}

static int
reduce(const struct rank *rank, const struct epoch *epoch, int step, double *data)
{
	syncbn_reduce_t op = step % 3 == 0 ? SYNCBN_MEAN : SYNCBN_SUM;
	double sum = 0, n = 0;

	for (int i = 0; i < COUNT; i++)
		data[i] = rank->self * 100 + step;
	for (int each = 0; each < RANKS; each++) {
		sum += step < epoch->stop[each] ? each * 100 + step : 0;
		n += step < epoch->stop[each];
	}
	if (op == SYNCBN_MEAN)
		sum /= epoch->divisor == SYNCBN_DIVISOR_INITIAL ? RANKS : n;
	EXPECT(syncbn_all_reduce(rank->group, data, COUNT, SYNCBN_FLOAT64, op) == SYNCBN_OK);
	for (int i = 0; i < COUNT; i++)
		EXPECT(data[i] == sum);
	return 0;
}

static int
broadcast(const struct rank *rank, const struct epoch *epoch, int step, int root)
{
	int data = rank->self * 100 + step;
	syncbn_status_t status = syncbn_broadcast(rank->group, &data, sizeof(data), root);

	EXPECT(status == (step < epoch->stop[root] ? SYNCBN_OK : SYNCBN_ERR_INVALID));
	EXPECT(data == (status == SYNCBN_OK ? root : rank->self) * 100 + step);
	return 0;
}

static int
make_step(struct rank *rank, const struct epoch *epoch, int step)
{
	uint64_t seed = epoch->seed + (uint64_t)step;
	size_t what = sbn_random_below(&seed, 4);

	if (what == 0)
		return broadcast(rank, epoch, step, (int)sbn_random_below(&seed, RANKS));
	if (what == 1)
		EXPECT(syncbn_barrier(rank->group) == SYNCBN_OK);
	return what == 1 ? 0 : reduce(rank, epoch, step, what == 2 ? rank->heap : rank->inside);
}

static int
live_an_epoch(struct rank *rank, const struct epoch *epoch)
{
	int last = -1, expected = 0;

	EXPECT(syncbn_group_set_divisor(rank->group, epoch->divisor) == SYNCBN_OK);
	for (int step = 0; step < epoch->stop[rank->self]; step++)
		EXPECT(make_step(rank, epoch, step) == 0);
	if (epoch->stop[rank->self] % 2 == 0) /* returning leaves, too */
		EXPECT(syncbn_group_leave(rank->group) == SYNCBN_OK);
	for (int each = 1; each < RANKS; each++)
		expected = epoch->stop[each] >= epoch->stop[expected] ? each : expected;
	EXPECT(syncbn_group_return(rank->group, &last) == SYNCBN_OK);
	EXPECT(last == expected);
	return 0;
}

static int
live(int number, void *argument)
{
	static const int order[] = { 2, 0, 3, 1 };
	struct rank rank = { 0 };
	uint64_t seed = 7;
	syncbn_group_t *world;
	syncbn_arena_t *arena;

	(void)number;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	rank.group = world;
	if (argument != NULL)
		EXPECT(syncbn_group_new(world, order, RANKS, &rank.group) == SYNCBN_OK);
	rank.self = syncbn_group_rank(rank.group);
	EXPECT(syncbn_arena_new(rank.group, sizeof(rank.heap), &arena) == SYNCBN_OK);
	rank.inside = syncbn_arena_alloc(arena, sizeof(rank.heap));
	for (int i = 0; i < EPOCHS; i++) {
		struct epoch epoch = draw_epoch(sbn_random(&seed));

		EXPECT(live_an_epoch(&rank, &epoch) == 0);
	}
	syncbn_arena_free(arena);
	if (argument != NULL)
		EXPECT(syncbn_group_free(rank.group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_random_leavings_of_the_world_are_as_the_model_says(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(RANKS, live, NULL), 0);
}

static void
test_random_leavings_of_a_sub_group_are_as_the_model_says(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(RANKS, live, ""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_leavings_of_the_world_are_as_the_model_says),
		cmocka_unit_test(test_random_leavings_of_a_sub_group_are_as_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
