/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that leave a group while the others go on, and return to it. */
#include <math.h>
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
#include "comm/group.h"
#include "harness.h"

enum { RANKS = 3, COUNT = 40000, LONG_MS = 60000, NOTICE_MS = 1000 };

/* Ranks first..RANKS-1 take part; their terms are 1, 10, 100 and the element's index. */
static int
check_reduce(syncbn_group_t *group, double *data, int first, syncbn_divisor_t divisor)
{
	static const double terms[] = { 1, 10, 100 };
	int n = RANKS - first;
	double sum = 0;

	for (int rank = first; rank < RANKS; rank++)
		sum += terms[rank];
	for (int i = 0; i < COUNT; i++)
		data[i] = terms[syncbn_group_rank(group)] + i;
	EXPECT(syncbn_all_reduce(group, data, COUNT, SYNCBN_FLOAT64, SYNCBN_SUM) == SYNCBN_OK);
	for (int i = 0; i < COUNT; i++)
		EXPECT(data[i] == sum + n * (double)i);
	for (int i = 0; i < COUNT; i++)
		data[i] = terms[syncbn_group_rank(group)];
	EXPECT(syncbn_all_reduce(group, data, COUNT, SYNCBN_FLOAT64, SYNCBN_MEAN) == SYNCBN_OK);
	for (int i = 0; i < COUNT; i++)
		EXPECT(data[i] == sum / (divisor == SYNCBN_DIVISOR_INITIAL ? RANKS : n));
	return 0;
}

static int
check_all(syncbn_group_t *group, double *heap, double *inside, int first, syncbn_divisor_t divisor)
{
	int data = syncbn_group_rank(group) * 11;

	EXPECT(check_reduce(group, heap, first, divisor) == 0);
	EXPECT(check_reduce(group, inside, first, divisor) == 0);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	EXPECT(syncbn_broadcast(group, &data, sizeof(data), RANKS - 1) == SYNCBN_OK);
	EXPECT(data == (RANKS - 1) * 11);
	if (first > 0) { /* rank 0 of the group has left, which is rank 2 of the run */
		EXPECT(syncbn_broadcast(group, heap, 16, 0) == SYNCBN_ERR_INVALID);
		EXPECT(says("the root, rank 2, has left"));
	}
	return 0;
}

/* Rank 0 leaves first, then rank 1, then rank 2; their arenas' memory is as they left it. */
static int
leave_one_by_one(syncbn_group_t *group, double *heap, double *inside, syncbn_divisor_t divisor)
{
	int rank = syncbn_group_rank(group), last = -1;

	for (int first = 0; first <= rank; first++)
		EXPECT(check_all(group, heap, inside, first, divisor) == 0);
	inside[1] = 12345 + rank;
	EXPECT(syncbn_group_leave(group) == SYNCBN_OK);
	EXPECT(syncbn_group_return(group, &last) == SYNCBN_OK);
	EXPECT(last == RANKS - 1 && inside[1] == 12345 + rank);
	return 0;
}

static int
leave_and_return(int rank, void *argument)
{
	static const syncbn_divisor_t divisors[] = { SYNCBN_DIVISOR_INITIAL,
						     SYNCBN_DIVISOR_REMAINING };
	static const int reversed[] = { 2, 1, 0 };
	double *heap = malloc(COUNT * sizeof(*heap)), *inside;
	syncbn_group_t *world, *group;
	syncbn_arena_t *arena;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_new(world, reversed, RANKS, &group) == SYNCBN_OK);
	EXPECT(syncbn_arena_new(group, COUNT * sizeof(*heap), &arena) == SYNCBN_OK);
	inside = syncbn_arena_alloc(arena, COUNT * sizeof(*heap));
	for (int epoch = 0; epoch < 6; epoch++) {
		EXPECT(syncbn_group_set_divisor(group, divisors[epoch % 2]) == SYNCBN_OK);
		EXPECT(leave_one_by_one(group, heap, inside, divisors[epoch % 2]) == 0);
	}
	EXPECT(syncbn_barrier(world) == SYNCBN_OK); /* another group: nobody has left it */
	syncbn_arena_free(arena);
	free(heap);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_the_others_go_on_and_all_return(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(RANKS, leave_and_return, NULL), 0);
}

