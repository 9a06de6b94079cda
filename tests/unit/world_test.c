/* SPDX-License-Identifier: Apache-2.0 */
/* Joining and leaving a world of one, and everything that is not a layer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "comm/process.h"
#include "platform/mempolicy.h"
#include "unit/world_of_one.h"

static void
refuse_config(syncbn_config_t config, const char *words)
{
	syncbn_group_t *world = (syncbn_group_t *)&config;

	assert_invalid(syncbn_init(&config, &world), words);
	assert_null(world);
	assert_int_equal(syncbn_threads(), 1);
}

#define refuse_field(field, value, words)               \
	do {                                            \
		syncbn_config_t spoilt = SYNCBN_CONFIG; \
		spoilt.field = (value);                 \
		refuse_config(spoilt, words);           \
	} while (0)

static void
no_loop(void *context, int n, syncbn_body_fn body, void *argument)
{
	(void)context, (void)n, (void)body, (void)argument;
}

static void
test_every_wrong_field_is_named(void **state)
{
	syncbn_executor_t no_function = { NULL, NULL, 2 }, no_threads = { no_loop, NULL, 0 };
	syncbn_executor_t too_many = { no_loop, NULL, 1025 };

	(void)state;
	forget_launchers();
	assert_invalid(syncbn_init(NULL, NULL), "world");
	refuse_field(size, 0, "size");
	refuse_field(size, sizeof(syncbn_config_t) + 8, "size");
	refuse_field(join_timeout_ms, -1, "join_timeout_ms");
	refuse_field(timeout_ms, -1, "timeout_ms");
	refuse_field(threads, -1, "threads");
	refuse_field(threads, 1025, "threads");
	refuse_field(executor, &no_function, "parallel_for");
	refuse_field(executor, &no_threads, "threads");
	refuse_field(executor, &too_many, "threads");
}

static void
refuse_variable(const char *name, const char *value, const char *words)
{
	setenv(name, value, 1);
	refuse_config((syncbn_config_t)SYNCBN_CONFIG, words);
	unsetenv(name);
}

static void
test_every_wrong_variable_is_named(void **state)
{
	(void)state;
	forget_launchers();
	refuse_variable("SYNCBN_THREADS", "0", "SYNCBN_THREADS");
	refuse_variable("SYNCBN_THREADS", "two", "SYNCBN_THREADS");
	refuse_variable("SYNCBN_TIMEOUT", "0", "SYNCBN_TIMEOUT");
	refuse_variable("SYNCBN_TIMEOUT", "1s", "SYNCBN_TIMEOUT");
	refuse_variable("SYNCBN_ISA", "avx3", "did you mean avx2");
	refuse_variable("SYNCBN_STORES", "stream", "did you mean streaming");
	refuse_variable("SYNCBN_FETCH", "line", "did you mean lines");
	refuse_variable("SYNCBN_SPLIT", "block", "did you mean blocks");
	refuse_variable("SYNCBN_IMAGES", "singles", "did you mean single");
	refuse_variable("SYNCBN_IMAGES", "pair", "did you mean pairs");
	refuse_variable("SYNCBN_FENCES", "lights", "did you mean light");
	refuse_variable("SYNCBN_CALIBRATE", "of", "unknown \"of\"");
	refuse_variable("SYNCBN_STORES_FROM", "0", "SYNCBN_STORES_FROM");
	refuse_variable("SYNCBN_STORES_FROM", "much", "SYNCBN_STORES_FROM");
	refuse_variable("SYNCBN_TAKE_FROM", "-1", "SYNCBN_TAKE_FROM");
	refuse_variable("SYNCBN_STREAM_FROM", "1k", "SYNCBN_STREAM_FROM");
	refuse_variable("SYNCBN_SCATTER_FROM", "1x", "SYNCBN_SCATTER_FROM");
	refuse_variable("SYNCBN_EXECUTOR", "openmp", "has no OpenMP");
	refuse_variable("WORLD_SIZE", "2", "syncbn-run -n 2");
	refuse_variable("OMPI_COMM_WORLD_SIZE", "4", "OMPI_COMM_WORLD_SIZE");
	refuse_variable("PMI_SIZE", "4", "PMI_SIZE");
}

static void
test_alone_is_a_world_of_one(void **state)
{
	syncbn_group_t *world, *again = (syncbn_group_t *)state;

	forget_launchers();
	setenv("WORLD_SIZE", "1", 1);
	assert_ok(syncbn_init(NULL, &world));
	assert_int_equal(syncbn_group_rank(world), 0);
	assert_int_equal(syncbn_group_size(world), 1);
	assert_string_equal(syncbn_group_transport(world), "self");
	assert_invalid(syncbn_init(NULL, &again), "joined already");
	assert_ptr_equal(again, state); /* it may have been the variable that holds the world */
	assert_ok(syncbn_finalize(world));
	assert_int_equal(syncbn_threads(), 1);
}

