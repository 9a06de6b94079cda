/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the others see when a rank comes too late, or never. A timeout is told within 5 times
 * itself.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "small_layer.h"

enum { TIMEOUT_MS = 300 };

/* On a failed group: what needs no peer works, a backward pass after a failed forward does not. */
static int
go_on(struct layer *layer, syncbn_status_t failure)
{
	syncbn_tensor_t x = syncbn_tensor_nc(layer->x, ROWS, CHANNELS);
	syncbn_tensor_t y = syncbn_tensor_nc(layer->y, ROWS, CHANNELS);
	syncbn_saved_t *saved;

	EXPECT(syncbn_saved_new(layer->bn, &saved) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(layer->bn, &x, NULL, &y, saved) == failure);
	EXPECT(syncbn_batch_norm_backward(layer->bn, saved, &y, &y, NULL, SYNCBN_WANT_ALL) ==
	       failure);
	EXPECT(syncbn_batch_norm_train(layer->bn, 0) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(layer->bn, &x, NULL, &y, saved) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_backward(layer->bn, saved, &y, &y, NULL, SYNCBN_WANT_DX) ==
	       SYNCBN_OK);
	syncbn_saved_free(saved);
	return 0;
}

/* Rank 1 stays in its own computing until rank 0 has given up. */
static int
stay_away(int rank, void *argument)
{
	volatile int *gave_up = argument;
	uint64_t start_ns;
	struct layer layer;

	if (open_layer(&layer, "late", CHANNELS, TIMEOUT_MS) != 0)
		return 1;
	EXPECT(forward(&layer) == SYNCBN_OK);
	start_ns = sbn_now_ns();
	if (rank == 0) {
		EXPECT(forward(&layer) == SYNCBN_ERR_TIMEOUT);
		EXPECT(sbn_now_ns() - start_ns >= TIMEOUT_MS * SBN_NS_PER_MS);
		EXPECT(sbn_now_ns() - start_ns < 5 * TIMEOUT_MS * SBN_NS_PER_MS);
		EXPECT(says("rank 1 has not come") && says("last: forward of late, call 1"));
		EXPECT(says("in forward of late, call 2"));
		*gave_up = 1;
	}
	while (!*gave_up)
		sched_yield();
	EXPECT(forward(&layer) == SYNCBN_ERR_TIMEOUT);
	EXPECT(says(rank == 0 ? "failed before: rank 1 has not come" : "rank 0 gave up"));
	EXPECT(go_on(&layer, SYNCBN_ERR_TIMEOUT) == 0);
	return close_layer(&layer);
}

/* Rank 1 has done nothing but join: what it is told to raise is what ended rank 0's wait. */
static int
miss_the_first_call(int rank, void *argument)
{
	volatile int *gave_up = argument;
	struct layer layer;

	if (open_layer(&layer, "first", CHANNELS, TIMEOUT_MS) != 0)
		return 1;
	while (rank == 1 && !*gave_up)
		sched_yield();
	EXPECT(forward(&layer) == SYNCBN_ERR_TIMEOUT);
	EXPECT(says(rank == 0 ? "rank 1 has not come" : "rank 0 gave up"));
	EXPECT(says("raise SYNCBN_TIMEOUT"));
	*gave_up = 1;
	return close_layer(&layer);
}

static void
test_a_rank_that_misses_the_first_call_is_told_which_timeout(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, miss_the_first_call, shared_memory(sizeof(int))), 0);
}

static void
test_a_rank_that_does_not_come_is_a_timeout_that_names_it(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, stay_away, shared_memory(sizeof(int))), 0);
}

static int
never_join(int rank, void *argument)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	volatile int *gave_up = argument;
	uint64_t start_ns = sbn_now_ns();
	syncbn_group_t *world;

	config.join_timeout_ms = TIMEOUT_MS;
	if (rank == 1) {
		while (!*gave_up)
			sched_yield();
		return 0;
	}
	EXPECT(syncbn_init(&config, &world) == SYNCBN_ERR_TIMEOUT);
	EXPECT(sbn_now_ns() - start_ns < 5 * TIMEOUT_MS * SBN_NS_PER_MS);
	EXPECT(says("rank 1") && says("not joined"));
	*gave_up = 1;
	return 0;
}

static void
test_a_rank_that_never_joins_is_a_timeout_that_names_it(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, never_join, shared_memory(sizeof(int))), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rank_that_misses_the_first_call_is_told_which_timeout),
		cmocka_unit_test(test_a_rank_that_does_not_come_is_a_timeout_that_names_it),
		cmocka_unit_test(test_a_rank_that_never_joins_is_a_timeout_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
