/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments of bfloat16 planes, which are summed in float for a while: how near they come to the
 * truth where that is hard, and that all sets agree when it is given up. And of 16-bit planes side
 * by side, whose short rows are summed by positions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/stream.h"
#include "kernels_elements.h"
#include "kernels_sets.h"
#include "near.h"
#include "random.h"

enum { COUNT = 5 * 3136 };

static const size_t spatials[] = { 3136, 784, 257, 256, 196, 49, 33, 32, 31, 7, 1 };

static uint16_t data[COUNT];

static void
put(size_t i, double value)
{
	data[i] = element_narrow(SBN_BF16, (float)value);
}

static void
fill(uint64_t seed, double mean, double sd)
{
	for (size_t i = 0; i < COUNT; i++)
		put(i, mean + sd * sbn_random_normal(&seed));
}

static struct sbn_moments
true_moments(size_t n)
{
	long double sum = 0, m2 = 0, mean;

	for (size_t i = 0; i < n; i++)
		sum += element_widen(SBN_BF16, data[i]);
	mean = sum / n;
	for (size_t i = 0; i < n; i++) {
		long double d = element_widen(SBN_BF16, data[i]) - mean;

		m2 += d * d;
	}
	return (struct sbn_moments){ (double)n, (double)mean, (double)m2, 0 };
}

/* In rows of `spatial`; all sets agree. */
static struct sbn_moments
moments_of_data(size_t spatial)
{
	const struct sbn_operands at = { .x = { data, spatial } };
	struct sbn_moments first = { 0 };
	const struct sbn_kernels *set;
	size_t next = 0;

	while ((set = next_set(&next)) != NULL) {
		struct sbn_moments moments;

		set->of[SBN_BF16].plane_moments(&at, COUNT / spatial, spatial, &moments);
		if (first.count == 0)
			first = moments;
		assert_true(sbn_same_f64(moments.count, first.count) &&
			    sbn_same_f64(moments.mean, first.mean) &&
			    sbn_same_f64(moments.m2, first.m2));
	}
	return first;
}

/* In deviations, and of m2 itself. */
static void
assert_moments(double tolerance)
{
	for (size_t i = 0; i < sizeof(spatials) / sizeof(spatials[0]); i++) {
		struct sbn_moments truth = true_moments(COUNT / spatials[i] * spatials[i]);
		struct sbn_moments moments = moments_of_data(spatials[i]);

		assert_true(moments.count == truth.count);
		assert_near(moments.mean, truth.mean, tolerance * sqrt(truth.m2 / truth.count));
		assert_near_relative(moments.m2, truth.m2, tolerance);
	}
}

static void
test_random_numbers_around_any_mean(void **state)
{
	(void)state;
	for (double mean = 0; mean < 200; mean = mean * 1.7 + 0.1) {
		fill(1, mean, 1);
		assert_moments(1e-7);
	}
}

static void
test_squares_of_any_size(void **state)
{
	(void)state;
	for (double size = 1e-38; size < 1e38; size *= 10) {
		fill(2, 0.3 * size, size);
		assert_moments(1e-7);
	}
	fill(3, 0, 1e-39); /* denormals of few digits */
	assert_moments(1e-7);
}

/* From 2^-60 to 2^60, most of them small. */
static void
test_numbers_of_all_sizes_together(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (int spread = 1; spread <= 60; spread += 7) {
		for (size_t i = 0; i < COUNT; i++)
			put(i,
			    sbn_random_normal(&seed) * exp2(spread * sbn_random_normal(&seed) / 3));
		assert_moments(2e-7);
	}
}

/* A lane's first is 1, and its others' squares are each just less than what float adds to 1. */
static void
test_squares_that_are_just_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		put(i, i % 3136 % 256 < 32 ? 1 : 0x1.5p-13);
	assert_moments(1e-6);
	for (size_t i = 0; i < COUNT; i++)
		put(i, i % 3136 % 256 < 32 ? 1 : 0x1.02p-5);
	assert_moments(1e-6);
}

static void
test_one_loud_or_faint_element_among_zeros(void **state)
{
	static const double values[] = { 1, 1e-30, -1e-40, 1e30, -3e38 };

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		for (size_t at = 0; at < COUNT; at += COUNT / 7) {
			memset(data, 0, sizeof(data));
			put(at % 15600, values[v]);
			assert_moments(1e-7);
		}
	}
}

/* Of such squares nothing is left in float, and the elements themselves cancel in every lane. */
static void
test_faint_elements_that_cancel(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		put(i, (i / 32 % 2 == 0 ? 1 : -1) * 1e-30);
	assert_moments(1e-7);
}

static void
test_constants_have_no_variance(void **state)
{
	static const double values[] = { 0, -0.0, 1, -0.1, 0.3, 1e-25, -3e-40, 1e20, 3e38 };

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		for (size_t i = 0; i < COUNT; i++)
			put(i, values[v]);
		for (size_t i = 0; i < sizeof(spatials) / sizeof(spatials[0]); i++) {
			struct sbn_moments moments = moments_of_data(spatials[i]);

			assert_true(moments.mean == element_widen(SBN_BF16, data[0]));
			assert_true(moments.m2 == 0);
		}
	}
}

