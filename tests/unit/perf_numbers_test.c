/* SPDX-License-Identifier: Apache-2.0 */
/* What syncbn-perf's oracle finds: one planted value is one wrong result. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tools/perf_numbers.h"
#include "../tools/perf_stats.h"

enum { RANKS = 3, COUNT = 100 };

/* The sum of all ranks' numbers, as an all-reduce gives it. */
static void
sum_floats(float sum[COUNT])
{
	float numbers[COUNT];
	struct perf_array array = { .data = numbers, .count = COUNT };

	for (size_t i = 0; i < COUNT; i++)
		sum[i] = 0;
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		perf_array_fill(&array, rank);
		for (size_t i = 0; i < COUNT; i++)
			sum[i] += numbers[i];
	}
}

static void
test_right_sums_are_right(void **state)
{
	float sum[COUNT];
	struct perf_array array = { .data = sum, .count = COUNT };

	(void)state;
	sum_floats(sum);
	assert_int_equal(perf_wrong_sums(&array, RANKS, false), 0);
	for (size_t i = 0; i < COUNT; i++)
		sum[i] /= RANKS;
	assert_int_equal(perf_wrong_sums(&array, RANKS, true), 0);
	assert_int_equal(perf_wrong_sums(&array, RANKS, false), COUNT);
}

static void
test_every_planted_value_counts(void **state)
{
	float sum[COUNT];
	struct perf_array array = { .data = sum, .count = COUNT };

	(void)state;
	sum_floats(sum);
	sum[0] *= 1 + 1e-5F;
	sum[COUNT / 2] = NAN;
	sum[COUNT - 1] = 0;
	assert_int_equal(perf_wrong_sums(&array, RANKS, false), 3);
}

static void
test_a_missing_rank_is_wrong_everywhere(void **state)
{
	float sum[COUNT];
	struct perf_array array = { .data = sum, .count = COUNT };

	(void)state;
	sum_floats(sum);
	assert_int_equal(perf_wrong_sums(&array, RANKS + 1, false), COUNT);
}

static void
merge_all(struct sbn_pair merged[COUNT])
{
	const struct sbn_kernels *kernels;
	struct sbn_pair pairs[RANKS][COUNT];
	const struct sbn_pair *rows[RANKS];
	double counts[RANKS];

	assert_int_equal(sbn_kernels_choose(NULL, &kernels), SYNCBN_OK);
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		perf_pairs_fill(pairs[rank], COUNT, rank);
		rows[rank] = pairs[rank];
		counts[rank] = (double)perf_pairs_count(rank);
	}
	kernels->merge_moments(merged, rows, counts, RANKS, COUNT);
}

static void
test_every_planted_moment_counts(void **state)
{
	struct sbn_pair merged[COUNT];

	(void)state;
	merge_all(merged);
	assert_int_equal(perf_wrong_moments(merged, COUNT, RANKS), 0);
	merged[1].a *= 1 + 1e-12;
	merged[2].b = NAN;
	assert_int_equal(perf_wrong_moments(merged, COUNT, RANKS), 2);
}

static void
test_percentiles_are_values_that_were_measured(void **state)
{
	double us[] = { 9, 1, 8, 2, 7, 3, 6, 4, 5, 100 };
	struct perf_stats stats = perf_stats_of(us, 10);

	(void)state;
	assert_true(stats.p50 >= 5 && stats.p50 <= 5);
	assert_true(stats.p90 >= 9 && stats.p90 <= 9);
	assert_true(stats.p99 >= 100);
}

static void
test_a_plan_keeps_the_calls_that_were_asked_for(void **state)
{
	double us[] = { 0.1, 0.1, 0.2 };
	struct perf_plan plan = perf_plan_choose(us, 3, 1000, 33, 4);

	(void)state;
	assert_int_equal(plan.calls, 33);
	assert_int_equal(plan.warmup, 4);
	assert_int_equal(plan.batch, 20);
	assert_int_equal(perf_plan_samples(&plan), 2);
	plan = perf_plan_choose(us, 3, 1000, 0, 4);
	assert_true(plan.calls > 1000 && plan.calls < 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_sums_are_right),
		cmocka_unit_test(test_every_planted_value_counts),
		cmocka_unit_test(test_a_missing_rank_is_wrong_everywhere),
		cmocka_unit_test(test_every_planted_moment_counts),
		cmocka_unit_test(test_percentiles_are_values_that_were_measured),
		cmocka_unit_test(test_a_plan_keeps_the_calls_that_were_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
