/* SPDX-License-Identifier: Apache-2.0 */
/* Sub groups over real ranks: in any order, overlapping, several at once, of sub groups. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "comm/group.h"
#include "harness.h"

enum { COUNT = 40000, CHANNELS = 3 }; /* COUNT floats are more than one piece */

/* Terms whose sum depends on their order. */
static float
term(int rank, int i)
{
	static const float terms[] = { 1e8f, 1, -1e8f, 3, 0.5f, 7 };

	return terms[(rank + i) % 6];
}

static int
check_sum(syncbn_group_t *group, const int *list, int n, float *data)
{
	int rank = list[syncbn_group_rank(group)];

	for (int i = 0; i < COUNT; i++)
		data[i] = term(rank, i);
	EXPECT(syncbn_all_reduce(group, data, COUNT, SYNCBN_FLOAT32, SYNCBN_SUM) == SYNCBN_OK);
	for (int i = 0; i < COUNT; i++) {
		volatile float sum = term(list[0], i);

		for (int k = 1; k < n; k++)
			sum += term(list[k], i);
		EXPECT(data[i] == sum);
	}
	return 0;
}

static int
check_broadcasts(syncbn_group_t *group, const int *list, int n)
{
	for (int root = 0; root < n; root++) {
		int data = list[syncbn_group_rank(group)];

		EXPECT(syncbn_broadcast(group, &data, sizeof(data), root) == SYNCBN_OK);
		EXPECT(data == list[root]);
	}
	EXPECT(syncbn_broadcast(group, &(int){ 0 }, sizeof(int), n) == SYNCBN_ERR_INVALID);
	return 0;
}

/* Running statistics with momentum 1 are the batch's: over the group's ranks and no others. */
static int
check_layer(syncbn_group_t *group, const int *list, int n)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	float x[2 * CHANNELS], mean = 0;
	syncbn_tensor_t tensor = syncbn_tensor_nc(x, 2, CHANNELS);
	syncbn_batch_norm_t *bn;

	config.momentum = 1;
	for (int i = 0; i < 2 * CHANNELS; i++)
		x[i] = (float)list[syncbn_group_rank(group)];
	for (int k = 0; k < n; k++)
		mean += (float)list[k];
	EXPECT(syncbn_batch_norm_new(group, &config, &bn) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(bn, &tensor, NULL, &tensor, NULL) == SYNCBN_OK);
	EXPECT(((float *)syncbn_batch_norm_param(bn, SYNCBN_RUNNING_MEAN))[1] == mean / (float)n);
	EXPECT(syncbn_group_free(group) == SYNCBN_ERR_INVALID); /* a layer lives */
	syncbn_batch_norm_free(bn);
	return 0;
}

/* Everything that a group can do. */
static int
check_group(syncbn_group_t *group, const int *list, int n)
{
	float *data = malloc(COUNT * sizeof(*data)), *inside;
	syncbn_arena_t *arena;

	EXPECT(syncbn_group_size(group) == n);
	EXPECT(check_sum(group, list, n, data) == 0);
	EXPECT(syncbn_arena_new(group, COUNT * sizeof(*data), &arena) == SYNCBN_OK);
	EXPECT((inside = syncbn_arena_alloc(arena, COUNT * sizeof(*data))) != NULL);
	EXPECT(check_sum(group, list, n, inside) == 0);
	EXPECT(check_sum(group, list, n, inside) == 0);
	EXPECT(check_broadcasts(group, list, n) == 0);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	EXPECT(check_layer(group, list, n) == 0);
	syncbn_arena_free(arena);
	free(data);
	return 0;
}

static int
place_of(const int *list, int n, int rank)
{
	for (int i = 0; i < n; i++)
		if (list[i] == rank)
			return i;
	return -1;
}

/* A group of the list, used and freed. */
static int
pass_through_group(syncbn_group_t *world, const int *list, int n)
{
	int place = place_of(list, n, syncbn_group_rank(world));
	syncbn_group_t *group;

	EXPECT(syncbn_group_new(world, list, n, &group) == SYNCBN_OK);
	EXPECT((group == NULL) == (place < 0));
	EXPECT(syncbn_group_rank(group) == place);
	if (group == NULL)
		return 0;
	EXPECT(strcmp(syncbn_group_transport(group), n == 1 ? "self" : "shm") == 0);
	EXPECT(check_group(group, list, n) == 0);
	EXPECT(syncbn_finalize(world) == SYNCBN_ERR_INVALID); /* a group lives */
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	return 0;
}

static int
use_groups_in_any_order(int rank, void *argument)
{
	static const int all[] = { 3, 2, 1, 0 }, three[] = { 1, 3, 0 }, two[] = { 2, 0 };
	syncbn_group_t *world;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	EXPECT(pass_through_group(world, all, 4) == 0);
	EXPECT(pass_through_group(world, three, 3) == 0);
	EXPECT(pass_through_group(world, two, 2) == 0);
	EXPECT(pass_through_group(world, two, 1) == 0);
	EXPECT(check_group(world, (const int[]){ 0, 1, 2, 3 }, 4) == 0);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_groups_add_in_their_lists_order(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(4, use_groups_in_any_order, NULL), 0);
}

