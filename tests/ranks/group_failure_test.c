/* SPDX-License-Identifier: Apache-2.0 */
/* Whose failure is whose, where there are several groups. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/clock.h"
#include "comm/group.h"
#include "harness.h"

enum { TIMEOUT_MS = 300, LONG_MS = 60000, NOTICE_MS = 1000 };

static int
new_group(syncbn_group_t *world, int first, int second, syncbn_group_t **group)
{
	EXPECT(syncbn_group_new(world, (const int[]){ first, second }, 2, group) == SYNCBN_OK);
	return 0;
}

static int
give_different_lists(int rank, void *argument)
{
	static const int lists[2][3] = { { 0, 1, 2 }, { 0, 2, 1 } };
	syncbn_group_t *world, *group = NULL;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_group_new(world, lists[rank == 1], 3, &group) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("lists of ranks") && says("making a group"));
	EXPECT(group == NULL);
	EXPECT(syncbn_barrier(world) == SYNCBN_ERR_MISMATCH);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_different_lists_are_a_mismatch_on_every_rank(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, give_different_lists, NULL), 0);
}

/* Rank 1 does not come to its group with rank 0; its group with rank 2, and the world, work on. */
static int
miss_one_group(int rank, void *argument)
{
	volatile int *gave_up = argument;
	syncbn_group_t *world, *late, *well;
	syncbn_arena_t *arena;

	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 0, 1, &late) == 0 && new_group(world, 1, 2, &well) == 0);
	EXPECT(rank == 2 || syncbn_arena_new(late, 100, &arena) == SYNCBN_OK);
	if (rank == 0) {
		world->process->timeout_ms = TIMEOUT_MS;
		EXPECT(syncbn_barrier(late) == SYNCBN_ERR_TIMEOUT);
		EXPECT(says("rank 1 has not come") && says("in barrier, call 1 (group 1)"));
		*gave_up = 1;
	}
	EXPECT(comes_true(gave_up));
	EXPECT(rank != 1 || (syncbn_barrier(late) == SYNCBN_ERR_TIMEOUT && says("rank 0 gave up")));
	EXPECT(rank == 0 || syncbn_barrier(well) == SYNCBN_OK);
	world->process->timeout_ms = LONG_MS;
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	if (rank != 2)
		syncbn_arena_free(arena);
	EXPECT(syncbn_group_free(late) == SYNCBN_OK && syncbn_group_free(well) == SYNCBN_OK);
	EXPECT(new_group(world, 0, 1, &late) == 0);
	EXPECT(rank == 2 || syncbn_barrier(late) == SYNCBN_OK);
	EXPECT(syncbn_group_free(late) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_timeout_is_its_groups_alone(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, miss_one_group, shared_memory(sizeof(int))), 0);
}

/* The other way round: the world gives up, its sub groups do not. */
static int
miss_the_world(int rank, void *argument)
{
	volatile int *gave_up = argument;
	syncbn_group_t *world, *group;

	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 0, 1, &group) == 0);
	world->process->timeout_ms = rank == 0 ? TIMEOUT_MS : LONG_MS;
	EXPECT(rank != 0 || syncbn_barrier(world) == SYNCBN_ERR_TIMEOUT);
	world->process->timeout_ms = LONG_MS;
	if (rank == 0)
		*gave_up = 1;
	EXPECT(comes_true(gave_up));
	for (int i = 0; group != NULL && i < 10; i++)
		EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	EXPECT(syncbn_barrier(world) == SYNCBN_ERR_TIMEOUT);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_the_worlds_timeout_is_not_a_sub_groups(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, miss_the_world, shared_memory(sizeof(int))), 0);
}

static syncbn_status_t
barrier_until_it_fails(syncbn_group_t *group)
{
	syncbn_status_t status;

	do {
		status = syncbn_barrier(group);
	} while (status == SYNCBN_OK);
	return status;
}

