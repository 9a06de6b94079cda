/* SPDX-License-Identifier: Apache-2.0 */
/* All-reduce, broadcast, barrier and arenas over real ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "unit/random.h"

static const int worlds[] = { 1, 2, 3, 4, 8 };

static const size_t counts[] = { 0, 1, 31, 32, 33, 1000, 32768, 32769, 100001 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Element i of rank r: exact in float, so that sums can be compared exactly. */
static double
value(int rank, size_t i)
{
	return (double)((rank + 1) * 7 + (int)(i % 1000));
}

static double
sum_of(int n_ranks, size_t i)
{
	double sum = 0;

	for (int rank = 0; rank < n_ranks; rank++)
		sum += value(rank, i);
	return sum;
}

static int
check_float(syncbn_group_t *world, float *data, size_t count)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world);

	for (size_t i = 0; i < count; i++)
		data[i] = (float)value(rank, i);
	EXPECT(syncbn_all_reduce(world, data, count, SYNCBN_FLOAT32, SYNCBN_SUM) == SYNCBN_OK);
	for (size_t i = 0; i < count; i++)
		EXPECT(data[i] == (float)sum_of(size, i));
	EXPECT(syncbn_all_reduce(world, data, count, SYNCBN_FLOAT32, SYNCBN_MEAN) == SYNCBN_OK);
	for (size_t i = 0; i < count; i++)
		EXPECT(data[i] == (float)sum_of(size, i));
	return 0;
}

static int
check_double(syncbn_group_t *world, double *data, size_t count)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world);

	for (size_t i = 0; i < count; i++)
		data[i] = value(rank, i);
	EXPECT(syncbn_all_reduce(world, data, count, SYNCBN_FLOAT64, SYNCBN_MEAN) == SYNCBN_OK);
	for (size_t i = 0; i < count; i++)
		EXPECT(data[i] == sum_of(size, i) / size);
	return 0;
}

static uint16_t
bfloat16(double value)
{
	float single = (float)value;
	uint32_t bits;

	memcpy(&bits, &single, sizeof(bits));
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* 1 and a little from every rank: bfloat16 would lose each little, float32 keeps their sum. */
static int
check_bfloat16(syncbn_group_t *world, uint16_t *data, size_t count)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world);
	double little = 0x1p-8;

	for (size_t i = 0; i < count; i++)
		data[i] = bfloat16(rank == 0 ? 1 : little);
	EXPECT(syncbn_all_reduce(world, data, count, SYNCBN_BFLOAT16, SYNCBN_SUM) == SYNCBN_OK);
	for (size_t i = 0; i < count; i++)
		EXPECT(data[i] == bfloat16(1 + little * (size - 1)));
	return 0;
}

static int
reduce_everywhere(int rank, void *argument)
{
	size_t bytes = counts[COUNT(counts) - 1] * sizeof(double);
	double *heap = malloc(bytes), *inside;
	syncbn_group_t *world;
	syncbn_arena_t *arena;

	(void)rank, (void)argument;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_arena_new(world, bytes + 4096, &arena) == SYNCBN_OK);
	EXPECT(syncbn_arena_alloc(arena, 100) !=
	       NULL); /* so that the next is not at the beginning */
	EXPECT((inside = syncbn_arena_alloc(arena, bytes)) != NULL);
	EXPECT(syncbn_arena_alloc(arena, bytes) == NULL);
	for (size_t i = 0; i < COUNT(counts); i++) {
		EXPECT(check_float(world, (float *)heap, counts[i]) == 0);
		EXPECT(check_float(world, (float *)inside, counts[i]) == 0);
		EXPECT(check_double(world, heap, counts[i]) == 0);
		EXPECT(check_double(world, inside, counts[i]) == 0);
		EXPECT(check_bfloat16(world, (uint16_t *)heap, counts[i]) == 0);
		EXPECT(check_bfloat16(world, (uint16_t *)inside, counts[i]) == 0);
		EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	}
	syncbn_arena_free(arena);
	free(heap);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static int
reduce_on_three_threads(int rank, void *argument)
{
	setenv("SYNCBN_THREADS", "3", 1);
	return reduce_everywhere(rank, argument);
}

static void
test_sums_and_means_are_exact_in_arenas_and_elsewhere(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT(worlds); w++)
		assert_int_equal(run_ranks_failures(worlds[w], reduce_everywhere, NULL), 0);
	assert_int_equal(run_ranks_failures(2, reduce_on_three_threads, NULL), 0);
}

