/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a float layer makes of moments and of gradients' sums, in every set: the bits of the
 * formulas, channel by channel, and groups with an unusual number left to the caller, untouched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels_reference_coefficients.h"
#include "kernels_sets.h"
#include "random.h"

enum { CHANNELS = 70 };

static const double COUNT = 392, EPS = 1e-5, FACTOR = 0.1;

/* All of a layer's numbers. */
struct numbers {
	double mean[CHANNELS], invstd[CHANNELS];
	float mean_hi[CHANNELS], mean_lo[CHANNELS], scale[CHANNELS], shift[CHANNELS];
	float running_mean[CHANNELS], running_var[CHANNELS];
	float dy_hi[CHANNELS], dy_lo[CHANNELS], slope[CHANNELS], slope_lo[CHANNELS];
	float dgamma[CHANNELS], dbeta[CHANNELS];
};

static struct sbn_pair pair[CHANNELS];
static float gamma_of[CHANNELS], beta_of[CHANNELS];

/* Means that no float holds, beside means of 0; a beta of -0. */
static void
fill(uint64_t seed, struct numbers *numbers)
{
	memset(numbers, 0, sizeof(*numbers));
	for (size_t c = 0; c < CHANNELS; c++) {
		pair[c].a = c % 5 == 3 ? 0 : 100 * sbn_random_normal(&seed);
		pair[c].b = COUNT * (c % 7 == 2 ? 0 : sbn_random_unit(&seed));
		gamma_of[c] = (float)sbn_random_normal(&seed);
		beta_of[c] = c % 3 == 0 ? -0.0f : (float)sbn_random_normal(&seed);
		numbers->running_mean[c] = (float)sbn_random_normal(&seed);
		numbers->running_var[c] = (float)sbn_random_unit(&seed);
	}
}

static struct sbn_moments_use
use_of(struct numbers *to)
{
	return (struct sbn_moments_use){
		.mean = to->mean,
		.invstd = to->invstd,
		.mean_hi = to->mean_hi,
		.mean_lo = to->mean_lo,
		.scale = to->scale,
		.shift = to->shift,
		.gamma = gamma_of,
		.beta = beta_of,
		.running_mean = to->running_mean,
		.running_var = to->running_var,
		.count = COUNT,
		.divisor = COUNT - 1,
		.eps = EPS,
		.factor = FACTOR,
	};
}

/* drop: changes what is used */
static void
check_every_set(void (*drop)(struct sbn_moments_use *use))
{
	const struct sbn_kernels *set;
	size_t next = 0;

	while ((set = next_set(&next)) != NULL) {
		for (size_t n = 0; n <= CHANNELS; n++) {
			const size_t first = n % 3, end = first + (n - first) / 16 * 16;
			struct numbers got, wanted;
			struct sbn_moments_use use, expected;

			if (n < first)
				continue;
			fill(n, &got);
			wanted = got;
			use = use_of(&got);
			expected = use_of(&wanted);
			drop(&use);
			drop(&expected);
			for (size_t c = first; c < end; c++)
				reference_use_moments_of(&expected, pair, c);
			assert_int_equal(set->use_moments(&use, pair, first, n), end);
			assert_memory_equal(&got, &wanted, sizeof(got));
		}
	}
}

static void
drop_nothing(struct sbn_moments_use *use)
{
	(void)use;
}

static void
drop_params(struct sbn_moments_use *use)
{
	use->gamma = use->beta = NULL;
}

static void
drop_running(struct sbn_moments_use *use)
{
	use->running_mean = use->running_var = NULL;
	use->factor = 0;
}

static void
test_every_set_gives_the_bits_of_the_formulas(void **state)
{
	(void)state;
	check_every_set(drop_nothing);
	check_every_set(drop_params);
	check_every_set(drop_running);
}

/* Channel 20's pair, gamma and the eps of all. */
static void
check_unusual(struct sbn_pair unusual, float gamma, double eps)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	while ((set = next_set(&next)) != NULL) {
		struct numbers got, wanted;
		struct sbn_moments_use use, expected;

		fill(3, &got);
		for (size_t c = 0; c < CHANNELS; c++)
			pair[c].b = SBN_MAX(pair[c].b, 1);
		wanted = got;
		use = use_of(&got);
		expected = use_of(&wanted);
		use.eps = expected.eps = eps;
		pair[20] = unusual;
		gamma_of[20] = gamma;
		for (size_t c = 0; c < 16; c++)
			reference_use_moments_of(&expected, pair, c);
		assert_int_equal(set->use_moments(&use, pair, 0, CHANNELS), 16);
		assert_memory_equal(&got, &wanted, sizeof(got));
		for (size_t c = 36; c < 68; c++)
			reference_use_moments_of(&expected, pair, c);
		assert_int_equal(set->use_moments(&use, pair, 36, CHANNELS), 68);
		assert_memory_equal(&got, &wanted, sizeof(got));
	}
}

static void
test_unusual_numbers_are_left_to_the_caller(void **state)
{
	(void)state;
	check_unusual((struct sbn_pair){ 1, 0 }, 1, 0);
	check_unusual((struct sbn_pair){ 1, 1e-80 }, 1, 0);
	check_unusual((struct sbn_pair){ 1, NAN }, 1, EPS);
	check_unusual((struct sbn_pair){ 1, 5 }, FLT_MAX, EPS);
	check_unusual((struct sbn_pair){ 1, 5 }, -FLT_MAX, EPS);
	check_unusual((struct sbn_pair){ 1, 5 }, INFINITY, EPS);
	check_unusual((struct sbn_pair){ 1, 5 }, NAN, EPS);
}