static void
test_a_world_ends_once(void **state)
{
	syncbn_group_t *world, *next;

	(void)state;
	forget_launchers();
	assert_ok(syncbn_init(NULL, &world));
	assert_ok(syncbn_finalize(world));
	assert_invalid(syncbn_finalize(world), "not the group that syncbn_init gave");
	assert_ok(syncbn_init(NULL, &next));
	assert_ok(syncbn_finalize(next));
}

static void
test_no_group_has_no_rank(void **state)
{
	(void)state;
	assert_int_equal(syncbn_group_rank(NULL), -1);
	assert_int_equal(syncbn_group_size(NULL), -1);
	assert_string_equal(syncbn_group_transport(NULL), "");
	assert_ok(syncbn_finalize(NULL));
	assert_ok(syncbn_group_free(NULL));
	assert_invalid(syncbn_barrier(NULL), "group");
}

static void
test_a_world_in_use_cannot_end(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_group_t *world = *state, *alone;
	syncbn_batch_norm_t *bn = new_layer(world, &config);
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_arena_t *arena;

	assert_invalid(syncbn_finalize(world), "free them first");
	syncbn_batch_norm_free(bn);
	assert_invalid(syncbn_finalize(world), "layers (0), saved objects (1) or arenas (0)");
	syncbn_saved_free(saved);
	assert_ok(syncbn_arena_new(world, 1, &arena));
	assert_invalid(syncbn_finalize(world), "free them first");
	syncbn_arena_free(arena);
	assert_ok(syncbn_group_self(&alone));
	assert_invalid(syncbn_finalize(world), "syncbn_group_self");
	assert_invalid(syncbn_finalize(alone), "not the group");
	assert_ok(syncbn_group_free(alone));
}

static void
test_a_group_of_one_is_its_callers(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_group_t *alone, *other;
	syncbn_batch_norm_t *bn;

	assert_invalid(syncbn_group_self(NULL), "group");
	assert_ok(syncbn_group_self(&alone));
	assert_ok(syncbn_group_self(&other));
	assert_int_equal(syncbn_group_size(alone), 1);
	assert_ok(syncbn_barrier(alone));
	bn = new_layer(alone, &config);
	assert_invalid(syncbn_group_free(alone), "free them first");
	assert_ok(syncbn_group_free(other));
	syncbn_batch_norm_free(bn);
	assert_ok(syncbn_group_free(alone));
	assert_invalid(syncbn_group_free(*state), "syncbn_finalize");
}

static void
test_groups_of_one_need_a_joined_process(void **state)
{
	syncbn_group_t *alone = (syncbn_group_t *)state;

	assert_invalid(syncbn_group_self(&alone), "syncbn_init");
	assert_null(alone);
}