static void
test_nan_and_infinity_are_not_hidden(void **state)
{
	(void)state;
	for (size_t at = 0; at < 15600; at += 975) {
		fill(5, 0, 1);
		put(at, NAN);
		for (size_t i = 0; i < sizeof(spatials) / sizeof(spatials[0]); i++) {
			struct sbn_moments moments = moments_of_data(spatials[i]);

			assert_true(isnan(moments.mean) && isnan(moments.m2));
		}
		put(at, at % 2 == 0 ? INFINITY : -INFINITY);
		for (size_t i = 0; i < sizeof(spatials) / sizeof(spatials[0]); i++) {
			struct sbn_moments moments = moments_of_data(spatials[i]);

			assert_false(isfinite(moments.mean) || isfinite(moments.m2));
		}
	}
}

/* of 16-bit types */
struct beside_case {
	const struct sbn_type_kernels *kernels;
	size_t spatial, n, n_channels, first, out_stride;
};

static void
assert_moments_beside(const struct beside_case *t)
{
	static _Alignas(SBN_STORE_LINE) uint16_t out[130 * 129];
	static const float none[1];
	const struct sbn_coefficients k = { .mean_hi = none, .scale = none, .shift = none };
	struct sbn_operands x = { .x = { data + t->first, 37 } }, at = x;
	struct sbn_pair sums[70];
	const struct sbn_beside beside = { &x, t->n_channels, sums, NULL, 0 };

	at.out = (struct sbn_out){ out, t->out_stride };
	at.stream = true;
	t->kernels->planes_normalize_beside(&beside, &at, t->n, t->spatial, &k, 0, 1);
	sbn_stream_end();
	for (size_t c = 0; c < t->n_channels; c++) {
		const struct sbn_operands one = { .x = { data + t->first + c * t->spatial, 37 } };
		struct sbn_moments moments;

		t->kernels->plane_moments(&one, t->n, t->spatial, &moments);
		assert_true(sbn_same_f64(sums[c].a, moments.mean));
		assert_true(sbn_same_f64(sums[c].b, moments.m2));
	}
}

/* Float16's are the same bits. In strips (where lines begin alike) or not: as each alone. */
static void
assert_planes_side_by_side(const struct sbn_type_kernels *kernels)
{
	static const size_t sizes[] = { 1, 3, 15, 17, 49, 64, 127, 128 };
	static const size_t ns[] = { 1, 2, 8, 9, 16, 17, 42, 130 }, channels[] = { 1, 33, 70 };

	for (size_t i = 0; i < 8 * 8 * 3 * 2 * 2; i++) {
		assert_moments_beside(&(struct beside_case){ kernels, sizes[i % 8], ns[i / 8 % 8],
							     channels[i / 64 % 3], i / 192 % 2 * 7,
							     128 + i / 384 });
	}
}

static void
test_planes_side_by_side_have_the_sums_of_each(void **state)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	fill(6, 1, 1);
	put(4000, 1e30); /* some are summed again */
	while ((set = next_set(&next)) != NULL) {
		assert_planes_side_by_side(&set->of[SBN_BF16]);
		assert_planes_side_by_side(&set->of[SBN_F16]);
	}
}

/* Of no samples, or of no positions: there may be no address. */
static void
test_planes_without_elements_have_no_moments(void **state)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (int type = 0; type < SBN_TYPES; type++) {
			const struct sbn_operands x = { .x = { NULL, 49 } };
			struct sbn_pair sums[70];
			double low[70];

			memset(sums, 1, sizeof(sums));
			set->of[type].planes_moments(&(struct sbn_beside){ &x, 70, sums, low, 0 },
						     0, 49);
			for (size_t c = 0; c < 70; c++)
				assert_true(sums[c].a == 0 && sums[c].b == 0);
			memset(sums, 1, sizeof(sums));
			set->of[type].planes_moments(&(struct sbn_beside){ &x, 70, sums, low, 0 },
						     2, 0);
			for (size_t c = 0; c < 70; c++)
				assert_true(sums[c].a == 0 && sums[c].b == 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_numbers_around_any_mean),
		cmocka_unit_test(test_squares_of_any_size),
		cmocka_unit_test(test_numbers_of_all_sizes_together),
		cmocka_unit_test(test_squares_that_are_just_lost),
		cmocka_unit_test(test_one_loud_or_faint_element_among_zeros),
		cmocka_unit_test(test_faint_elements_that_cancel),
		cmocka_unit_test(test_constants_have_no_variance),
		cmocka_unit_test(test_nan_and_infinity_are_not_hidden),
		cmocka_unit_test(test_planes_side_by_side_have_the_sums_of_each),
		cmocka_unit_test(test_planes_without_elements_have_no_moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
