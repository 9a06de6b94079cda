/* SPDX-License-Identifier: Apache-2.0 */
/* Moments of channels that have as many samples each: the bits of the merge channel by channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/merge.h"
#include "nn/columns.h"
#include "random.h"

enum { PARTS = 6, CHANNELS = SBN_COLUMNS };

static double mean[PARTS][CHANNELS], m2[PARTS][CHANNELS], low[PARTS][CHANNELS];

static void
fill_parts(uint64_t seed)
{
	for (int part = 0; part < PARTS; part++) {
		for (int c = 0; c < CHANNELS; c++) {
			double scale = c % 9 == 4 ? 1e150 : c % 9 == 5 ? 1e-160 : 1;

			mean[part][c] = scale * sbn_random_normal(&seed);
			m2[part][c] = scale * sbn_random_unit(&seed);
			low[part][c] = 1e-17 * mean[part][c] * sbn_random_normal(&seed);
		}
	}
}

/* One channel, by the formula. */
static struct sbn_moments
expected(const double *count, size_t c, bool wide)
{
	struct sbn_moments sum = { 0 };

	for (int part = 0; part < PARTS; part++) {
		const struct sbn_moments other = { count[part], mean[part][c], m2[part][c],
						   wide ? low[part][c] : 0 };

		sbn_moments_add(&sum, &other, wide);
	}
	return sum;
}

static void
assert_columns(const double *count, size_t n, bool wide)
{
	struct sbn_columns sums = { 0 };

	for (int part = 0; part < PARTS; part++)
		sbn_columns_add(&sums, count[part], mean[part], m2[part], wide ? low[part] : NULL,
				n, wide);
	for (size_t c = 0; c < n; c++) {
		const struct sbn_moments wanted = expected(count, c, wide);
		const struct sbn_moments got = sbn_columns_get(&sums, c);

		assert_memory_equal(&got, &wanted, sizeof(wanted));
	}
}

static void
test_columns_merge_as_channels_do(void **state)
{
	static const double counts[][PARTS] = {
		{ 128, 128, 128, 128, 128, 17 },
		{ 1, 2, 3, 5, 7, 11 },
		{ 0, 49, 0, 49, 49, 0 },
		{ 0, 0, 0, 0, 0, 1 },
	};

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		fill_parts(seed);
		for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
			assert_columns(counts[i], CHANNELS, false);
			assert_columns(counts[i], CHANNELS, true);
			assert_columns(counts[i], 1 + seed % CHANNELS, true);
		}
	}
}

static void
test_no_samples_have_no_moments(void **state)
{
	const double counts[PARTS] = { 0 };

	(void)state;
	fill_parts(1);
	assert_columns(counts, CHANNELS, false);
	assert_columns(counts, CHANNELS, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_merge_as_channels_do),
		cmocka_unit_test(test_no_samples_have_no_moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
