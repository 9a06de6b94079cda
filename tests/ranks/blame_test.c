/* SPDX-License-Identifier: Apache-2.0 */
/* Who is to blame, and who is not: for a rank that does not come, a second process, a stop. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness.h"

enum { CHANNELS = 8, ROWS = 4, TIMEOUT_MS = 300 };

static float x[ROWS * CHANNELS], y[ROWS * CHANNELS];

static int
join(syncbn_group_t **world, syncbn_batch_norm_t **bn, int timeout_ms)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_batch_norm_config_t layer = SYNCBN_BATCH_NORM_TORCH(CHANNELS);

	config.threads = 1;
	config.timeout_ms = timeout_ms;
	for (int i = 0; i < ROWS * CHANNELS; i++)
		x[i] = (float)(i % 5);
	EXPECT(syncbn_init(&config, world) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(*world, &layer, bn) == SYNCBN_OK);
	return 0;
}

static syncbn_status_t
forward(syncbn_batch_norm_t *bn)
{
	/* planes, so that small chunks travel one by one */
	syncbn_tensor_t tx = syncbn_tensor_nchw(x, ROWS / 2, CHANNELS, 1, 2);
	syncbn_tensor_t ty = syncbn_tensor_nchw(y, ROWS / 2, CHANNELS, 1, 2);

	return syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL);
}

static int
leave(syncbn_group_t *world, syncbn_batch_norm_t *bn)
{
	syncbn_batch_norm_free(bn);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

/* Rank 2 stays away; rank 1, chunk by chunk, stops short of its row because it waits for rank 2. */
static int
wait_for_rank_2(int rank, void *argument)
{
	volatile int *gave_up = argument;
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;

	if (rank == 1)
		setenv("SYNCBN_CHUNK_BYTES", "1", 1);
	/* rank 0 is the one to give up */
	EXPECT(join(&world, &bn, rank == 0 ? TIMEOUT_MS : 60000) == 0);
	EXPECT(rank != 2 || comes_true(gave_up));
	EXPECT(forward(bn) == SYNCBN_ERR_TIMEOUT);
	EXPECT(rank != 0 || strstr(syncbn_last_error(), "rank 2 has not come") != NULL);
	*gave_up = 1;
	return leave(world, bn);
}

static void
test_a_rank_that_waits_itself_is_not_blamed(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, wait_for_rank_2, shared_memory(sizeof(int))), 0);
}

static int
join_as_somebody_else(volatile int *joined, volatile int *tried)
{
	syncbn_group_t *world;

	EXPECT(comes_true(joined));
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_ERR_INVALID);
	EXPECT(strstr(syncbn_last_error(), "has joined already") != NULL);
	*tried = 1;
	return 0;
}

/*
 * A program that rank 1 started inherits the contract; it must do no harm to the rank, which is in
 * the middle of a collective while rank 0 is late.
 */
static int
share_the_contract(int rank, void *argument)
{
	volatile int *joined = argument, *tried = joined + 1;
	pid_t child = rank == 1 ? fork() : -1;
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_arena_t *arena;
	int status = 0;

	if (child == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		_exit(join_as_somebody_else(joined, tried));
	EXPECT(join(&world, &bn, 10000) == 0);
	if (rank == 1)
		*joined = 1;
	EXPECT(rank == 1 || comes_true(tried));
	EXPECT(syncbn_arena_new(world, 4096, &arena) == SYNCBN_OK);
	syncbn_arena_free(arena);
	if (rank == 1)
		EXPECT(waitpid(child, &status, 0) == child && status == 0);
	return leave(world, bn);
}

static void
test_a_second_process_of_a_rank_is_refused_and_harmless(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, share_the_contract, shared_memory(2 * sizeof(int))),
			 0);
}

/* Stops its parent for longer than the parent would wait, then lets rank 1 come. */
static int
stop_the_parent(volatile int *go)
{
	enum { STOP_MS = 1600 };
	uint64_t end = sbn_now_ns() + STOP_MS * SBN_NS_PER_MS;

	kill(getppid(), SIGSTOP);
	while (sbn_now_ns() < end)
		sched_yield();
	kill(getppid(), SIGCONT);
	*go = 1;
	return 0;
}

static int
be_stopped_while_waiting(int rank, void *argument)
{
	volatile int *go = argument;
	pid_t child = -1;
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;

	EXPECT(join(&world, &bn, 1200) == 0);
	EXPECT(forward(bn) == SYNCBN_OK);
	if (rank == 0) {
		child = fork();
		if (child == 0)
			_exit(stop_the_parent(go));
	}
	EXPECT(rank == 0 || comes_true(go));
	EXPECT(forward(bn) == SYNCBN_OK);
	if (child > 0)
		EXPECT(waitpid(child, NULL, 0) == child);
	return leave(world, bn);
}

static void
test_the_time_in_which_a_rank_is_stopped_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, be_stopped_while_waiting,
					    shared_memory(sizeof(int))),
			 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rank_that_waits_itself_is_not_blamed),
		cmocka_unit_test(test_a_second_process_of_a_rank_is_refused_and_harmless),
		cmocka_unit_test(test_the_time_in_which_a_rank_is_stopped_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
