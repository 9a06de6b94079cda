/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that differ between the ranks, or have too few values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "small_layer.h"

/* ---- ranks that make different calls ---- */

static int
other_channels(int rank, void *argument)
{
	int64_t channels = rank == 0 ? CHANNELS : CHANNELS / 2;
	struct layer layer;

	(void)argument;
	if (open_layer(&layer, rank == 0 ? "wide" : "narrow", channels, 60000) != 0)
		return 1;
	EXPECT(forward_rows(&layer, ROWS, channels) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("forward of wide") || says("forward of narrow"));
	EXPECT(syncbn_barrier(layer.world) == SYNCBN_ERR_MISMATCH);
	return close_layer(&layer);
}

static int
other_layer(int rank, void *argument)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_batch_norm_t *second;
	struct layer layer;

	(void)argument;
	if (open_layer(&layer, "first", CHANNELS, 60000) != 0)
		return 1;
	config.name = "second";
	EXPECT(syncbn_batch_norm_new(layer.world, &config, &second) == SYNCBN_OK);
	if (rank == 1) {
		syncbn_batch_norm_t *swap = layer.bn;

		layer.bn = second;
		second = swap;
	}
	EXPECT(forward(&layer) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("forward of first") && says("forward of second"));
	EXPECT(says("must make its layers in the same order"));
	syncbn_batch_norm_free(second);
	return close_layer(&layer);
}

/* Another stream: no slot ever shows the difference, so the waiters compare what they are in. */
static int
other_operation(int rank, void *argument)
{
	struct layer layer;

	(void)argument;
	if (open_layer(&layer, "bn", CHANNELS, 60000) != 0)
		return 1;
	EXPECT(forward(&layer) == SYNCBN_OK);
	if (rank == 0)
		EXPECT(syncbn_barrier(layer.world) == SYNCBN_ERR_MISMATCH);
	else
		EXPECT(forward(&layer) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("barrier, call 1") && says("forward of bn, call 2"));
	EXPECT(says("must make the same calls in the same order"));
	return close_layer(&layer);
}

static int
other_size(int rank, void *argument)
{
	float data[4] = { 0 };
	syncbn_group_t *world;

	(void)argument;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce(world, data, rank == 0 ? 3 : 4, SYNCBN_FLOAT32, SYNCBN_SUM) ==
	       SYNCBN_ERR_MISMATCH);
	EXPECT(says("sum of 3 float32") || says("sum of 4 float32"));
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

/* In an arena on one rank only. */
static int
other_place(int rank, void *argument)
{
	float elsewhere[4] = { 0 }, *data = elsewhere;
	syncbn_arena_t *arena;
	syncbn_group_t *world;

	(void)argument;
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_arena_new(world, sizeof(elsewhere), &arena) == SYNCBN_OK);
	if (rank == 0) {
		data = syncbn_arena_alloc(arena, sizeof(elsewhere));
		EXPECT(data != NULL);
	}
	EXPECT(syncbn_all_reduce(world, data, 4, SYNCBN_FLOAT32, SYNCBN_SUM) ==
	       SYNCBN_ERR_MISMATCH);
	EXPECT(says("sum of 4 float32 in an arena, at "));
	EXPECT(says("at the same offset of the same arena on all ranks, or in none"));
	syncbn_arena_free(arena);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static int
other_settings(int rank, void *argument)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	struct layer layer;

	(void)argument;
	EXPECT(open_layer(&layer, "first", CHANNELS, 60000) == 0);
	syncbn_batch_norm_free(layer.bn);
	config.eps = rank == 0 ? 1e-5 : 1e-3;
	EXPECT(syncbn_batch_norm_new(layer.world, &config, &layer.bn) == SYNCBN_OK);
	EXPECT(forward(&layer) == SYNCBN_ERR_MISMATCH);
	if (!says("other settings of the layer"))
		EXPECT(says("forward of bn2")); /* the peer was first to find it */
	return close_layer(&layer);
}

static void
test_different_calls_are_a_mismatch_on_every_rank(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, other_channels, NULL), 0);
	assert_int_equal(run_ranks_failures(2, other_layer, NULL), 0);
	assert_int_equal(run_ranks_failures(2, other_operation, NULL), 0);
	assert_int_equal(run_ranks_failures(2, other_size, NULL), 0);
	assert_int_equal(run_ranks_failures(2, other_place, NULL), 0);
	assert_int_equal(run_ranks_failures(2, other_settings, NULL), 0);
}

/* ---- errors after which the group works on ---- */

static float
running_var(struct layer *layer)
{
	return *(const float *)syncbn_batch_norm_param(layer->bn, SYNCBN_RUNNING_VAR);
}

static int
one_value(int rank, void *argument)
{
	struct layer layer;

	(void)argument;
	if (open_layer(&layer, "bn", CHANNELS, 60000) != 0)
		return 1;
	EXPECT(forward_rows(&layer, rank == 0, CHANNELS) == SYNCBN_ERR_INVALID);
	EXPECT(says("one value per channel"));
	EXPECT(running_var(&layer) == 1);
	EXPECT(syncbn_batch_norm_batches_tracked(layer.bn) == 0);
	EXPECT(forward_rows(&layer, 0, CHANNELS) ==
	       SYNCBN_OK); /* no value at all changes nothing */
	EXPECT(running_var(&layer) == 1);
	EXPECT(forward_rows(&layer, 1, CHANNELS) ==
	       SYNCBN_OK); /* one on each of two ranks is legal */
	EXPECT(running_var(&layer) != 1);
	return close_layer(&layer);
}

static void
test_one_value_in_the_whole_group_is_refused_and_harmless(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, one_value, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_different_calls_are_a_mismatch_on_every_rank),
		cmocka_unit_test(test_one_value_in_the_whole_group_is_refused_and_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
