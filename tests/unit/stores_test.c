/* SPDX-License-Identifier: Apache-2.0 */
/* From how many bytes on outputs go past the caches: as told, guessed, or measured once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <syncbn/syncbn.h>

#include "comm/group.h"
#include "comm/process.h"
#include "nn/cache.h"
#include "nn/pass.h"
#include "nn/stores.h"

/* A made-up machine: layers take as many ns as bytes, those past the caches so many percent. */
struct machine {
	size_t cache;
	unsigned past[5]; /* from a quarter of the cache to four times of it */
	int n_calls, n_past;
};

static uint64_t
time_on(void *context, size_t bytes, bool past)
{
	struct machine *machine = context;
	int i = 0;

	for (size_t size = machine->cache / 4; size < bytes; size *= 2)
		i++;
	assert_in_range(i, 0, 4);
	machine->n_past += past;
	/* what disturbs one call does not count */
	return (past ? bytes * machine->past[i] / 100 : bytes) *
	       (machine->n_calls++ % 5 == 0 ? 3 : 1);
}

/* In quarters of the cache. */
static int
bound(unsigned quarter, unsigned half, unsigned one, unsigned two, unsigned four)
{
	struct machine machine = { 4000, { quarter, half, one, two, four }, 0, 0 };
	const size_t from = sbn_stores_bound(time_on, &machine, machine.cache);

	assert_int_equal(2 * machine.n_past, machine.n_calls);
	assert_int_equal(from % 1000, 0);
	return (int)(from / 1000);
}

static void
test_ordinary_stores_end_where_they_gain_no_fifth(void **state)
{
	(void)state;
	assert_int_equal(bound(80, 80, 80, 80, 80), 1);
	assert_int_equal(bound(119, 119, 119, 119, 119), 1);
	assert_int_equal(bound(121, 119, 119, 119, 119), 2);
	assert_int_equal(bound(200, 150, 119, 80, 80), 4);
	assert_int_equal(bound(80, 80, 121, 80, 80), 8);
	assert_int_equal(bound(80, 80, 80, 80, 121), 16);
}

/* A world of one with that environment; NULL: not set. */
static syncbn_group_t *
join(const char *calibrate, const char *from)
{
	syncbn_group_t *world;

	if (calibrate != NULL)
		setenv("SYNCBN_CALIBRATE", calibrate, 1);
	else
		unsetenv("SYNCBN_CALIBRATE");
	if (from != NULL)
		setenv("SYNCBN_STORES_FROM", from, 1);
	else
		unsetenv("SYNCBN_STORES_FROM");
	assert_int_equal(syncbn_init(NULL, &world), SYNCBN_OK);
	return world;
}

static bool
goes(const syncbn_group_t *world, size_t bytes)
{
	return sbn_stores_go_past(world->process, bytes);
}

static size_t
known(const syncbn_group_t *world)
{
	/* relaxed: this thread has stored it */
	return atomic_load_explicit(&world->process->stores_from, memory_order_relaxed);
}

static void
test_a_bound_of_the_environment_counts(void **state)
{
	syncbn_group_t *world = join(NULL, "12345");

	(void)state;
	assert_false(goes(world, 12344));
	assert_true(goes(world, 12345));
	assert_int_equal(known(world), 12345);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

static void
test_without_calibration_half_of_the_cache_is_the_bound(void **state)
{
	syncbn_group_t *world = join("off", NULL);
	const size_t own = sbn_cache_find().bytes;

	(void)state;
	assert_false(goes(world, own / 2 - 1));
	assert_true(goes(world, own / 2));
	assert_int_equal(known(world), 0);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

static void
test_what_is_clear_is_not_measured_and_the_rest_once(void **state)
{
	syncbn_group_t *world = join("on", NULL);
	const size_t own = sbn_cache_find().bytes;
	size_t from;

	(void)state;
	if (own > (4 << 20)) {
		assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
		skip(); /* nothing is measured there */
	}
	assert_false(goes(world, own / 4 - 1));
	assert_true(goes(world, 4 * own));
	assert_int_equal(known(world), 0);

	goes(world, own);
	from = known(world);
	assert_in_range(from, own / 4, 4 * own);
	assert_false(goes(world, from - 1));
	assert_true(goes(world, from));
	assert_int_equal(known(world), from);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);

	world = join("on", NULL); /* another life may have other kernels */
	assert_int_equal(known(world), 0);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

/* Nothing that they could measure would be true. */
static void
test_ranks_that_take_turns_on_a_cpu_guess(void **state)
{
	syncbn_group_t *world = join("on", NULL);
	const size_t own = sbn_cache_find().bytes;

	(void)state;
	world->process->is_crowded = true;
	assert_false(goes(world, own / 2 - 1));
	assert_true(goes(world, own / 2));
	assert_int_equal(known(world), 0);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);

	world = join("on", NULL);
	assert_false(world->process->is_crowded);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

/* Of a forward call from x to y. */
static bool
streams(syncbn_group_t *world, const syncbn_tensor_t *x, const syncbn_tensor_t *y)
{
	const syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(4);
	syncbn_batch_norm_t *bn;
	struct sbn_pass pass = { 0 };

	assert_int_equal(syncbn_batch_norm_new(world, &config, &bn), SYNCBN_OK);
	sbn_pass_begin(&pass, bn, x);
	pass.out = sbn_view_of(y);
	sbn_pass_choose_stores(&pass);
	syncbn_batch_norm_free(bn);
	return pass.stream;
}

static void
test_what_counts_is_what_a_thread_reads_and_writes(void **state)
{
	static float numbers[2][4 * 64];
	const syncbn_tensor_t x = syncbn_tensor_nchw(numbers[0], 1, 4, 8, 8);
	const syncbn_tensor_t y = syncbn_tensor_nchw(numbers[1], 1, 4, 8, 8);
	const size_t bytes = sizeof(numbers);

	(void)state;
	for (int threads = 1; threads <= 2; threads++)
		for (int less = 0; less < 2; less++) {
			char from[32], n[32];
			syncbn_group_t *world;

			snprintf(n, sizeof(n), "%d", threads);
			snprintf(from, sizeof(from), "%zu",
				 bytes / (size_t)threads + 1 - (size_t)less);
			setenv("SYNCBN_THREADS", n, 1);
			world = join(NULL, from);
			assert_int_equal(streams(world, &x, &y), less == 1);
			assert_false(streams(world, &x, &x)); /* its lines are there */
			assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
		}
	unsetenv("SYNCBN_THREADS");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_stores_end_where_they_gain_no_fifth),
		cmocka_unit_test(test_a_bound_of_the_environment_counts),
		cmocka_unit_test(test_without_calibration_half_of_the_cache_is_the_bound),
		cmocka_unit_test(test_what_is_clear_is_not_measured_and_the_rest_once),
		cmocka_unit_test(test_ranks_that_take_turns_on_a_cpu_guess),
		cmocka_unit_test(test_what_counts_is_what_a_thread_reads_and_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