/* A sum whose value depends on the order of its terms. */
static int
reduce_in_order(int rank, void *argument)
{
	static const float terms[] = { 1e8f, 1, -1e8f, 1 };
	float *results = argument;
	float data = terms[rank];
	syncbn_group_t *world;

	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce(world, &data, 1, SYNCBN_FLOAT32, SYNCBN_SUM) == SYNCBN_OK);
	results[rank] = data;
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_terms_are_added_in_rank_order_on_every_rank(void **state)
{
	float *results = shared_memory(4 * sizeof(float));
	float expected = ((1e8f + 1) + -1e8f) + 1;

	(void)state;
	assert_int_equal(run_ranks_failures(4, reduce_in_order, results), 0);
	for (int rank = 0; rank < 4; rank++)
		assert_true(results[rank] == expected);
}

static int
broadcast_from_everybody(int rank, void *argument)
{
	enum { MOST = 300001 };
	unsigned char *data = malloc(MOST), *expected = malloc(MOST);
	syncbn_group_t *world;

	(void)argument;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	for (int root = 0; root < syncbn_group_size(world); root++)
		for (size_t bytes = 0; bytes <= MOST; bytes = bytes * 7 + 1) {
			uint64_t seed = (uint64_t)root * 1000 + bytes;

			for (size_t i = 0; i < bytes; i++)
				expected[i] = (unsigned char)sbn_random(&seed);
			memset(data, rank, bytes);
			if (rank == root)
				memcpy(data, expected, bytes);
			EXPECT(syncbn_broadcast(world, data, bytes, root) == SYNCBN_OK);
			EXPECT(memcmp(data, expected, bytes) == 0);
		}
	EXPECT(syncbn_broadcast(world, data, 1, syncbn_group_size(world)) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	free(data), free(expected);
	return 0;
}

static void
test_a_broadcast_reaches_everybody_from_every_root(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT(worlds); w++)
		assert_int_equal(run_ranks_failures(worlds[w], broadcast_from_everybody, NULL), 0);
}

/* Each rank adds to a counter of its own; after the barrier all counters must agree. */
static int
meet_often(int rank, void *argument)
{
	volatile int *rounds = argument;
	syncbn_group_t *world;

	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	for (int round = 1; round <= 300; round++) {
		rounds[rank * 64] = round;
		EXPECT(syncbn_barrier(world) == SYNCBN_OK);
		for (int peer = 0; peer < syncbn_group_size(world); peer++)
			EXPECT(rounds[peer * 64] == round || rounds[peer * 64] == round + 1);
	}
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_nobody_leaves_a_barrier_before_everybody_has_come(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT(worlds); w++)
		assert_int_equal(run_ranks_failures(worlds[w], meet_often,
						    shared_memory(MAX_TEST_RANKS * 64 *
								  sizeof(int))),
				 0);
}

static int
make_arenas(int rank, void *argument)
{
	syncbn_group_t *world;
	syncbn_arena_t *arena[2];
	unsigned char *memory;

	(void)rank, (void)argument;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	for (int round = 0; round < 20; round++) {
		EXPECT(syncbn_arena_new(world, 100000, &arena[0]) == SYNCBN_OK);
		EXPECT(syncbn_arena_new(world, 1, &arena[1]) == SYNCBN_OK);
		EXPECT((memory = syncbn_arena_alloc(arena[0], 100000)) != NULL);
		for (int i = 0; i < 100000; i++)
			EXPECT(memory[i] == 0);
		memset(memory, 255, 100000);
		syncbn_arena_free(arena[0]);
		EXPECT(syncbn_finalize(world) == SYNCBN_ERR_INVALID); /* an arena lives */
		syncbn_arena_free(arena[1]);
	}
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_arenas_are_zeroed_and_come_and_go(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, make_arenas, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_and_means_are_exact_in_arenas_and_elsewhere),
		cmocka_unit_test(test_terms_are_added_in_rank_order_on_every_rank),
		cmocka_unit_test(test_a_broadcast_reaches_everybody_from_every_root),
		cmocka_unit_test(test_nobody_leaves_a_barrier_before_everybody_has_come),
		cmocka_unit_test(test_arenas_are_zeroed_and_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