static void
test_collectives_of_one_keep_the_data(void **state)
{
	double f64[3] = { 1, -2, 1e300 };
	float f32[3] = { 4, 5, 6 };

	assert_ok(syncbn_all_reduce(*state, f64, 3, SYNCBN_FLOAT64, SYNCBN_MEAN));
	assert_ok(syncbn_all_reduce(*state, f32, 3, SYNCBN_FLOAT32, SYNCBN_SUM));
	assert_ok(syncbn_all_reduce(*state, f32, 0, SYNCBN_FLOAT32, SYNCBN_SUM));
	assert_ok(syncbn_broadcast(*state, f32, sizeof(f32), 0));
	assert_ok(syncbn_broadcast(*state, f32, 0, 0));
	assert_ok(syncbn_barrier(*state));
	assert_true(f64[0] == 1 && f64[1] == -2 && f64[2] == 1e300);
	assert_true(f32[0] == 4 && f32[1] == 5 && f32[2] == 6);
}

static void
test_collectives_refuse_what_they_do_not_know(void **state)
{
	double data[2] = { 0 };
	const syncbn_dtype_t f64 = SYNCBN_FLOAT64;

	assert_invalid(syncbn_all_reduce(NULL, data, 1, f64, SYNCBN_SUM), "group");
	assert_invalid(syncbn_all_reduce(*state, NULL, 1, f64, SYNCBN_SUM), "data");
	assert_invalid(syncbn_all_reduce(*state, data, 1, (syncbn_dtype_t)0, SYNCBN_SUM), "dtype");
	assert_invalid(syncbn_all_reduce(*state, data, 1, SYNCBN_FLOAT16, SYNCBN_SUM), "dtype");
	assert_invalid(syncbn_all_reduce(*state, data, 1, f64, (syncbn_reduce_t)0), "operation");
	assert_invalid(syncbn_all_reduce(*state, data, 1, f64, (syncbn_reduce_t)3), "operation");
	assert_invalid(syncbn_all_reduce(*state, data, SIZE_MAX, f64, SYNCBN_SUM), "count");
	assert_invalid(syncbn_all_reduce(*state, (char *)data + 4, 1, f64, SYNCBN_SUM), "aligned");
	assert_invalid(syncbn_broadcast(NULL, data, 1, 0), "group");
	assert_invalid(syncbn_broadcast(*state, NULL, 1, 0), "data");
	assert_invalid(syncbn_broadcast(*state, data, 1, 1), "root");
	assert_invalid(syncbn_broadcast(*state, data, 1, -1), "root");
}

static void
test_an_arena_hands_out_aligned_memory_until_it_is_full(void **state)
{
	syncbn_arena_t *arena = (syncbn_arena_t *)state;
	unsigned char *first, *second;

	assert_invalid(syncbn_arena_new(NULL, 1, &arena), "group");
	assert_invalid(syncbn_arena_new(*state, 1, NULL), "arena");
	assert_invalid(syncbn_arena_new(*state, 0, &arena), "bytes");
	assert_invalid(syncbn_arena_new(*state, SIZE_MAX, &arena), "bytes");
	assert_null(arena);
	assert_ok(syncbn_arena_new(*state, 300, &arena));
	assert_null(syncbn_arena_alloc(arena, 0));
	assert_null(syncbn_arena_alloc(arena, SIZE_MAX));
	first = syncbn_arena_alloc(arena, 1);
	second = syncbn_arena_alloc(arena, 172);
	assert_true((uintptr_t)first % 128 == 0 && second == first + 128);
	for (int i = 0; i < 172; i++)
		assert_int_equal(second[i], 0);
	assert_null(syncbn_arena_alloc(arena, 1));
	assert_ok(syncbn_all_reduce(*state, second, 43, SYNCBN_FLOAT32, SYNCBN_MEAN));
	syncbn_arena_free(arena);
	syncbn_arena_free(NULL);
	assert_null(syncbn_arena_alloc(NULL, 1));
}

static void
test_memory_is_zeroed_and_aligned(void **state)
{
	unsigned char *memory = syncbn_alloc(1000);

	(void)state;
	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % 128, 0);
	assert_true(memory[0] == 0 && memory[999] == 0);
	syncbn_free(memory);
	syncbn_free(NULL);
	assert_null(syncbn_alloc(0));
	assert_null(syncbn_alloc(SIZE_MAX));
}