/* Rank 3 dies, then rank 2: the run's abort word can name the first only. */
static int
die_one_by_one(int rank, void *argument)
{
	syncbn_group_t *world, *whole, *maimed;
	float data;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 0, 1, &whole) == 0 && new_group(world, 1, 2, &maimed) == 0);
	if (rank == 3)
		raise(SIGKILL);
	EXPECT(barrier_until_it_fails(world) == SYNCBN_ERR_PEER_LOST && says("rank 3"));
	EXPECT(rank == 0 || syncbn_barrier(maimed) == SYNCBN_OK);
	if (rank == 2)
		raise(SIGKILL);
	if (rank == 1) {
		while (!(sbn_control_state(&world->control, 2) & SBN_RANK_GONE))
			sched_yield();
		/* nobody is waited for in this one */
		EXPECT(syncbn_all_reduce(maimed, &data, 0, SYNCBN_FLOAT32, SYNCBN_SUM) ==
		       SYNCBN_ERR_PEER_LOST);
		EXPECT(says("rank 2") && says("killed by signal 9"));
		EXPECT(syncbn_barrier(maimed) == SYNCBN_ERR_PEER_LOST);
	}
	for (int i = 0; i < 10; i++)
		EXPECT(syncbn_barrier(whole) == SYNCBN_OK);
	EXPECT(syncbn_group_free(whole) == SYNCBN_OK && syncbn_group_free(maimed) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_lost_rank_fails_its_groups_and_no_other(void **state)
{
	struct endings endings;

	(void)state;
	run_ranks(4, die_one_by_one, NULL, &endings);
	assert_int_equal(endings.status[0], 0);
	assert_int_equal(endings.status[1], 0);
}

/* The sleeper is woken at once, and does not wait for the next of its looks. */
static int
be_lost_to_a_sleeper(int rank, void *argument)
{
	volatile uint64_t *died_ns = argument;
	syncbn_group_t *world, *group;

	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 1, 0, &group) == 0);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	if (rank == 1) {
		*died_ns = sbn_now_ns();
		raise(SIGKILL);
	}
	EXPECT(syncbn_barrier(group) == SYNCBN_ERR_PEER_LOST);
	EXPECT(sbn_now_ns() - *died_ns < NOTICE_MS * SBN_NS_PER_MS);
	EXPECT(says("rank 1") && says("(group 1)"));
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_lost_rank_is_noticed_at_once_in_a_sub_group(void **state)
{
	struct endings endings;

	(void)state;
	run_ranks(2, be_lost_to_a_sleeper, shared_memory(sizeof(uint64_t)), &endings);
	assert_int_equal(endings.status[0], 0);
}

static int
free_too_early(int rank, void *argument)
{
	syncbn_group_t *world, *group;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 1, 0, &group) == 0);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	if (rank == 0) {
		EXPECT(syncbn_barrier(group) == SYNCBN_ERR_PEER_LOST);
		EXPECT(says("rank 1") && says("it has freed group 1"));
	}
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_rank_that_frees_a_group_that_is_needed_is_lost_to_it(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, free_too_early, NULL), 0);
}

static int
cross(int rank, void *argument)
{
	syncbn_group_t *world, *group;
	float data = 0;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 1, 0, &group) == 0);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	if (rank == 0)
		EXPECT(syncbn_barrier(group) == SYNCBN_ERR_MISMATCH);
	else
		EXPECT(syncbn_broadcast(group, &data, 4, 0) == SYNCBN_ERR_MISMATCH);
	EXPECT(says("barrier, call 2 (group 1)") && says("broadcast, call 1 (group 1)"));
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_crossed_operations_of_a_sub_group_are_a_mismatch_on_both(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, cross, NULL), 0);
}

/* Legal for two threads each, so not a mismatch: each hears what the other one is in. */
static int
wait_in_different_groups(int rank, void *argument)
{
	syncbn_group_t *world, *groups[2];
	const char *there[] = { "it is in barrier, call 1 (group 2)",
				"it is in barrier, call 1 (group 1)" };

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 0, 1, &groups[0]) == 0 && new_group(world, 1, 0, &groups[1]) == 0);
	world->process->timeout_ms = rank == 0 ? 3 * TIMEOUT_MS : 6 * TIMEOUT_MS;
	EXPECT(syncbn_barrier(groups[rank]) == SYNCBN_ERR_TIMEOUT);
	EXPECT(rank != 0 || says(there[rank]));
	world->process->timeout_ms = LONG_MS;
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_group_free(groups[0]) == SYNCBN_OK);
	EXPECT(syncbn_group_free(groups[1]) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_ranks_that_wait_in_different_groups_hear_of_it(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, wait_in_different_groups, NULL), 0);
}