/* ---- of what is saved ---- */

static void
test_what_is_saved_gives_the_same_coefficients(void **state)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		struct numbers saved, got;
		struct sbn_moments_use use;

		fill(8, &saved);
		use = use_of(&saved);
		use.factor = 0;
		assert_int_equal(set->use_moments(&use, pair, 0, CHANNELS), 64);
		got = saved;
		memset(got.mean_hi, 0, 4 * sizeof(got.mean_hi)); /* and mean_lo, scale, shift */
		use = use_of(&got);
		assert_int_equal(set->use_saved(&use, 0, CHANNELS), 64);
		assert_memory_equal(&got, &saved, sizeof(got));
		got.invstd[40] = NAN;
		assert_int_equal(set->use_saved(&use, 0, CHANNELS), 32);
		assert_int_equal(set->use_saved(&use, 48, CHANNELS), 64);
		assert_memory_equal(got.scale, saved.scale, sizeof(got.scale));
	}
}

/* ---- of gradients ---- */

static struct sbn_gradients_use
gradients_of(struct numbers *to, bool accumulate)
{
	return (struct sbn_gradients_use){
		.invstd = to->invstd,
		.mean_lo = to->mean_lo,
		.dy_hi = to->dy_hi,
		.dy_lo = to->dy_lo,
		.slope = to->slope,
		.slope_lo = to->slope_lo,
		.dgamma = to->dgamma,
		.dbeta = to->dbeta,
		.count = COUNT,
		.divisor = 3,
		.accumulate = accumulate,
	};
}

/* Some statistics, of which each fourth mean is a float, and gradients to add to. */
static void
fill_gradients(uint64_t seed, struct numbers *numbers)
{
	fill(seed, numbers);
	for (size_t c = 0; c < CHANNELS; c++) {
		numbers->invstd[c] = sbn_random_unit(&seed);
		numbers->mean_lo[c] = c % 4 == 0 ? 0 : 1e-8f * (float)sbn_random_normal(&seed);
		numbers->dgamma[c] = (float)sbn_random_normal(&seed);
		numbers->dbeta[c] = (float)sbn_random_normal(&seed);
		pair[c].b *= c % 2 == 0 ? -1 : 1;
	}
}

static void
check_gradients(const struct sbn_kernels *set, bool accumulate, bool means)
{
	struct numbers got, wanted;
	struct sbn_gradients_use use, expected;

	fill_gradients(9, &got);
	wanted = got;
	use = gradients_of(&got, accumulate);
	expected = gradients_of(&wanted, accumulate);
	for (size_t c = 2; c < 66; c++) {
		if (means)
			reference_use_means_of(&expected, pair, c);
		reference_use_params_of(&expected, pair, c);
	}
	assert_int_equal(set->use_gradients(&use, pair, means ? pair : NULL, 2, CHANNELS), 66);
	assert_memory_equal(&got, &wanted, sizeof(got));
}

static void
test_every_set_gives_the_bits_of_the_gradients(void **state)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL)
		for (int i = 0; i < 4; i++)
			check_gradients(set, i % 2 == 1, i / 2 == 1);
}

static void
test_gradients_that_are_not_wanted_stay(void **state)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		struct numbers got, wanted;
		struct sbn_gradients_use use, expected;

		fill_gradients(10, &got);
		wanted = got;
		use = gradients_of(&got, false);
		expected = gradients_of(&wanted, false);
		use.dgamma = use.dbeta = NULL;
		for (size_t c = 0; c < 64; c++)
			reference_use_means_of(&expected, pair, c);
		assert_int_equal(set->use_gradients(&use, pair, pair, 0, CHANNELS), 64);
		assert_memory_equal(&got, &wanted, sizeof(got));
	}
}

static void
test_slopes_that_no_float_holds_are_left_to_the_caller(void **state)
{
	static const double unusual[] = { 1e300, -1e300, INFINITY, NAN };
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (size_t i = 0; i < 4; i++) {
			struct numbers got, wanted;
			struct sbn_gradients_use use, expected;

			fill_gradients(11, &got);
			pair[35].b = unusual[i];
			wanted = got;
			use = gradients_of(&got, true);
			expected = gradients_of(&wanted, true);
			for (size_t c = 0; c < 32; c++) {
				reference_use_means_of(&expected, pair, c);
				reference_use_params_of(&expected, pair, c);
			}
			assert_int_equal(set->use_gradients(&use, pair, pair, 0, CHANNELS), 32);
			assert_memory_equal(&got, &wanted, sizeof(got));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_set_gives_the_bits_of_the_formulas),
		cmocka_unit_test(test_unusual_numbers_are_left_to_the_caller),
		cmocka_unit_test(test_what_is_saved_gives_the_same_coefficients),
		cmocka_unit_test(test_every_set_gives_the_bits_of_the_gradients),
		cmocka_unit_test(test_gradients_that_are_not_wanted_stay),
		cmocka_unit_test(test_slopes_that_no_float_holds_are_left_to_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