static int
all_calls_are_refused(syncbn_group_t *group)
{
	syncbn_group_t *sub;
	syncbn_arena_t *arena;
	float data = 1;

	EXPECT(syncbn_barrier(group) == SYNCBN_ERR_INVALID && says("syncbn_group_return"));
	EXPECT(syncbn_all_reduce(group, &data, 1, SYNCBN_FLOAT32, SYNCBN_SUM) ==
	       SYNCBN_ERR_INVALID);
	EXPECT(syncbn_all_reduce(group, &data, 0, SYNCBN_FLOAT32, SYNCBN_SUM) ==
	       SYNCBN_ERR_INVALID);
	EXPECT(syncbn_broadcast(group, &data, 4, 0) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_broadcast(group, &data, 0, 0) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_arena_new(group, 1, &arena) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_group_new(group, (const int[]){ 0 }, 1, &sub) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_group_leave(group) == SYNCBN_ERR_INVALID && says("already"));
	return 0;
}

/* What makes memory needs everybody; the others say who is missing, and go on. */
static int
make_things_without_rank_1(int rank, void *argument)
{
	syncbn_group_t *world, *sub;
	syncbn_arena_t *arena;
	int last = -1;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_leave(NULL) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_group_return(NULL, NULL) == SYNCBN_ERR_INVALID);
	if (rank == 1) {
		EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
		EXPECT(all_calls_are_refused(world) == 0);
	} else {
		EXPECT(syncbn_arena_new(world, 100, &arena) == SYNCBN_ERR_INVALID);
		EXPECT(says("rank 1 has left the group"));
		EXPECT(syncbn_group_new(world, (const int[]){ 0, 2 }, 2, &sub) ==
		       SYNCBN_ERR_INVALID);
		EXPECT(says("rank 1 has left the group"));
		EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	}
	EXPECT(syncbn_group_return(world, &last) == SYNCBN_OK && last == 2);
	EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK); /* nobody had left */
	EXPECT(syncbn_arena_new(world, 100, &arena) == SYNCBN_OK);
	syncbn_arena_free(arena);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_who_has_left_is_refused_and_named(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, make_things_without_rank_1, NULL), 0);
}

enum { CHANNELS = 2, ROWS = 2 };

static bool
is_near(float value, double expected)
{
	return fabs((double)value - expected) < 1e-6 * (1 + fabs(expected));
}

/* Row i of a rank has the value rank + i in every channel: mean and variance are easy to tell. */
static int
check_layer(syncbn_batch_norm_t *bn, int rank, int first, double n_of_mean)
{
	float x[ROWS * CHANNELS], y[ROWS * CHANNELS], dy[ROWS * CHANNELS], dx[ROWS * CHANNELS];
	syncbn_tensor_t tx = syncbn_tensor_nc(x, ROWS, CHANNELS);
	syncbn_tensor_t ty = syncbn_tensor_nc(y, ROWS, CHANNELS);
	syncbn_tensor_t tdy = syncbn_tensor_nc(dy, ROWS, CHANNELS);
	syncbn_tensor_t tdx = syncbn_tensor_nc(dx, ROWS, CHANNELS);
	double mean = (first + RANKS - 1) / 2.0 + 0.5, dbeta = 0;
	syncbn_saved_t *saved;

	EXPECT(syncbn_saved_new(bn, &saved) == SYNCBN_OK);
	for (int i = 0; i < ROWS * CHANNELS; i++) {
		x[i] = (float)(rank + i / CHANNELS);
		dy[i] = (float)(rank + 1);
	}
	for (int each = first; each < RANKS; each++)
		dbeta += ROWS * (each + 1);
	EXPECT(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, saved) == SYNCBN_OK);
	EXPECT(is_near(((float *)syncbn_batch_norm_param(bn, SYNCBN_RUNNING_MEAN))[1], mean));
	EXPECT(syncbn_batch_norm_backward(bn, saved, &tdy, &tdx, NULL,
					  SYNCBN_WANT_DX | SYNCBN_WANT_DBETA) == SYNCBN_OK);
	EXPECT(is_near(((float *)syncbn_batch_norm_param(bn, SYNCBN_DBETA))[0], dbeta / n_of_mean));
	syncbn_saved_free(saved);
	return 0;
}

