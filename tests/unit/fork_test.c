/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing may be used across fork(): a child is refused, and cannot harm its parent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm/contract.h"
#include "shm/segment.h"
#include "unit/world_of_one.h"

static void
do_nothing(void *argument, int index)
{
	(void)argument, (void)index;
}

static int
refused(syncbn_status_t status)
{
	return status == SYNCBN_ERR_INVALID && strstr(syncbn_last_error(), "forked child") != NULL;
}

/* The first call that does not refuse; 0: all do. */
static int
use_in_a_child(syncbn_group_t *world, syncbn_batch_norm_t *bn, syncbn_saved_t *saved)
{
	syncbn_tensor_t t = syncbn_tensor_nc(NULL, 0, 1);
	syncbn_counters_t counters = { .size = sizeof(counters) };
	syncbn_request_t *request = NULL;
	syncbn_arena_t *arena;
	size_t first, count;
	float data = 0;
	const int refusals[] = {
		refused(syncbn_init(NULL, &world)),
		refused(syncbn_finalize(world)),
		refused(syncbn_group_self(&world)),
		refused(syncbn_group_free(world)),
		refused(syncbn_barrier(world)),
		refused(syncbn_batch_norm_train(bn, 1)),
		refused(syncbn_batch_norm_reset(bn)),
		refused(syncbn_batch_norm_bind(bn, SYNCBN_GAMMA, NULL)),
		refused(syncbn_saved_new(bn, &saved)),
		refused(syncbn_batch_norm_forward(bn, &t, NULL, &t, NULL)),
		refused(syncbn_batch_norm_backward(bn, saved, &t, &t, NULL, SYNCBN_WANT_ALL)),
		refused(syncbn_all_reduce(world, &data, 1, SYNCBN_FLOAT32, SYNCBN_SUM)),
		refused(syncbn_all_reduce_begin(world, &data, 1, SYNCBN_FLOAT32, SYNCBN_SUM,
						&request)),
		refused(syncbn_all_reduce_end(&request)),
		refused(syncbn_progress(world)),
		refused(syncbn_broadcast(world, &data, 1, 0)),
		refused(syncbn_arena_new(world, 1, &arena)),
		refused(syncbn_parallel_for(1, do_nothing, &data)),
		refused(syncbn_shard(world, 1, &first, &count)),
		refused(syncbn_counters_get(world, &counters)),
	};

	for (int i = 0; i < (int)(sizeof(refusals) / sizeof(refusals[0])); i++)
		if (!refusals[i])
			return i + 1;
	return 0;
}

static int
exit_code_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void
test_a_forked_child_may_use_nothing(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(bn);
	pid_t child = fork();

	if (child == 0)
		_exit(use_in_a_child(*state, bn, saved));
	assert_int_equal(exit_code_of(child), 0);
	assert_ok(syncbn_barrier(*state)); /* the parent goes on */
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

/* One rank that the launcher would have started: its world lives in a segment. */
static int
let_a_child_free_the_arena(void)
{
	struct sbn_segment segment;
	syncbn_group_t *world;
	syncbn_arena_t *arena;
	char fd[16], run_id[33];
	pid_t child;
	int *data;

	if (sbn_segment_create(1, NULL, &segment) != SYNCBN_OK)
		return 1;
	snprintf(fd, sizeof(fd), "%d", segment.fd);
	sbn_contract_format_run_id(segment.run_id, run_id);
	setenv(SBN_ENV_CONTRACT, SBN_CONTRACT_VERSION, 1);
	setenv(SBN_ENV_RANK, "0", 1);
	setenv(SBN_ENV_WORLD_SIZE, "1", 1);
	setenv(SBN_ENV_SEGMENT_FD, fd, 1);
	setenv(SBN_ENV_RUN_ID, run_id, 1);
	if (syncbn_init(NULL, &world) != SYNCBN_OK ||
	    strcmp(syncbn_group_transport(world), "shm") != 0 ||
	    syncbn_arena_new(world, 1000, &arena) != SYNCBN_OK)
		return 2;
	data = syncbn_arena_alloc(arena, sizeof(*data));
	*data = 42;
	child = fork();
	if (child == 0) {
		syncbn_arena_free(arena);
		_exit(syncbn_arena_alloc(arena, 1) != NULL);
	}
	if (exit_code_of(child) != 0 || *data != 42)
		return 3;
	syncbn_arena_free(arena);
	return syncbn_finalize(world) == SYNCBN_OK ? 0 : 4;
}

static void
test_a_forked_child_cannot_take_its_parents_arena_away(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(let_a_child_free_the_arena());
	assert_int_equal(exit_code_of(child), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_forked_child_cannot_take_its_parents_arena_away),
		cmocka_unit_test_setup_teardown(test_a_forked_child_may_use_nothing, join_world,
						leave_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