static void
test_memory_lies_on_this_ranks_nodes(void **state)
{
	const struct sbn_nodes *nodes = &sbn_process_get()->place.nodes;
	unsigned char *memory = syncbn_alloc(4 << 20);
	int node;

	(void)state;
	assert_non_null(memory);
	memory[0] = memory[(4 << 20) - 1] = 1;
	node = sbn_memory_node_of(memory);
	if (node < 0 || sbn_nodes_empty(nodes))
		skip(); /* no memory policies here */
	assert_true(nodes->bits[node / 64] >> node % 64 & 1);
	assert_int_equal(sbn_memory_node_of(memory + (4 << 20) - 1), node);
	syncbn_free(memory);
}

static void
add_index(void *argument, int index)
{
	((int *)argument)[index] += index + 1;
}

static void
check_loop(void)
{
	int sums[9] = { 0 };

	assert_ok(syncbn_parallel_for(9, add_index, sums));
	for (int i = 0; i < 9; i++)
		assert_int_equal(sums[i], i + 1);
	assert_ok(syncbn_parallel_for(0, add_index, NULL));
	assert_invalid(syncbn_parallel_for(-1, add_index, sums), "n is below 0");
	assert_invalid(syncbn_parallel_for(1, NULL, sums), "body");
}

static void
test_loops_run_in_a_world(void **state)
{
	(void)state;
	assert_int_equal(syncbn_threads(), 2);
	check_loop();
}

static void
test_loops_run_outside_a_world(void **state)
{
	(void)state;
	assert_int_equal(syncbn_threads(), 1);
	check_loop();
}

static void
test_a_shard_of_one_is_everything(void **state)
{
	size_t first = 1, count = 1;

	assert_ok(syncbn_shard(*state, 12345, &first, &count));
	assert_true(first == 0 && count == 12345);
	assert_ok(syncbn_shard(*state, SIZE_MAX, &first, &count));
	assert_true(first == 0 && count == SIZE_MAX);
	assert_invalid(syncbn_shard(NULL, 1, &first, &count), "group");
	assert_invalid(syncbn_shard(*state, 1, NULL, &count), "first");
	assert_invalid(syncbn_shard(*state, 1, &first, NULL), "count");
}

static void
test_counters_count(void **state)
{
	syncbn_counters_t counters = { .size = sizeof(counters) };
	uint64_t before;

	assert_ok(syncbn_counters_get(*state, &counters));
	before = counters.barrier_calls;
	assert_ok(syncbn_barrier(*state));
	assert_ok(syncbn_counters_get(*state, &counters));
	assert_int_equal(counters.barrier_calls, before + 1);
	counters.size--;
	assert_invalid(syncbn_counters_get(*state, &counters), "size");
	assert_invalid(syncbn_counters_get(*state, NULL), "counters");
	assert_invalid(syncbn_counters_get(NULL, &counters), "group");
}

#define joined(test) cmocka_unit_test_setup_teardown(test, join_world, leave_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loops_run_outside_a_world),
		cmocka_unit_test(test_every_wrong_field_is_named),
		cmocka_unit_test(test_every_wrong_variable_is_named),
		cmocka_unit_test(test_alone_is_a_world_of_one),
		cmocka_unit_test(test_a_world_ends_once),
		cmocka_unit_test(test_no_group_has_no_rank),
		cmocka_unit_test(test_groups_of_one_need_a_joined_process),
		joined(test_a_world_in_use_cannot_end),
		joined(test_a_group_of_one_is_its_callers),
		joined(test_collectives_of_one_keep_the_data),
		joined(test_collectives_refuse_what_they_do_not_know),
		joined(test_an_arena_hands_out_aligned_memory_until_it_is_full),
		joined(test_memory_is_zeroed_and_aligned),
		joined(test_memory_lies_on_this_ranks_nodes),
		joined(test_loops_run_in_a_world),
		joined(test_a_shard_of_one_is_everything),
		joined(test_counters_count),
		cmocka_unit_test(test_loops_run_outside_a_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
