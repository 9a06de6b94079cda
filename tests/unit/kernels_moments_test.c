/* SPDX-License-Identifier: Apache-2.0 */
/* How near the sums come to the truth, which is taken in long double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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
	return (struct sbn_moments){ (double)n, (double)mean, (double)m2, 0 };
}

/* float32, of the best set */
static const struct sbn_type_kernels *
kernels(void)
{
	const struct sbn_kernels *set = NULL;

	assert_int_equal(sbn_kernels_choose(NULL, &set), SYNCBN_OK);
	return &set->of[SBN_F32];
}

/* data as one plane, in rows of `spatial` */
static struct sbn_moments
moments_of_data(size_t spatial)
{
	const struct sbn_operands at = { .x = { data, spatial } };
	struct sbn_moments moments;

	kernels()->plane_moments(&at, COUNT / spatial, spatial, &moments);
	return moments;
}

static void
assert_moments(size_t spatial, double tolerance)
{
	struct sbn_moments truth = true_moments(data, COUNT / spatial * spatial, 1);
	struct sbn_moments moments = moments_of_data(spatial);

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

/* Sums about 0 lose two digits with each step of 10; at 256 deviations they are taken anew. */
static void
test_sums_about_zero_are_given_up_in_time(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (double offset = 1; offset <= 1e5; offset *= 1.5) {
		sbn_random_fill(&seed, data, COUNT, -offset, 1);
		assert_moments(SPATIAL, 6e-9);
		assert_moments(17, 6e-9);
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
	static const float values[] = { 0.1f, 0, -0.0f, 1e-25f, -3e-40f, 3e38f };

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		double value = (double)values[v];
		struct sbn_moments moments;

		for (size_t i = 0; i < COUNT; i++)
			data[i] = values[v];
		moments = moments_of_data(SPATIAL);
		assert_near_relative(moments.mean, value, 1e-12);
		assert_near(moments.m2 / COUNT, 0, 1e-13 * value * value);
		assert_true(moments.m2 >= 0);
	}
}

static void
test_squares_below_float_are_not_lost(void **state)
{
	uint64_t seed = 10;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 0, 1e-25);
	assert_moments_of_all_shapes();
	sbn_random_fill(&seed, data, COUNT, 3e-25, 1e-25);
	assert_moments_of_all_shapes();
	sbn_random_fill(&seed, data, COUNT, 0, 1e-41);
	assert_moments_of_all_shapes();
}

/* A unit that is nearly always 0, as after a ReLU: one block has an element, the others none. */
static void
test_one_faint_element_among_zeros_is_seen(void **state)
{
	(void)state;
	for (size_t at = 0; at < COUNT; at += COUNT / 7) {
		memset(data, 0, sizeof(data));
		data[at] = 1e-30f;
		assert_moments(SPATIAL, 1e-6);
		assert_moments(49, 1e-6);
	}
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
	static const size_t empty[][2] = { { 0, 10 }, { 10, 0 } };
	const struct sbn_operands at = { .x = { data, 10 } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sbn_moments moments = { 1, 1, 1, 1 };

		kernels()->plane_moments(&at, empty[i][0], empty[i][1], &moments);
		assert_true(moments.count == 0 && moments.mean == 0 && moments.m2 == 0 &&
			    moments.low == 0);
	}
}

static void
test_nan_and_infinity_are_not_hidden(void **state)
{
	struct sbn_moments moments;
	uint64_t seed = 6;

	(void)state;
	for (size_t at = 0; at < COUNT; at += COUNT - 1) {
		sbn_random_fill(&seed, data, COUNT, 0, 1);
		data[at] = NAN;
		moments = moments_of_data(SPATIAL);
		assert_true(isnan(moments.mean) && isnan(moments.m2));
		data[at] = INFINITY;
		moments = moments_of_data(SPATIAL);
		assert_false(isfinite(moments.mean) || isfinite(moments.m2));
	}
}

static void
assert_rows_moments(double tolerance)
{
	const struct sbn_operands at = { .x = { data, CHANNELS } };
	double mean[CHANNELS], m2[CHANNELS];

	kernels()->rows_moments(&at, ROWS, CHANNELS, mean, m2, NULL);
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
	sbn_random_fill(&seed, data, COUNT, 0, 1e-25);
	for (size_t row = 0; row < ROWS; row++) /* beside faint channels, a dead and a loud one */
		data[row * CHANNELS + 7] = 0, data[row * CHANNELS + 8] *= 1e25f;
	assert_rows_moments(1e-6);
}