/* Rank 2 cannot reserve its slice: nobody gets the group, and the next one is made. */
static int
lack_memory(int rank, void *argument)
{
	struct rlimit limit, small;
	syncbn_group_t *world, *group;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	small = (struct rlimit){ .rlim_cur = 1, .rlim_max = limit.rlim_max };
	EXPECT(rank != 2 || setrlimit(RLIMIT_FSIZE, &small) == 0);
	for (int i = 0; i < 2; i++) {
		EXPECT(syncbn_group_new(world, (const int[]){ 2, 0 }, 2, &group) ==
		       SYNCBN_ERR_NO_MEMORY);
		EXPECT(group == NULL && says("rank 2"));
	}
	EXPECT(rank != 2 || setrlimit(RLIMIT_FSIZE, &limit) == 0);
	EXPECT(new_group(world, 2, 0, &group) == 0);
	EXPECT(rank == 1 || syncbn_barrier(group) == SYNCBN_OK);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_rank_without_memory_keeps_all_from_the_group(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, lack_memory, NULL), 0);
}

static int
miss_the_making(int rank, void *argument)
{
	volatile int *gave_up = argument;
	syncbn_group_t *world, *group = NULL;

	EXPECT(join_run(&world, LONG_MS) == 0);
	if (rank == 0) {
		world->process->timeout_ms = TIMEOUT_MS;
		EXPECT(syncbn_group_new(world, (const int[]){ 0, 1 }, 2, &group) ==
		       SYNCBN_ERR_TIMEOUT);
		EXPECT(group == NULL && says("making a group, call"));
		*gave_up = 1;
	}
	EXPECT(comes_true(gave_up));
	EXPECT(rank == 0 ||
	       syncbn_group_new(world, (const int[]){ 0, 1 }, 2, &group) == SYNCBN_ERR_TIMEOUT);
	EXPECT(group == NULL);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_rank_that_does_not_come_to_the_making_is_a_timeout(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, miss_the_making, shared_memory(sizeof(int))), 0);
}

static int
name_layers(int rank, void *argument)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	syncbn_batch_norm_t *bn[3];
	syncbn_group_t *world, *group;
	float x[4] = { 1, 2, 3, 4 };
	syncbn_tensor_t tensor = syncbn_tensor_nc(x, 2, 2);

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(new_group(world, 1, 0, &group) == 0);
	config.name = "of the world";
	EXPECT(syncbn_batch_norm_new(world, &config, &bn[0]) == SYNCBN_OK);
	config.name = "first";
	EXPECT(syncbn_batch_norm_new(group, &config, &bn[1]) == SYNCBN_OK);
	config.name = NULL;
	EXPECT(syncbn_batch_norm_new(group, &config, &bn[2]) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(bn[0], &tensor, NULL, &tensor, NULL) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(bn[1 + rank], &tensor, NULL, &tensor, NULL) ==
	       SYNCBN_ERR_MISMATCH);
	EXPECT(says("forward of first") && says("forward of bn2") && says("(group 1)"));
	for (int i = 0; i < 3; i++)
		syncbn_batch_norm_free(bn[i]);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_layers_of_all_groups_keep_their_names(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, name_layers, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_different_lists_are_a_mismatch_on_every_rank),
		cmocka_unit_test(test_a_timeout_is_its_groups_alone),
		cmocka_unit_test(test_the_worlds_timeout_is_not_a_sub_groups),
		cmocka_unit_test(test_a_lost_rank_fails_its_groups_and_no_other),
		cmocka_unit_test(test_a_lost_rank_is_noticed_at_once_in_a_sub_group),
		cmocka_unit_test(test_a_rank_that_frees_a_group_that_is_needed_is_lost_to_it),
		cmocka_unit_test(test_crossed_operations_of_a_sub_group_are_a_mismatch_on_both),
		cmocka_unit_test(test_ranks_that_wait_in_different_groups_hear_of_it),
		cmocka_unit_test(test_a_rank_without_memory_keeps_all_from_the_group),
		cmocka_unit_test(test_a_rank_that_does_not_come_to_the_making_is_a_timeout),
		cmocka_unit_test(test_layers_of_all_groups_keep_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