static int
normalize_without_the_leavers(int rank, void *argument)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	config.momentum = 1;
	config.param_grad_mode = SYNCBN_PARAM_GRAD_MEAN;
	EXPECT(syncbn_batch_norm_new(world, &config, &bn) == SYNCBN_OK);
	for (int epoch = 0; epoch < 4; epoch++) {
		bool initial = epoch % 2 == 0;

		EXPECT(syncbn_group_set_divisor(world, initial ? SYNCBN_DIVISOR_INITIAL :
								 SYNCBN_DIVISOR_REMAINING) == 0);
		for (int first = 0; first <= rank; first++)
			EXPECT(check_layer(bn, rank, first, initial ? RANKS : RANKS - first) == 0);
		EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK);
	}
	syncbn_batch_norm_free(bn);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_batch_statistics_are_of_those_who_take_part(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(RANKS, normalize_without_the_leavers, NULL), 0);
}

static int
choose_other_divisors(int rank, void *argument)
{
	syncbn_group_t *world;
	float data = 2;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_set_divisor(world, (syncbn_divisor_t)3) == SYNCBN_ERR_INVALID);
	EXPECT(syncbn_group_set_divisor(NULL, SYNCBN_DIVISOR_INITIAL) == SYNCBN_ERR_INVALID);
	if (rank == 1)
		EXPECT(syncbn_group_set_divisor(world, SYNCBN_DIVISOR_REMAINING) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce(world, &data, 1, SYNCBN_FLOAT32, SYNCBN_SUM) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce(world, &data, 1, SYNCBN_FLOAT32, SYNCBN_MEAN) ==
	       SYNCBN_ERR_MISMATCH);
	EXPECT(says("all_reduce, call 2"));
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_other_divisors_are_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, choose_other_divisors, NULL), 0);
}

/* Rank 0 leaves and ends in good order; it is missed only where all are to return. */
static int
finalize_after_leaving(int rank, void *argument)
{
	syncbn_group_t *world, *group;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_new(world, (const int[]){ 0, 1, 2 }, 3, &group) == SYNCBN_OK);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	if (rank == 0) {
		EXPECT(syncbn_group_leave(group) == SYNCBN_OK);
		EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
		EXPECT(syncbn_group_free(group) == SYNCBN_OK);
		EXPECT(syncbn_finalize(world) == SYNCBN_OK);
		return 0;
	}
	/* until the harness has seen it go, and beyond */
	for (bool gone = false; !gone;) {
		gone = sbn_control_state(&world->control, 0) & SBN_RANK_GONE;
		EXPECT(syncbn_barrier(group) == SYNCBN_OK);
		EXPECT(syncbn_broadcast(world, &gone, sizeof(gone), 1) == SYNCBN_OK);
	}
	EXPECT(syncbn_group_return(group, NULL) == SYNCBN_ERR_PEER_LOST && says("rank 0"));
	for (int i = 0; i < 10; i++)
		EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_who_has_left_may_end_in_good_order(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, finalize_after_leaving, NULL), 0);
}

