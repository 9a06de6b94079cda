/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All-reduces, blocking and in flight, barriers and sub groups with threads as ranks: made for a
 * race detector. With an argument only the test of that name is run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/one_mapping.h"

enum { COUNT = 1500, ROUNDS = 40, N = SYNCBN_MAX_IN_FLIGHT, MOST_RANKS = 4 };

static void
fill(float *data, int rank, int round)
{
	for (int i = 0; i < COUNT; i++)
		data[i] = (float)(rank * 3 + round + i % 10);
}

static int
is_sum(const float *data, int n_ranks, int round)
{
	for (int i = 0; i < COUNT; i++) {
		int sum = 3 * n_ranks * (n_ranks - 1) / 2 + n_ranks * (round + i % 10);

		if (data[i] != (float)sum)
			return 0;
	}
	return 1;
}

static int
reduce(syncbn_group_t *group, float *data, int round)
{
	fill(data, syncbn_group_rank(group), round);
	return syncbn_all_reduce(group, data, COUNT, SYNCBN_FLOAT32, SYNCBN_SUM) == SYNCBN_OK &&
	       is_sum(data, syncbn_group_size(group), round);
}

static int
reduce_staged(syncbn_group_t *group)
{
	float data[COUNT];

	for (int round = 0; round < ROUNDS; round++)
		if (!reduce(group, data, round))
			return 1;
	return 0;
}

static int
reduce_in_arena(syncbn_group_t *group)
{
	syncbn_arena_t *arena;
	float *data;
	int code = 0;

	if (syncbn_arena_new(group, COUNT * sizeof(float), &arena) != SYNCBN_OK)
		return 1;
	data = syncbn_arena_alloc(arena, COUNT * sizeof(float));
	for (int round = 0; round < ROUNDS && code == 0; round++)
		code = !reduce(group, data, round);
	syncbn_arena_free(arena);
	return code;
}

/* Buckets are filled again as soon as they have ended; each rank ends in an order of its own. */
static int
fly(syncbn_group_t *group, float *const buckets[N], int round)
{
	int rank = syncbn_group_rank(group);
	syncbn_request_t *requests[N];

	for (int i = 0; i < N; i++) {
		fill(buckets[i], rank, round + i);
		if (syncbn_all_reduce_begin(group, buckets[i], COUNT, SYNCBN_FLOAT32, SYNCBN_SUM,
					    &requests[i]) != SYNCBN_OK)
			return 1;
	}
	if (round % 3 == rank && syncbn_progress(group) != SYNCBN_OK)
		return 1;
	if (round % 2 && syncbn_barrier(group) != SYNCBN_OK)
		return 1;
	for (int i = 0; i < N; i++) {
		int which = (rank + i * (2 * rank + 1)) % N;

		if (syncbn_all_reduce_end(&requests[which]) != SYNCBN_OK ||
		    !is_sum(buckets[which], syncbn_group_size(group), round + which))
			return 1;
	}
	return 0;
}

static int
reduce_in_flight(syncbn_group_t *group)
{
	syncbn_arena_t *arena;
	float *buckets[N];
	int code = 0;

	if (syncbn_arena_new(group, N * (COUNT * sizeof(float) + 128), &arena) != SYNCBN_OK)
		return 1;
	for (int i = 0; i < N; i++)
		buckets[i] = syncbn_arena_alloc(arena, COUNT * sizeof(float));
	for (int round = 0; round < ROUNDS && code == 0; round++)
		code = fly(group, buckets, round);
	syncbn_arena_free(arena);
	return code;
}

static int plain[2][MOST_RANKS]; /* no atomics: the barrier alone orders them */

static int
meet(syncbn_group_t *group)
{
	int rank = syncbn_group_rank(group), size = syncbn_group_size(group);

	for (int round = 0; round < 10 * ROUNDS; round++) {
		plain[round % 2][rank] = round * 8 + rank;
		if (syncbn_barrier(group) != SYNCBN_OK)
			return 1;
		for (int peer = 0; peer < size; peer++)
			if (plain[round % 2][peer] != round * 8 + peer)
				return 1;
	}
	return 0;
}

/* Groups that overlap: each rank with the next, all in reverse, and these again and again. */
static int
use_sub_groups(syncbn_group_t *world)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world), code = 0;

	for (int first = 0; first < size && code == 0; first++) {
		int ranks[MOST_RANKS], n = first == 0 ? size : 2;
		syncbn_group_t *group;

		for (int i = 0; i < n; i++)
			ranks[i] = first == 0 ? size - 1 - i : (first + i) % size;
		if (syncbn_group_new(world, ranks, n, &group) != SYNCBN_OK)
			return 1;
		if (group == NULL)
			continue;
		code = ranks[syncbn_group_rank(group)] != rank || reduce_staged(group) != 0 ||
		       reduce_in_arena(group) != 0 || reduce_in_flight(group) != 0;
		code = syncbn_group_free(group) != SYNCBN_OK || code;
	}
	return code;
}

static void
check(int (*body)(syncbn_group_t *world))
{
	for (int n = 2; n <= MOST_RANKS; n++)
		assert_int_equal(run_ranks_as_threads(n, body), 0);
}

static void
test_staged_all_reduce(void **state)
{
	(void)state;
	check(reduce_staged);
}

static void
test_arena_all_reduce(void **state)
{
	(void)state;
	check(reduce_in_arena);
}

static void
test_all_reduces_in_flight(void **state)
{
	(void)state;
	check(reduce_in_flight);
}

static void
test_barrier(void **state)
{
	(void)state;
	check(meet);
}

static void
test_sub_groups(void **state)
{
	(void)state;
	check(use_sub_groups);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_staged_all_reduce),
		cmocka_unit_test(test_arena_all_reduce),
		cmocka_unit_test(test_all_reduces_in_flight),
		cmocka_unit_test(test_barrier),
		cmocka_unit_test(test_sub_groups),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