static const int left_list[] = { 0, 2, 1 }, right_list[] = { 3, 1, 2 };

static int
alternate(int rank, void *argument)
{
	int places[] = { place_of(left_list, 3, rank), place_of(right_list, 3, rank) };
	syncbn_group_t *world, *groups[2];
	double data;

	(void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	EXPECT(syncbn_group_new(world, left_list, 3, &groups[0]) == SYNCBN_OK);
	EXPECT(syncbn_group_new(world, right_list, 3, &groups[1]) == SYNCBN_OK);
	for (int round = 0; round < 600; round++) {
		int g = round % 2;

		data = rank + round;
		if (places[g] < 0)
			continue;
		EXPECT(syncbn_all_reduce(groups[g], &data, 1, SYNCBN_FLOAT64, SYNCBN_SUM) == 0);
		EXPECT(data == (g == 0 ? 3 : 6) + 3 * round);
		EXPECT(syncbn_barrier(groups[g]) == SYNCBN_OK);
	}
	for (int g = 0; g < 2; g++)
		EXPECT(syncbn_group_free(groups[g]) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_overlapping_groups_do_not_meet(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(4, alternate, NULL), 0);
}

struct user {
	pthread_t thread;
	syncbn_group_t *group;
	const int *list;
	int n, code;
};

static int
use_often(const struct user *user)
{
	for (int round = 0; round < 15; round++) {
		EXPECT(check_group(user->group, user->list, user->n) == 0);
		for (int i = 0; i < 50; i++)
			EXPECT(syncbn_barrier(user->group) == SYNCBN_OK);
	}
	return 0;
}

static void *
run_user(void *argument)
{
	struct user *user = argument;

	user->code = use_often(user);
	return NULL;
}

/* Each thread of a process uses a group of its own; the groups have the same ranks. */
static int
use_two_at_once(int rank, void *argument)
{
	static const int lists[2][3] = { { 0, 1, 2 }, { 2, 0, 1 } };
	struct user users[2];
	syncbn_group_t *world;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	for (int i = 0; i < 2; i++) {
		users[i] = (struct user){ .list = lists[i], .n = 3, .code = -1 };
		EXPECT(syncbn_group_new(world, lists[i], 3, &users[i].group) == SYNCBN_OK);
	}
	for (int i = 0; i < 2; i++)
		EXPECT(pthread_create(&users[i].thread, NULL, run_user, &users[i]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(users[i].thread, NULL);
	for (int i = 0; i < 2; i++) {
		EXPECT(users[i].code == 0);
		EXPECT(syncbn_group_free(users[i].group) == SYNCBN_OK);
	}
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_groups_are_used_at_once_from_two_threads(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, use_two_at_once, NULL), 0);
}

/* Ranks 4 and 1, 0 and 5, 2 alone; 3 is in no list. */
static int
split_in_three(int rank, void *argument)
{
	static const int ranks[] = { 4, 1, 0, 5, 2 }, n_ranks[] = { 2, 2, 1 };
	static const int begin_of[] = { 2, 0, 4, -1, 0, 2 };
	const int *list = begin_of[rank] < 0 ? &rank : ranks + begin_of[rank];
	int n = rank == 2 || rank == 3 ? 1 : 2;
	syncbn_group_t *world, *group, *alone;

	(void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	EXPECT(syncbn_group_split(world, ranks, n_ranks, 3, &group) == SYNCBN_OK);
	EXPECT(syncbn_group_split(world, NULL, NULL, 0, &alone) == SYNCBN_OK);
	EXPECT(syncbn_group_rank(group) == place_of(list, n, rank));
	EXPECT(check_group(group, list, n) == 0);
	EXPECT(check_group(alone, &rank, 1) == 0);
	EXPECT(syncbn_group_free(alone) == SYNCBN_OK);
	EXPECT(syncbn_group_free(group) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_split_leaves_nobody_without_a_group(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(6, split_in_three, NULL), 0);
}

/* Group 3, 0, 2 of the world; of that its ranks 2 and 0, which are 2 and 3 in the run. */
static int
split_a_group(int rank, void *argument)
{
	static const int outer_list[] = { 3, 0, 2 }, inner_list[] = { 2, 0 }, run[] = { 2, 3 };
	syncbn_group_t *world, *outer, *inner = NULL;

	(void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	EXPECT(syncbn_group_new(world, outer_list, 3, &outer) == SYNCBN_OK);
	if (outer != NULL) {
		EXPECT(syncbn_group_new(outer, inner_list, 2, &inner) == SYNCBN_OK);
		EXPECT((inner != NULL) == (rank != 0));
		EXPECT(check_group(outer, outer_list, 3) == 0);
		EXPECT(syncbn_group_free(outer) == SYNCBN_OK);
	}
	if (inner != NULL) /* it needs its parent no more */
		EXPECT(check_group(inner, run, 2) == 0);
	EXPECT(syncbn_group_free(inner) == SYNCBN_OK);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_sub_group_has_sub_groups(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(4, split_a_group, NULL), 0);
}

static int64_t
used_blocks(syncbn_group_t *world)
{
	struct stat stat;

	return fstat(world->segment.fd, &stat) == 0 ? (int64_t)stat.st_blocks : -1;
}

/* Barriers, so that all have freed before anybody looks. */
static int
make_many(int rank, void *argument)
{
	static const int ranks[] = { 2, 1, 0 }, n_ranks[] = { 2, 1 };
	syncbn_group_t *world, *group, *pair;
	int64_t before;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	before = used_blocks(world);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	for (int round = 0; round < 500; round++) {
		EXPECT(syncbn_group_new(world, ranks, 3, &group) == SYNCBN_OK);
		EXPECT(syncbn_group_split(world, ranks, n_ranks, 2, &pair) == SYNCBN_OK);
		EXPECT(syncbn_barrier(group) == SYNCBN_OK);
		EXPECT(syncbn_group_free(group) == SYNCBN_OK);
		EXPECT(syncbn_group_free(pair) == SYNCBN_OK);
	}
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(used_blocks(world) <= before);
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_thousand_groups_leave_no_memory_behind(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, make_many, NULL), 0);
}

static int
refuses(syncbn_group_t *parent, const int *ranks, int n, const char *words)
{
	syncbn_group_t *group = parent;

	EXPECT(syncbn_group_new(parent, ranks, n, &group) == SYNCBN_ERR_INVALID);
	EXPECT(group == NULL && strstr(syncbn_last_error(), words) != NULL);
	return 0;
}

/* Each on one rank only: nothing is exchanged, so nobody misses anything. */
static int
give_wrong_lists(int rank, void *argument)
{
	static const int twice[] = { 0, 1, 0 }, far[] = { 0, 2 }, below[] = { -1 };
	static const int sizes[] = { 1, 0 };
	syncbn_group_t *world, *group;

	(void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	if (rank == 1) {
		EXPECT(refuses(world, twice, 3, "rank 0 is there twice") == 0);
		EXPECT(refuses(world, far, 2, "rank 2 is not 0 to 1") == 0);
		EXPECT(refuses(world, below, 1, "rank -1 is not") == 0);
		EXPECT(refuses(world, far, 0, "list 0 has 0 ranks") == 0);
		EXPECT(refuses(world, NULL, 1, "ranks is NULL") == 0);
		EXPECT(refuses(NULL, far, 1, "parent is NULL") == 0);
		EXPECT(syncbn_group_new(world, far, 1, NULL) == SYNCBN_ERR_INVALID);
		EXPECT(syncbn_group_split(world, far, sizes, 2, &group) == SYNCBN_ERR_INVALID);
		EXPECT(strstr(syncbn_last_error(), "list 1 has 0 ranks") != NULL);
		EXPECT(syncbn_group_split(world, far, sizes, -1, &group) == SYNCBN_ERR_INVALID);
		EXPECT(syncbn_group_split(world, far, NULL, 1, &group) == SYNCBN_ERR_INVALID);
	}
	EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_wrong_lists_are_refused_before_anything_is_exchanged(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, give_wrong_lists, NULL), 0);
}

/* As if 64 other threads slept: nobody rings, so the waiter has to look by itself. */
static int
wait_without_doorbells(int rank, void *argument)
{
	syncbn_group_t *world;

	(void)argument;
	EXPECT(join_run(&world, 60000) == 0);
	world->may_spin = false;
	/* relaxed: this rank's own word */
	if (rank == 0)
		atomic_store_explicit(&world->own->sleepers, UINT64_MAX, memory_order_relaxed);
	for (int round = 0; round < 50; round++)
		EXPECT(syncbn_barrier(world) == SYNCBN_OK);
	EXPECT(atomic_load_explicit(&world->own->sleepers, memory_order_relaxed) ==
	       (rank == 0 ? UINT64_MAX : 0));
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_thread_without_a_doorbell_is_not_lost(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, wait_without_doorbells, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_add_in_their_lists_order),
		cmocka_unit_test(test_overlapping_groups_do_not_meet),
		cmocka_unit_test(test_groups_are_used_at_once_from_two_threads),
		cmocka_unit_test(test_a_split_leaves_nobody_without_a_group),
		cmocka_unit_test(test_a_sub_group_has_sub_groups),
		cmocka_unit_test(test_a_thousand_groups_leave_no_memory_behind),
		cmocka_unit_test(test_wrong_lists_are_refused_before_anything_is_exchanged),
		cmocka_unit_test(test_a_thread_without_a_doorbell_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
