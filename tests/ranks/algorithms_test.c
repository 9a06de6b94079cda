/* SPDX-License-Identifier: Apache-2.0 */
/* Every way of doing an all-reduce gives the bits of a plain loop, also when ranks leave or die. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness.h"
#include "unit/random.h"

enum { MOST = 70001, NOTICE_MS = 1000 };

/* The two settings, in bytes: always, from a size in between, never. */
static const char *const from[] = { "0", "5000", "2147483647" };

static const size_t counts[] = { 1, 31, 32, 33, 1250, 1251, 20000, 65536, MOST };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sums that depend on the order in which they are made. */
static void
fill(double *data, int rank, size_t count)
{
	uint64_t seed = 1000 + (uint64_t)rank;

	for (size_t i = 0; i < count; i++)
		data[i] = sbn_random_normal(&seed) * (1 + 1e6 * (double)(i % 3));
}

struct reduced {
	int n_ranks;
	double own[MOST];
	double sum[MOST];
	float own32[MOST], sum32[MOST];
};

/* In rank order, in the elements' type. */
static void
expect_sums(struct reduced *r)
{
	double *term = calloc(MOST, sizeof(*term));

	for (int rank = 0; rank < r->n_ranks; rank++) {
		fill(term, rank, MOST);
		for (size_t i = 0; i < MOST; i++) {
			r->sum[i] = rank == 0 ? term[i] : r->sum[i] + term[i];
			r->sum32[i] = rank == 0 ? (float)term[i] : r->sum32[i] + (float)term[i];
		}
	}
	free(term);
}

static int
check_count(syncbn_group_t *world, struct reduced *r, size_t count)
{
	fill(r->own, syncbn_group_rank(world), count);
	for (size_t i = 0; i < count; i++)
		r->own32[i] = (float)r->own[i];
	EXPECT(syncbn_all_reduce(world, r->own, count, SYNCBN_FLOAT64, SYNCBN_SUM) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce(world, r->own32, count, SYNCBN_FLOAT32, SYNCBN_MEAN) == SYNCBN_OK);
	for (size_t i = 0; i < count; i++) {
		EXPECT(r->own[i] == r->sum[i]);
		EXPECT(r->own32[i] == r->sum32[i] / (float)r->n_ranks);
	}
	return 0;
}

static int
reduce_all_counts(int rank, void *argument)
{
	struct reduced *r = calloc(1, sizeof(*r));
	syncbn_group_t *world;

	(void)rank;
	EXPECT(join_run(&world, 0) == 0);
	r->n_ranks = *(const int *)argument;
	expect_sums(r);
	for (size_t i = 0; i < COUNT(counts); i++)
		EXPECT(check_count(world, r, counts[i]) == 0);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	free(r);
	return 0;
}

static void
test_every_algorithm_gives_the_bits_of_a_plain_loop(void **state)
{
	static int worlds[] = { 2, 3, 4, 8 };

	(void)state;
	for (size_t w = 0; w < COUNT(worlds); w++)
		for (size_t way = 0; way < COUNT(from) * COUNT(from); way++) {
			setenv("SYNCBN_STREAM_FROM", from[way % COUNT(from)], 1);
			setenv("SYNCBN_SCATTER_FROM", from[way / COUNT(from)], 1);
			assert_int_equal(run_ranks_failures(worlds[w], reduce_all_counts,
							    &worlds[w]),
					 0);
		}
}

static void
test_a_calibrated_world_gives_them_too(void **state)
{
	static int n_ranks = 3;

	(void)state;
	unsetenv("SYNCBN_STREAM_FROM"), unsetenv("SYNCBN_SCATTER_FROM");
	setenv("SYNCBN_CALIBRATE", "on", 1);
	assert_int_equal(run_ranks_failures(n_ranks, reduce_all_counts, &n_ranks), 0);
	setenv("SYNCBN_CALIBRATE", "off", 1);
}

/* Ranks 0, 2 and 3 of a group in another order, and the world, take turns. */
static int
reduce_in_two_groups(int rank, void *argument)
{
	static const int order[] = { 3, 0, 2 };
	static float data[5000];
	syncbn_group_t *world, *group;

	(void)argument;
	EXPECT(join_run(&world, 0) == 0);
	EXPECT(syncbn_group_new(world, order, 3, &group) == SYNCBN_OK);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < COUNT(data); i++)
			data[i] = (float)(rank + round);
		if (group != NULL)
			EXPECT(syncbn_all_reduce(group, data, COUNT(data), SYNCBN_FLOAT32,
						 SYNCBN_SUM) == SYNCBN_OK);
		for (size_t i = 0; i < COUNT(data); i++)
			EXPECT(data[i] == (float)(group == NULL ? 1 + round : 5 + 3 * round));
		EXPECT(syncbn_all_reduce(world, data, COUNT(data), SYNCBN_FLOAT32, SYNCBN_SUM) ==
		       SYNCBN_OK);
		for (size_t i = 0; i < COUNT(data); i++)
			EXPECT(data[i] == (float)(16 + 10 * round));
	}
	syncbn_group_free(group);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_groups_of_one_world_take_turns_in_every_algorithm(void **state)
{
	(void)state;
	for (size_t way = 0; way < COUNT(from); way++) {
		setenv("SYNCBN_SCATTER_FROM", from[way], 1);
		assert_int_equal(run_ranks_failures(4, reduce_in_two_groups, NULL), 0);
	}
}

