/* SPDX-License-Identifier: Apache-2.0 */
/* The merge of rows of moments: in every set the bits of sbn_moments_merge, rank by rank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/merge.h"
#include "kernels_sets.h"
#include "random.h"

enum { ROWS = 5, CHANNELS = 70 };

static struct sbn_pair rows[ROWS][CHANNELS];
static const struct sbn_pair *row[ROWS] = { rows[0], rows[1], rows[2], rows[3], rows[4] };

static void
fill_rows(uint64_t seed)
{
	for (int r = 0; r < ROWS; r++) {
		for (int c = 0; c < CHANNELS; c++) {
			double scale = c % 9 == 4 ? 1e150 : c % 9 == 5 ? 1e-160 : 1;

			rows[r][c].a = scale * sbn_random_normal(&seed);
			rows[r][c].b = scale * sbn_random_unit(&seed);
		}
	}
}

static struct sbn_pair
expected(const double *count, size_t n_rows, size_t c)
{
	struct sbn_moments sum = { 0 };

	for (size_t r = 0; r < n_rows; r++) {
		struct sbn_moments part = { count[r], rows[r][c].a, rows[r][c].b, 0 };

		sbn_moments_merge(&sum, &part);
	}
	return (struct sbn_pair){ sum.mean, sum.m2 };
}

static void
assert_merged(const struct sbn_pair *sum, const double *count, size_t n_rows, size_t n_channels)
{
	for (size_t c = 0; c < n_channels; c++) {
		struct sbn_pair wanted = expected(count, n_rows, c);

		assert_memory_equal(&sum[c], &wanted, sizeof(wanted));
	}
}

static void
test_every_set_merges_as_the_formula_does(void **state)
{
	static const double counts[][ROWS] = { { 7, 7, 7, 7, 7 },  { 1, 1e15, 3, 2, 9 },
					       { 0, 5, 0, 11, 0 }, { 6, 0, 0, 0, 1 },
					       { 0, 0, 0, 0, 0 },  { 0, 0, 0, 0, 3 } };
	const struct sbn_kernels *set;
	struct sbn_pair sum[CHANNELS];
	size_t next = 0;

	(void)state;
	fill_rows(5);
	while ((set = next_set(&next)) != NULL) {
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
			for (size_t n = 0; n < ROWS * CHANNELS; n++) {
				size_t n_rows = 1 + n % ROWS, n_channels = n / ROWS;

				set->merge_moments(sum, row, counts[k], n_rows, n_channels);
				assert_merged(sum, counts[k], n_rows, n_channels);
			}
		}
	}
}

static void
test_a_merge_may_overwrite_a_row(void **state)
{
	static const double count[ROWS] = { 4, 5, 6, 7, 8 };
	const struct sbn_kernels *set;
	struct sbn_pair sum[CHANNELS];
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (int over = 0; over < ROWS; over++) {
			fill_rows(6);
			set->merge_moments(sum, row, count, ROWS, CHANNELS);
			set->merge_moments(rows[over], row, count, ROWS, CHANNELS);
			assert_memory_equal(rows[over], sum, sizeof(sum));
		}
	}
}

static void
test_nothing_behind_the_rows_is_touched(void **state)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE), next = 0;
	char *pages =
		mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sbn_pair *end = (struct sbn_pair *)(void *)(pages + bytes);
	const struct sbn_kernels *set;

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(end, bytes, PROT_NONE), 0);
	while ((set = next_set(&next)) != NULL) {
		for (size_t n = 0; n <= 40; n++) {
			const struct sbn_pair *both[] = { end - n, end - n };

			set->merge_moments(end - n, both, (const double[]){ 2, 3 }, 2, n);
		}
	}
	munmap(pages, 2 * bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_set_merges_as_the_formula_does),
		cmocka_unit_test(test_a_merge_may_overwrite_a_row),
		cmocka_unit_test(test_nothing_behind_the_rows_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
