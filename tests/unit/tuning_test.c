/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "comm/tuning.h"

enum { N = 3 };

static const uint32_t sizes[N] = { 4096, 16384, 65536 };

static uint32_t
crossing_by(uint32_t margin, uint64_t small, uint64_t medium, uint64_t large)
{
	const uint64_t usual[N] = { 100, 200, 400 };
	const uint64_t other[N] = { small, medium, large };

	return sbn_tuning_crossing(usual, other, sizes, N, margin);
}

static uint32_t
crossing(uint64_t small, uint64_t medium, uint64_t large)
{
	return crossing_by(4, small, medium, large);
}

static void
test_a_way_that_is_faster_everywhere_is_taken_from_the_smallest_size(void **state)
{
	(void)state;
	assert_int_equal(crossing(50, 100, 200), 4096);
}

static void
test_a_way_is_taken_from_the_size_where_it_begins_to_win(void **state)
{
	(void)state;
	assert_int_equal(crossing(150, 100, 200), 16384);
	assert_int_equal(crossing(150, 300, 200), 65536);
	assert_int_equal(crossing(50, 300, 200), 65536);
}

static void
test_a_way_that_loses_at_the_largest_size_is_never_taken(void **state)
{
	(void)state;
	assert_int_equal(crossing(50, 100, 500), SBN_NEVER);
}

static void
test_a_gain_within_the_noise_is_none(void **state)
{
	(void)state;
	assert_int_equal(crossing(99, 199, 399), SBN_NEVER);
	assert_int_equal(crossing_by(50, 51, 99, 199), 16384);
	assert_int_equal(crossing_by(50, 51, 101, 201), SBN_NEVER);
}

static uint32_t
scatter_within(uint32_t world_from, uint32_t world_size, uint32_t size)
{
	struct sbn_tuning world = { .stream_from = 77, .scatter_from = world_from };
	struct sbn_tuning group = sbn_tuning_within(world, world_size, size);

	assert_int_equal(group.stream_from, 77);
	return group.scatter_from;
}

static void
test_fewer_ranks_scatter_later(void **state)
{
	(void)state;
	assert_int_equal(scatter_within(4096, 8, 8), 4096);
	assert_int_equal(scatter_within(4096, 8, 4), 12288);
	assert_int_equal(scatter_within(4096, 8, 3), 24576);
}

static void
test_two_ranks_do_not_scatter_unless_told_to(void **state)
{
	(void)state;
	assert_int_equal(scatter_within(4096, 8, 2), SBN_NEVER);
	assert_int_equal(scatter_within(0, 8, 2), 0);
	assert_int_equal(scatter_within(SBN_NEVER, 8, 4), SBN_NEVER);
	assert_int_equal(scatter_within(SBN_NEVER - 1, 1024, 3), SBN_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_way_that_is_faster_everywhere_is_taken_from_the_smallest_size),
		cmocka_unit_test(test_a_way_is_taken_from_the_size_where_it_begins_to_win),
		cmocka_unit_test(test_a_way_that_loses_at_the_largest_size_is_never_taken),
		cmocka_unit_test(test_a_gain_within_the_noise_is_none),
		cmocka_unit_test(test_fewer_ranks_scatter_later),
		cmocka_unit_test(test_two_ranks_do_not_scatter_unless_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
