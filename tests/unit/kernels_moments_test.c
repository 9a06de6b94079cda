/* SPDX-License-Identifier: Apache-2.0 */
/* How near the sums come to the truth, which is taken in long double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "kernels/merge.h"
#include "near.h"
#include "random.h"

enum { N = 5, SPATIAL = 3136, COUNT = N * SPATIAL, CHANNELS = 33, ROWS = 128 };

static float data[COUNT], gradient[COUNT];

static struct sbn_moments
true_moments(const float *x, size_t n, size_t step)
{
	long double sum = 0, m2 = 0, mean;

	for (size_t i = 0; i < n; i++)
		sum += x[i * step];
	mean = sum / n;
	for (size_t i = 0; i < n; i++)
		m2 += (x[i * step] - mean) * (x[i * step] - mean);
	return (struct sbn_moments){ (double)n, (double)mean, (double)m2 };
}

static const struct sbn_kernels *
best_set(void)
{
	const struct sbn_kernels *set = NULL;

	assert_int_equal(sbn_kernels_choose(NULL, &set), SYNCBN_OK);
	return set;
}

/* data as one plane, in rows of `spatial` */
static void
assert_moments(size_t spatial, double tolerance)
{
	const struct sbn_plane plane = { COUNT / spatial, spatial, spatial };
	struct sbn_moments truth = true_moments(data, plane.n * spatial, 1), moments;

	best_set()->plane_moments(data, &plane, &moments);
	assert_true(moments.count == truth.count);
	assert_near(moments.mean, truth.mean, tolerance * sqrt(truth.m2 / truth.count));
	assert_near_relative(moments.m2, truth.m2, tolerance);
}

/* Rows of fewer than 16 elements leave lanes idle: up to 2048 numbers meet in one float sum. */
static void
assert_moments_of_all_shapes(void)
{
	assert_moments(SPATIAL, 1e-6);
	assert_moments(196, 1e-6);
	assert_moments(49, 1e-6);
	assert_moments(16, 1e-6);
	assert_moments(4, 2e-6);
	assert_moments(1, 2e-6);
}

static void
test_an_offset_of_ten_thousand_deviations_costs_nothing(void **state)
{
	uint64_t seed = 1;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 1e4, 1);
	assert_moments_of_all_shapes();
}

static void
test_a_small_spread_around_large_offsets_is_found(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (double offset = 1e3; offset <= 8e3; offset += 1e3) {
		sbn_random_fill(&seed, data, COUNT, offset, 0.1);
		assert_moments_of_all_shapes();
	}
}

static void
test_an_offset_that_drifts_from_row_to_row_is_followed(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (size_t row = 0; row < N; row++)
		sbn_random_fill(&seed, data + row * SPATIAL, SPATIAL, 1000.0 * (double)row, 0.1);
	assert_moments_of_all_shapes();
}

static void
test_a_constant_has_no_variance(void **state)
{
	const struct sbn_plane plane = { N, SPATIAL, SPATIAL };
	struct sbn_moments moments;

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		data[i] = 0.1f;
	best_set()->plane_moments(data, &plane, &moments);
	assert_near_relative(moments.mean, (double)0.1f, 1e-12);
	assert_near(moments.m2 / COUNT, 0, 1e-14);
	assert_true(moments.m2 >= 0);
}

static void
test_squares_beyond_float_do_not_overflow(void **state)
{
	uint64_t seed = 4;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 0, 1e19);
	assert_moments_of_all_shapes();
}

static void
test_one_outlier_in_front_hides_nothing(void **state)
{
	uint64_t seed = 5;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 0, 1);
	data[0] = 1000;
	assert_moments_of_all_shapes();
}

