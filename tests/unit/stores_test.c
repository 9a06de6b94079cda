/* SPDX-License-Identifier: Apache-2.0 */
/* From how many bytes on outputs go past the caches: as told, guessed, or measured once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <syncbn/syncbn.h>

#include "comm/group.h"
#include "comm/process.h"
#include "nn/cache.h"
#include "nn/stores.h"

enum { N = 3, BEYOND = 1000 };

static size_t
crossing(uint64_t small, uint64_t medium, uint64_t large)
{
	static const size_t sizes[N] = { 100, 200, 400 };
	const uint64_t ordinary[N] = { 1000, 2000, 4000 };

	return sbn_stores_crossing(ordinary, (const uint64_t[]){ small, medium, large }, sizes, N,
				   BEYOND);
}

static void
test_ordinary_stores_end_where_they_gain_no_tenth(void **state)
{
	(void)state;
	assert_int_equal(crossing(900, 1800, 3600), 100);
	assert_int_equal(crossing(1090, 2190, 4390), 100);
	assert_int_equal(crossing(1110, 2190, 4390), 200);
	assert_int_equal(crossing(500, 2210, 4390), 400);
	assert_int_equal(crossing(500, 1000, 4410), BEYOND);
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

static size_t
known(const syncbn_group_t *world)
{
	return atomic_load(&world->process->stores_from);
}

static void
test_a_bound_of_the_environment_counts(void **state)
{
	syncbn_group_t *world = join(NULL, "12345");

	(void)state;
	assert_false(sbn_stores_go_past(world, 12344));
	assert_true(sbn_stores_go_past(world, 12345));
	assert_int_equal(known(world), 12345);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

static void
test_without_calibration_half_of_the_cache_is_the_bound(void **state)
{
	syncbn_group_t *world = join("off", NULL);
	const size_t own = sbn_cache_find().bytes;

	(void)state;
	assert_false(sbn_stores_go_past(world, own / 2 - 1));
	assert_true(sbn_stores_go_past(world, own / 2));
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
	assert_false(sbn_stores_go_past(world, own / 4 - 1));
	assert_true(sbn_stores_go_past(world, 4 * own));
	assert_int_equal(known(world), 0);

	sbn_stores_go_past(world, own);
	from = known(world);
	assert_in_range(from, own / 4, 4 * own);
	assert_false(sbn_stores_go_past(world, from - 1));
	assert_true(sbn_stores_go_past(world, from));
	assert_int_equal(known(world), from);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);

	world = join("on", NULL); /* another life may have other kernels */
	assert_int_equal(known(world), 0);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

/* In one rank of several that share a CPU nothing can be measured. */
static void
test_ranks_that_take_turns_on_a_cpu_guess(void **state)
{
	syncbn_group_t *world = join("on", NULL);
	const size_t own = sbn_cache_find().bytes;
	struct syncbn_group crowded = *world;

	(void)state;
	crowded.size = 2;
	crowded.may_spin = false;
	assert_true(sbn_stores_go_past(&crowded, own));
	assert_int_equal(known(world), 0);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
}

static void
test_a_bound_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = { "0", "-1", "much", "1e400" };
	syncbn_group_t *world;

	(void)state;
	for (int i = 0; i < 4; i++) {
		setenv("SYNCBN_STORES_FROM", wrong[i], 1);
		assert_int_equal(syncbn_init(NULL, &world), SYNCBN_ERR_INVALID);
	}
	unsetenv("SYNCBN_STORES_FROM");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_stores_end_where_they_gain_no_tenth),
		cmocka_unit_test(test_a_bound_of_the_environment_counts),
		cmocka_unit_test(test_without_calibration_half_of_the_cache_is_the_bound),
		cmocka_unit_test(test_what_is_clear_is_not_measured_and_the_rest_once),
		cmocka_unit_test(test_ranks_that_take_turns_on_a_cpu_guess),
		cmocka_unit_test(test_a_bound_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
