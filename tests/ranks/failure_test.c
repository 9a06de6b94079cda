/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the others see when a rank dies, leaves, comes late or makes another call. The harness tells
 * of deaths as the launcher does. Deadlines: a death within 1 s, a timeout within 5 times itself.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness.h"

enum { CHANNELS = 8, ROWS = 4, NOTICE_MS = 1000, TIMEOUT_MS = 300 };

struct layer {
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	float x[ROWS * CHANNELS], y[ROWS * CHANNELS];
};

static int
open_layer(struct layer *layer, const char *name, int64_t channels, int timeout_ms)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_batch_norm_config_t bn = SYNCBN_BATCH_NORM_TORCH(channels);

	config.threads = 1;
	config.timeout_ms = timeout_ms;
	bn.name = name;
	for (int i = 0; i < ROWS * CHANNELS; i++)
		layer->x[i] = (float)(i % 5);
	EXPECT(syncbn_init(&config, &layer->world) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(layer->world, &bn, &layer->bn) == SYNCBN_OK);
	return 0;
}

static syncbn_status_t
forward_rows(struct layer *layer, int64_t rows, int64_t channels)
{
	syncbn_tensor_t x = syncbn_tensor_nc(layer->x, rows, channels);
	syncbn_tensor_t y = syncbn_tensor_nc(layer->y, rows, channels);

	return syncbn_batch_norm_forward(layer->bn, &x, NULL, &y, NULL);
}

static syncbn_status_t
forward(struct layer *layer)
{
	return forward_rows(layer, ROWS, CHANNELS);
}

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

static int
close_layer(struct layer *layer)
{
	syncbn_batch_norm_free(layer->bn);
	EXPECT(syncbn_finalize(layer->world) == SYNCBN_OK);
	return 0;
}

/* ---- a rank that is gone ---- */

struct death {
	void (*die)(void);
	const char *cause;
	volatile uint64_t *died_ns; /* shared */
};

static void
die_by_kill(void)
{
	raise(SIGKILL);
}

static void
die_by_segv(void)
{
	signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would turn it into an exit */
	raise(SIGSEGV);
}

static void
die_by_exit(void)
{
	_exit(3);
}

static void
leave_early(void)
{
	_exit(0);
}

/* Rank 1 ends after three calls; the others hear of it in the fourth and in every later one. */
static int
lose_rank_1(int rank, void *argument)
{
	struct death *death = argument;
	struct layer layer;

	if (open_layer(&layer, "stem.bn", CHANNELS, 60000) != 0)
		return 1;
	for (int call = 0; call < 3; call++)
		EXPECT(forward(&layer) == SYNCBN_OK);
	if (rank == 1) {
		*death->died_ns = sbn_now_ns();
		death->die();
	}
	EXPECT(forward(&layer) == SYNCBN_ERR_PEER_LOST);
	EXPECT(sbn_now_ns() - *death->died_ns < NOTICE_MS * SBN_NS_PER_MS);
	EXPECT(says("rank 1") && says(death->cause) && says("forward of stem.bn, call 3"));
	EXPECT(forward(&layer) == SYNCBN_ERR_PEER_LOST);
	EXPECT(syncbn_barrier(layer.world) == SYNCBN_ERR_PEER_LOST);
	EXPECT(syncbn_broadcast(layer.world, layer.x, 4, 0) == SYNCBN_ERR_PEER_LOST);
	return close_layer(&layer);
}

static void
check_death(void (*die)(void), const char *cause)
{
	struct death death = { die, cause, shared_memory(sizeof(uint64_t)) };

	for (int n = 2; n <= 4; n++) {
		struct endings endings;

		run_ranks(n, lose_rank_1, &death, &endings);
		for (int rank = 0; rank < n; rank++)
			if (rank != 1)
				assert_int_equal(endings.status[rank], 0);
	}
}

static void
test_a_killed_rank_is_lost_at_once_and_named(void **state)
{
	(void)state;
	check_death(die_by_kill, "killed by signal 9");
	check_death(die_by_segv, "killed by signal 11");
}

static void
test_a_rank_that_exits_is_lost_whatever_its_code(void **state)
{
	(void)state;
	check_death(die_by_exit, "exit 3");
	check_death(leave_early, "exit 0");
}

/* Rank 1 ends in good order, but rank 0 still needs it. */
static int
finalize_too_early(int rank, void *argument)
{
	struct layer layer;

	(void)argument;
	if (open_layer(&layer, "bn", CHANNELS, 60000) != 0)
		return 1;
	EXPECT(forward(&layer) == SYNCBN_OK);
	if (rank == 0) {
		EXPECT(forward(&layer) == SYNCBN_ERR_PEER_LOST);
		EXPECT(says("rank 1"));
	}
	return close_layer(&layer);
}

static void
test_a_rank_that_finalizes_while_it_is_needed_is_lost(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, finalize_too_early, NULL), 0);
}

/* A data loader's worker is a child of the rank: its end is not the rank's end. */
static int
fork_a_child(int rank, void *argument)
{
	struct layer layer;
	pid_t pid;
	int status;

	(void)rank, (void)argument;
	if (open_layer(&layer, "bn", CHANNELS, 60000) != 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(forward(&layer) == SYNCBN_ERR_INVALID && says("forked child") &&
				      syncbn_finalize(layer.world) == SYNCBN_ERR_INVALID ?
			      7 :
			      1);
	EXPECT(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	EXPECT(forward(&layer) == SYNCBN_OK);
	return close_layer(&layer);
}

static void
test_a_forked_child_is_not_the_rank(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, fork_a_child, NULL), 0);
}

/* ---- a rank that does not come ---- */

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
		cmocka_unit_test(test_a_killed_rank_is_lost_at_once_and_named),
		cmocka_unit_test(test_a_rank_that_exits_is_lost_whatever_its_code),
		cmocka_unit_test(test_a_rank_that_finalizes_while_it_is_needed_is_lost),
		cmocka_unit_test(test_a_forked_child_is_not_the_rank),
		cmocka_unit_test(test_a_rank_that_misses_the_first_call_is_told_which_timeout),
		cmocka_unit_test(test_a_rank_that_does_not_come_is_a_timeout_that_names_it),
		cmocka_unit_test(test_a_rank_that_never_joins_is_a_timeout_that_names_it),
		cmocka_unit_test(test_different_calls_are_a_mismatch_on_every_rank),
		cmocka_unit_test(test_one_value_in_the_whole_group_is_refused_and_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