static void
test_no_elements_have_zero_moments(void **state)
{
	const struct sbn_plane empty[] = { { 0, 10, 10 }, { 10, 10, 0 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sbn_moments moments = { 1, 1, 1 };

		best_set()->plane_moments(data, &empty[i], &moments);
		assert_true(moments.count == 0 && moments.mean == 0 && moments.m2 == 0);
	}
}

static void
test_nan_and_infinity_are_not_hidden(void **state)
{
	const struct sbn_plane plane = { N, SPATIAL, SPATIAL };
	struct sbn_moments moments;
	uint64_t seed = 6;

	(void)state;
	for (size_t at = 0; at < COUNT; at += COUNT - 1) {
		sbn_random_fill(&seed, data, COUNT, 0, 1);
		data[at] = NAN;
		best_set()->plane_moments(data, &plane, &moments);
		assert_true(isnan(moments.mean) && isnan(moments.m2));
		data[at] = INFINITY;
		best_set()->plane_moments(data, &plane, &moments);
		assert_false(isfinite(moments.mean) || isfinite(moments.m2));
	}
}

static void
assert_rows_moments(double tolerance)
{
	double mean[CHANNELS], m2[CHANNELS];

	best_set()->rows_moments(data, ROWS, CHANNELS, CHANNELS, mean, m2);
	for (size_t c = 0; c < CHANNELS; c++) {
		struct sbn_moments truth = true_moments(data + c, ROWS, CHANNELS);

		assert_near(mean[c], truth.mean, tolerance * sqrt(truth.m2 / ROWS));
		assert_near_relative(m2[c], truth.m2, tolerance);
	}
}

static void
test_rows_are_as_exact_as_planes(void **state)
{
	uint64_t seed = 7;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 1e4, 1);
	assert_rows_moments(1e-6);
	sbn_random_fill(&seed, data, COUNT, 8e3, 0.1);
	assert_rows_moments(1e-6);
	sbn_random_fill(&seed, data, COUNT, 0, 1e19);
	assert_rows_moments(1e-6);
}

static void
test_sums_of_products_take_the_mean_in_two_floats(void **state)
{
	const struct sbn_plane plane = { N, SPATIAL, SPATIAL };
	struct sbn_moments truth;
	long double sum = 0, products = 0;
	double sums[2], size = 0;
	uint64_t seed = 8;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 7000.3, 0.1);
	sbn_random_fill(&seed, gradient, COUNT, 0, 1);
	truth = true_moments(data, COUNT, 1);
	for (size_t i = 0; i < COUNT; i++) {
		sum += gradient[i];
		products += gradient[i] * ((long double)data[i] - truth.mean);
		size += fabs((double)gradient[i] * (data[i] - truth.mean));
	}
	best_set()->plane_sums(data, gradient, &plane, (float)truth.mean,
			       (float)(truth.mean - (double)(float)truth.mean), sums);
	assert_near(sums[0], (double)sum, 1e-6 * COUNT);
	assert_near(sums[1], (double)products, 1e-6 * size);
}

static void
test_merged_parts_have_the_moments_of_the_whole(void **state)
{
	struct sbn_moments truth, sum = { 0 };
	uint64_t seed = 9;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 1e3, 1);
	truth = true_moments(data, COUNT, 1);
	for (size_t i = 0; i < COUNT; i += SPATIAL) {
		struct sbn_moments part = true_moments(data + i, SPATIAL, 1), none = { 0 };

		sbn_moments_merge(&sum, &part);
		sbn_moments_merge(&sum, &none);
	}
	assert_true(sum.count == truth.count);
	assert_near_relative(sum.mean, truth.mean, 1e-14);
	assert_near_relative(sum.m2, truth.m2, 1e-12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_offset_of_ten_thousand_deviations_costs_nothing),
		cmocka_unit_test(test_a_small_spread_around_large_offsets_is_found),
		cmocka_unit_test(test_an_offset_that_drifts_from_row_to_row_is_followed),
		cmocka_unit_test(test_a_constant_has_no_variance),
		cmocka_unit_test(test_squares_beyond_float_do_not_overflow),
		cmocka_unit_test(test_one_outlier_in_front_hides_nothing),
		cmocka_unit_test(test_no_elements_have_zero_moments),
		cmocka_unit_test(test_nan_and_infinity_are_not_hidden),
		cmocka_unit_test(test_rows_are_as_exact_as_planes),
		cmocka_unit_test(test_sums_of_products_take_the_mean_in_two_floats),
		cmocka_unit_test(test_merged_parts_have_the_moments_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