static void
test_sums_of_products_take_the_mean_in_two_floats(void **state)
{
	long double sum = 0, products = 0;
	struct sbn_moments truth;
	struct sbn_operands at = { .x = { data, SPATIAL }, .dy = { gradient, SPATIAL } };
	struct sbn_coefficients k = { 0 };
	double sums[2] = { 0, 0 }, size = 0;
	float mean_hi, mean_lo;
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
	mean_hi = (float)truth.mean;
	mean_lo = (float)(truth.mean - (double)mean_hi);
	k.mean_hi = &mean_hi;
	k.mean_lo = &mean_lo;
	kernels()->plane_sums(&at, N, SPATIAL, &k, 0, sums);
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

/* n numbers of float64 around 1e5, and the long double mean of their distances from it. */
static long double
fill_wide(uint64_t seed, double *wide, size_t n)
{
	long double sum = 0;

	for (size_t i = 0; i < n; i++) {
		wide[i] = 1e5 + sbn_random_normal(&seed);
		sum += (long double)wide[i] - 1e5L;
	}
	return sum / (long double)n;
}

static const struct sbn_type_kernels *
wide_kernels(void)
{
	const struct sbn_kernels *set = NULL;

	assert_int_equal(sbn_kernels_choose(NULL, &set), SYNCBN_OK);
	return &set->of[SBN_F64];
}

/* One double next to 1e5 is wrong by up to 7e-12. */
static void
test_means_of_float64_keep_what_a_double_loses(void **state)
{
	static double wide[COUNT];
	const double truth = (double)fill_wide(11, wide, COUNT);
	struct sbn_moments moments;

	(void)state;
	for (size_t spatial = 49; spatial <= SPATIAL; spatial *= 8) {
		const struct sbn_operands at = { .x = { wide, spatial } };

		wide_kernels()->plane_moments(&at, COUNT / spatial, spatial, &moments);
		assert_near((moments.mean - 1e5) + moments.low, truth, 1e-15);
		assert_true(moments.low != 0 && fabs(moments.low) < 8e-12);
	}
}

/* Sums of `data` and `gradient` in calls for `rows` rows each. */
static void
sums_in_calls(size_t spatial, size_t rows, double sums[2])
{
	static const float mean[2] = { 0.25F, 1e-9F };
	const struct sbn_coefficients k = { .mean_hi = &mean[0], .mean_lo = &mean[1] };
	const size_t n = COUNT / spatial;

	sums[0] = sums[1] = 0;
	for (size_t row = 0; row < n; row += rows) {
		const struct sbn_operands at = {
			.x = { data + row * spatial, spatial },
			.dy = { gradient + row * spatial, spatial },
		};

		kernels()->plane_sums(&at, SBN_MIN(rows, n - row), spatial, &k, 0, sums);
	}
}

static void
test_sums_of_blocks_in_several_calls_are_those_of_one(void **state)
{
	static const size_t spatials[] = { 1, 7, 49, 100, 169, 196, 784, 1025, 3136 };
	uint64_t seed = 21;

	(void)state;
	sbn_random_fill(&seed, data, COUNT, 0.3, 1);
	sbn_random_fill(&seed, gradient, COUNT, 0.1, 1);
	for (size_t i = 0; i < sizeof(spatials) / sizeof(*spatials); i++) {
		const size_t rows = sbn_rows_of_block(spatials[i]);
		double all[2], one[2], two[2];

		sums_in_calls(spatials[i], COUNT, all);
		sums_in_calls(spatials[i], rows, one);
		sums_in_calls(spatials[i], 2 * rows, two);
		assert_memory_equal(one, all, sizeof(all));
		assert_memory_equal(two, all, sizeof(all));
		assert_true(all[0] != 0 && all[1] != 0);
	}
}

static void
test_rows_of_float64_keep_what_a_double_loses(void **state)
{
	double wide[ROWS], mean, m2, low;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const double truth = (double)fill_wide(seed, wide, ROWS);
		const struct sbn_operands at = { .x = { wide, 1 } };

		wide_kernels()->rows_moments(&at, ROWS, 1, &mean, &m2, &low);
		assert_near((mean - 1e5) + low, truth, 1e-15);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_offset_of_ten_thousand_deviations_costs_nothing),
		cmocka_unit_test(test_a_small_spread_around_large_offsets_is_found),
		cmocka_unit_test(test_sums_about_zero_are_given_up_in_time),
		cmocka_unit_test(test_an_offset_that_drifts_from_row_to_row_is_followed),
		cmocka_unit_test(test_a_constant_has_no_variance),
		cmocka_unit_test(test_squares_below_float_are_not_lost),
		cmocka_unit_test(test_one_faint_element_among_zeros_is_seen),
		cmocka_unit_test(test_squares_beyond_float_do_not_overflow),
		cmocka_unit_test(test_one_outlier_in_front_hides_nothing),
		cmocka_unit_test(test_no_elements_have_zero_moments),
		cmocka_unit_test(test_nan_and_infinity_are_not_hidden),
		cmocka_unit_test(test_rows_are_as_exact_as_planes),
		cmocka_unit_test(test_sums_of_products_take_the_mean_in_two_floats),
		cmocka_unit_test(test_sums_of_blocks_in_several_calls_are_those_of_one),
		cmocka_unit_test(test_merged_parts_have_the_moments_of_the_whole),
		cmocka_unit_test(test_means_of_float64_keep_what_a_double_loses),
		cmocka_unit_test(test_rows_of_float64_keep_what_a_double_loses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