/* Rank 1 stops after two calls; the others' sums are theirs alone from then on. */
static int
reduce_after_one_has_left(int rank, void *argument)
{
	static float data[20000];
	syncbn_group_t *world;

	(void)argument;
	EXPECT(join_run(&world, 0) == 0);
	for (int call = 0; call < 6; call++) {
		if (rank == 1 && call == 2)
			break;
		for (size_t i = 0; i < COUNT(data); i++)
			data[i] = (float)(1 << rank);
		EXPECT(syncbn_all_reduce(world, data, COUNT(data), SYNCBN_FLOAT32, SYNCBN_SUM) ==
		       SYNCBN_OK);
		for (size_t i = 0; i < COUNT(data); i++)
			EXPECT(data[i] == (call < 2 ? 15 : 13));
	}
	EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
	EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_the_shares_are_those_of_the_ranks_that_remain(void **state)
{
	(void)state;
	setenv("SYNCBN_SCATTER_FROM", "0", 1);
	assert_int_equal(run_ranks_failures(4, reduce_after_one_has_left, NULL), 0);
}

/* Of two ranks, one call in which it may be that one's row changes hands and the other's stays. */
static int
reduce_other_counts(int rank, void *argument)
{
	int n_before = *(const int *)argument;
	static float data[1000];
	size_t count = rank == 0 ? COUNT(data) : 10;
	syncbn_group_t *world;

	EXPECT(join_run(&world, 0) == 0);
	for (int call = 0; call < n_before; call++)
		EXPECT(syncbn_all_reduce(world, data, COUNT(data), SYNCBN_FLOAT32, SYNCBN_SUM) ==
		       SYNCBN_OK);
	EXPECT(syncbn_all_reduce(world, data, count, SYNCBN_FLOAT32, SYNCBN_SUM) ==
	       SYNCBN_ERR_MISMATCH);
	EXPECT(says("1000 ") && says("10 "));
	return 0;
}

static void
test_other_counts_are_a_mismatch_wherever_the_rows_lie(void **state)
{
	(void)state;
	unsetenv("SYNCBN_SCATTER_FROM");
	for (int n_before = 0; n_before < 5; n_before++)
		assert_int_equal(run_ranks_failures(2, reduce_other_counts, &n_before), 0);
}

/* Rows of both kinds; rank 1 stays away for some of them, and comes back twice. */
static int
reduce_long_and_short(int rank, void *argument)
{
	static float data[1000];
	syncbn_group_t *world;

	(void)argument;
	EXPECT(join_run(&world, 0) == 0);
	for (int call = 0; call < 60; call++) {
		size_t count = call % 3 == 0 ? 10 : COUNT(data);
		bool away = call % 20 >= 13;

		if (call > 0 && call % 20 == 0) {
			EXPECT(rank == 1 || syncbn_group_leave(world) == SYNCBN_OK);
			EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK);
		}
		if (rank == 1 && call % 20 == 13)
			EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
		if (rank == 1 && away)
			continue;
		for (size_t i = 0; i < count; i++)
			data[i] = (float)(call + 100 * rank);
		EXPECT(syncbn_all_reduce(world, data, count, SYNCBN_FLOAT32, SYNCBN_SUM) ==
		       SYNCBN_OK);
		for (size_t i = 0; i < count; i++)
			EXPECT(data[i] == (float)(away ? call : 2 * call + 100));
	}
	EXPECT(rank == 1 || syncbn_group_leave(world) == SYNCBN_OK);
	EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_rows_change_hands_while_a_rank_leaves_and_returns(void **state)
{
	(void)state;
	unsetenv("SYNCBN_SCATTER_FROM");
	assert_int_equal(run_ranks_failures(2, reduce_long_and_short, NULL), 0);
}

/* Rank 2 is killed somewhere in its calls, once its parent has seen it make some. */
static int
reduce_until_killed(int rank, void *argument)
{
	volatile int *calls = argument;
	static float data[30000];
	syncbn_status_t status = SYNCBN_OK;
	uint64_t start_ns = sbn_now_ns();
	syncbn_group_t *world;

	EXPECT(join_run(&world, 0) == 0);
	if (rank == 2 && fork() == 0) {
		while (*calls < 200)
			sched_yield();
		kill(getppid(), SIGKILL);
		_exit(0);
	}
	while (status == SYNCBN_OK) {
		start_ns = sbn_now_ns();
		status = syncbn_all_reduce(world, data, COUNT(data), SYNCBN_FLOAT32, SYNCBN_SUM);
		if (rank == 0)
			++*calls;
	}
	EXPECT(status == SYNCBN_ERR_PEER_LOST);
	EXPECT(sbn_now_ns() - start_ns < 5 * NOTICE_MS * SBN_NS_PER_MS);
	EXPECT(says("rank 2"));
	return 0;
}

static void
test_a_rank_killed_between_the_two_meetings_is_lost_to_all(void **state)
{
	struct endings endings;

	(void)state;
	setenv("SYNCBN_SCATTER_FROM", "0", 1);
	for (int round = 0; round < 5; round++) {
		run_ranks(4, reduce_until_killed, shared_memory(sizeof(int)), &endings);
		for (int rank = 0; rank < 4; rank++)
			assert_int_equal(endings.status[rank], rank == 2 ? SIGKILL : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_algorithm_gives_the_bits_of_a_plain_loop),
		cmocka_unit_test(test_a_calibrated_world_gives_them_too),
		cmocka_unit_test(test_groups_of_one_world_take_turns_in_every_algorithm),
		cmocka_unit_test(test_the_shares_are_those_of_the_ranks_that_remain),
		cmocka_unit_test(test_other_counts_are_a_mismatch_wherever_the_rows_lie),
		cmocka_unit_test(test_rows_change_hands_while_a_rank_leaves_and_returns),
		cmocka_unit_test(test_a_rank_killed_between_the_two_meetings_is_lost_to_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