/* A rank that has left is still of the group: its death is everybody's. */
static int
die_after_leaving(int rank, void *argument)
{
	syncbn_group_t *world;
	syncbn_status_t status;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	if (rank == 0) {
		EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
		raise(SIGKILL);
	}
	do {
		status = syncbn_barrier(world);
	} while (status == SYNCBN_OK);
	EXPECT(status == SYNCBN_ERR_PEER_LOST && says("rank 0"));
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

/* Rank 0 dies while the others wait for it to return. */
static int
die_while_others_return(int rank, void *argument)
{
	volatile uint64_t *died_ns = argument;
	syncbn_group_t *world, *group;

	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_new(world, (const int[]){ 2, 0, 1 }, 3, &group) == SYNCBN_OK);
	if (rank == 0) {
		while (!sbn_group_now(group, 0).inside || !sbn_group_now(group, 2).inside)
			sched_yield();
		*died_ns = sbn_now_ns();
		raise(SIGKILL);
	}
	EXPECT(syncbn_group_return(group, NULL) == SYNCBN_ERR_PEER_LOST);
	EXPECT(sbn_now_ns() - *died_ns < NOTICE_MS * SBN_NS_PER_MS);
	EXPECT(says("rank 0") && says("returning, call 1 (group 1)"));
	EXPECT(syncbn_group_return(group, NULL) == SYNCBN_ERR_PEER_LOST);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_death_is_everybodys_also_after_leaving(void **state)
{
	struct endings endings;

	(void)state;
	run_ranks(3, die_after_leaving, NULL, &endings);
	assert_int_equal(endings.status[1], 0);
	assert_int_equal(endings.status[2], 0);
	run_ranks(3, die_while_others_return, shared_memory(sizeof(uint64_t)), &endings);
	assert_int_equal(endings.status[1], 0);
	assert_int_equal(endings.status[2], 0);
}

/* Rank 0 waits far longer than its deadline, since the others are at work. */
static int
return_early(int rank, void *argument)
{
	enum { TIMEOUT_MS = 700 };
	syncbn_group_t *world;
	uint64_t start_ns;
	int last = -1;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	if (rank == 0)
		EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
	start_ns = sbn_now_ns();
	if (rank == 0)
		world->process->timeout_ms = TIMEOUT_MS;
	for (bool enough = rank == 0; !enough;) {
		enough = sbn_now_ns() - start_ns > 2 * TIMEOUT_MS * SBN_NS_PER_MS;
		EXPECT(syncbn_broadcast(world, &enough, sizeof(enough), 1) == SYNCBN_OK);
	}
	EXPECT(syncbn_group_return(world, &last) == SYNCBN_OK && last == 2);
	if (rank == 0) { /* and not for ever where nobody is */
		EXPECT(syncbn_group_return(world, &last) == SYNCBN_ERR_TIMEOUT);
		EXPECT(says("returning, call 2") && says("rank 1 has not come"));
	} else {
		while (sbn_group_aborted(world).cause == SYNCBN_OK)
			sched_yield();
	}
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_who_returns_waits_for_those_at_work(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, return_early, NULL), 0);
}

static int
leave_alone(int rank, void *argument)
{
	syncbn_group_t *world, *alone;
	int last = -1;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_self(&alone) == SYNCBN_OK);
	for (int epoch = 0; epoch < 3; epoch++) {
		EXPECT(syncbn_group_leave(alone) == SYNCBN_OK);
		EXPECT(all_calls_are_refused(alone) == 0);
		EXPECT(syncbn_group_return(alone, &last) == SYNCBN_OK && last == 0);
		EXPECT(syncbn_barrier(alone) == SYNCBN_OK);
		EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
		EXPECT(syncbn_group_return(world, &last) == SYNCBN_OK && last == 0);
		EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	}
	EXPECT(syncbn_group_free(alone) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_group_of_one_is_left_and_returned_to(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(1, leave_alone, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_others_go_on_and_all_return),
		cmocka_unit_test(test_who_has_left_is_refused_and_named),
		cmocka_unit_test(test_batch_statistics_are_of_those_who_take_part),
		cmocka_unit_test(test_other_divisors_are_a_mismatch),
		cmocka_unit_test(test_who_has_left_may_end_in_good_order),
		cmocka_unit_test(test_a_death_is_everybodys_also_after_leaving),
		cmocka_unit_test(test_who_returns_waits_for_those_at_work),
		cmocka_unit_test(test_a_group_of_one_is_left_and_returned_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
