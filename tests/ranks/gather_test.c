/* SPDX-License-Identifier: Apache-2.0 */
/* All-gather and reduce-scatter over real ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "unit/random.h"

enum { MAX_BYTES = 300001, MAX_COUNT = 40001 };

static const int worlds[] = { 1, 2, 3, 8 };
static const size_t sizes[] = { 0, 1, 63, 64, 4096, 131072, MAX_BYTES };
static const size_t counts[] = { 0, 1, 15, 16, 1000, 16384, MAX_COUNT };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
fill_bytes(unsigned char *bytes, int rank, size_t n)
{
	uint64_t seed = (uint64_t)rank * 77 + n;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)sbn_random(&seed);
}

/* From elsewhere, then from its place in the result. */
static int
gather_bytes(syncbn_group_t *world, unsigned char *all, size_t n)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world);
	unsigned char *own = malloc(MAX_BYTES), *expected = malloc(MAX_BYTES);

	fill_bytes(own, rank, n);
	memset(all, 0, (size_t)size * n + 1);
	for (int round = 0; round < 2; round++) {
		const void *from = round == 0 ? own : all + (size_t)rank * n;

		EXPECT(syncbn_all_gather(world, from, n, all) == SYNCBN_OK);
		for (int peer = 0; peer < size; peer++) {
			fill_bytes(expected, peer, n);
			EXPECT(memcmp(all + (size_t)peer * n, expected, n) == 0);
		}
		EXPECT(all[(size_t)size * n] == 0);
	}
	free(own), free(expected);
	return 0;
}

static int
gather_all_sizes(int rank, void *argument)
{
	syncbn_group_t *world;
	unsigned char *all;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, 0) == 0);
	all = malloc((size_t)syncbn_group_size(world) * MAX_BYTES + 1);
	for (size_t i = 0; i < COUNT(sizes); i++)
		EXPECT(gather_bytes(world, all, sizes[i]) == 0);
	free(all);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_every_rank_gets_what_every_rank_gave(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT(worlds); w++)
		assert_int_equal(run_ranks_failures(worlds[w], gather_all_sizes, NULL), 0);
}

static double
term(int rank, size_t i)
{
	uint64_t seed = (uint64_t)rank * 1000003 + i;

	return sbn_random_normal(&seed) * (i % 2 == 0 ? 1 : 1e7);
}

/* In rank order, in float. */
static float
sum_at(int n_ranks, size_t i)
{
	float sum = (float)term(0, i);

	for (int rank = 1; rank < n_ranks; rank++)
		sum += (float)term(rank, i);
	return sum;
}

static int
scatter_floats(syncbn_group_t *world, float *data, size_t count, int in_place)
{
	int rank = syncbn_group_rank(world), size = syncbn_group_size(world);
	size_t own = (size_t)rank * count, n = (size_t)size * count;
	float *elsewhere = malloc((count + 1) * sizeof(*elsewhere));
	float *out = in_place ? data + own : elsewhere;

	for (size_t i = 0; i < n; i++)
		data[i] = (float)term(rank, i);
	EXPECT(syncbn_reduce_scatter(world, data, count, SYNCBN_FLOAT32, SYNCBN_MEAN, out) ==
	       SYNCBN_OK);
	for (size_t i = 0; i < count; i++)
		EXPECT(out[i] == sum_at(size, own + i) / (float)size);
	for (size_t i = 0; i < n; i++)
		EXPECT((in_place && i >= own && i < own + count) ||
		       data[i] == (float)term(rank, i));
	free(elsewhere);
	return 0;
}

static int
scatter_all_counts(int rank, void *argument)
{
	syncbn_group_t *world;
	float *data;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, 0) == 0);
	data = malloc(((size_t)syncbn_group_size(world) * MAX_COUNT + 1) * sizeof(*data));
	for (size_t i = 0; i < COUNT(counts); i++)
		for (int in_place = 0; in_place < 2; in_place++)
			EXPECT(scatter_floats(world, data, counts[i], in_place) == 0);
	free(data);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_every_rank_gets_its_part_of_the_sum(void **state)
{
	(void)state;
	for (size_t w = 0; w < COUNT(worlds); w++)
		assert_int_equal(run_ranks_failures(worlds[w], scatter_all_counts, NULL), 0);
}

/* Rank 1 has left: its part stays, and its terms are not added. */
static int
go_on_without_one(int rank, void *argument)
{
	int all[3] = { -1, -1, -1 }, own = 10 + rank;
	double data[3] = { 1, 2, 3 }, out = 0;
	syncbn_group_t *world;

	(void)argument;
	EXPECT(join_run(&world, 0) == 0);
	if (rank != 1) {
		EXPECT(syncbn_all_gather(world, &own, sizeof(own), all) == SYNCBN_OK);
		EXPECT(all[0] == 10 && all[1] == -1 && all[2] == 12);
		EXPECT(syncbn_reduce_scatter(world, data, 1, SYNCBN_FLOAT64, SYNCBN_SUM, &out) ==
		       SYNCBN_OK);
		EXPECT(out == 2 * (rank + 1));
	}
	EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
	EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_rank_that_has_left_gives_and_gets_nothing(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, go_on_without_one, NULL), 0);
}

static int
differ(int rank, void *argument)
{
	static float data[64], out[64];
	syncbn_group_t *world;

	(void)argument;
	EXPECT(join_run(&world, 0) == 0);
	EXPECT(syncbn_all_gather(world, NULL, 4, data) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_all_gather(world, data, SIZE_MAX, out) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_reduce_scatter(world, data, SIZE_MAX / 8, SYNCBN_FLOAT32, SYNCBN_SUM, out) ==
	       SYNCBN_ERR_INVALID);
	EXPECT(syncbn_reduce_scatter(world, data, 1, SYNCBN_FLOAT16, SYNCBN_SUM, out) ==
	       SYNCBN_ERR_INVALID);
	EXPECT(syncbn_reduce_scatter(world, data, rank == 0 ? 4 : 8, SYNCBN_FLOAT32, SYNCBN_SUM,
				     out) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("reduce_scatter, call 1 (sum of 4 float32)"));
	return 0;
}

static void
test_what_is_wrong_or_different_is_said(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, differ, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rank_gets_what_every_rank_gave),
		cmocka_unit_test(test_every_rank_gets_its_part_of_the_sum),
		cmocka_unit_test(test_a_rank_that_has_left_gives_and_gets_nothing),
		cmocka_unit_test(test_what_is_wrong_or_different_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
