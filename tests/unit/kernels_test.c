/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels_cases.h"
#include "kernels_reference.h"
#include "near.h"

static struct outcome expected, actual;

/* The next set that this CPU runs, worst first; NULL after the last. */
static const struct sbn_kernels *
next_set(size_t *i)
{
	const struct sbn_kernels *set;

	while (sbn_kernels_names[*i] != NULL) {
		if (sbn_kernels_choose(sbn_kernels_names[(*i)++], &set) == SYNCBN_OK)
			return set;
	}
	return NULL;
}

static const struct sbn_kernels *
scalar_set(void)
{
	const struct sbn_kernels *set = NULL;

	assert_int_equal(sbn_kernels_choose("scalar", &set), SYNCBN_OK);
	return set;
}

static void
assert_same_outcome(const struct sbn_kernels *a, const struct sbn_kernels *b, size_t number)
{
	size_t y = sbn_first_diff_f32(expected.y, actual.y, expected.n_floats);
	size_t dx = sbn_first_diff_f32(expected.dx, actual.dx, expected.n_floats);
	size_t value = sbn_first_diff_f64(expected.values, actual.values, expected.n_values);

	if (y < expected.n_floats)
		fail_msg("%s and %s, case %zu: y[%zu] is %a and %a", a->name, b->name, number, y,
			 (double)expected.y[y], (double)actual.y[y]);
	if (dx < expected.n_floats)
		fail_msg("%s and %s, case %zu: dx[%zu] is %a and %a", a->name, b->name, number, dx,
			 (double)expected.dx[dx], (double)actual.dx[dx]);
	if (value < expected.n_values)
		fail_msg("%s and %s, case %zu: value %zu is %a and %a", a->name, b->name, number,
			 value, expected.values[value], actual.values[value]);
}

static void
assert_same_sweep(const struct sbn_kernels *a, const struct sbn_kernels *b, case_fn run)
{
	size_t number = 0;

	for (; run(a, number, &expected); number++) {
		assert_true(run(b, number, &actual));
		assert_same_outcome(a, b, number);
	}
	assert_true(number > 50);
}

static void
test_scalar_does_what_the_specification_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT(case_kinds); i++)
		assert_same_sweep(&reference_kernels, scalar_set(), case_kinds[i]);
}

static void
test_every_set_gives_the_bits_of_scalar(void **state)
{
	const struct sbn_kernels *set;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (size_t i = 0; set != scalar_set() && i < CASE_COUNT(case_kinds); i++)
			assert_same_sweep(scalar_set(), set, case_kinds[i]);
	}
}

static void
test_an_output_may_be_its_input(void **state)
{
	const struct sbn_plane plane = { 3, 60, 49 };
	const struct sbn_normalize norm = { 3.1f, 4e-8f, 0.7f, -0.3f };
	const struct sbn_backward back = { 3.1f, 4e-8f, 0.1f, 2e-9f, 0.03f, 0.7f };
	const struct sbn_kernels *set;
	float x[180], dy[180];
	size_t next = 0;

	(void)state;
	case_begin(1, DATA_PLAIN, 180, &actual);
	while ((set = next_set(&next)) != NULL) {
		memcpy(x, case_x, sizeof(x));
		memcpy(dy, case_dy, sizeof(dy));
		memcpy(expected.y, x, sizeof(x));
		memcpy(expected.dx, dy, sizeof(dy));
		set->plane_normalize(x, expected.y, &plane, &norm);
		set->plane_dx(x, dy, expected.dx, &plane, &back);
		set->plane_dx(x, dy, dy, &plane, &back);
		set->plane_normalize(x, x, &plane, &norm);
		assert_same_f32(x, expected.y, 180);
		assert_same_f32(dy, expected.dx, 180);
	}
}

static void
test_rows_may_be_overwritten_with_their_result(void **state)
{
	const struct sbn_normalize_rows norm = { case_k[0], case_k[1], case_k[2], case_k[4] };
	const struct sbn_backward_rows back = { case_k[0], case_k[1], case_k[2],
						case_k[3], case_k[4], case_k[6] };
	const struct sbn_kernels *set;
	float x[350], dy[350];
	size_t next = 0;

	(void)state;
	case_begin(1, DATA_PLAIN, 350, &actual);
	while ((set = next_set(&next)) != NULL) {
		memcpy(x, case_x, sizeof(x));
		memcpy(dy, case_dy, sizeof(dy));
		memcpy(expected.y, x, sizeof(x));
		memcpy(expected.dx, dy, sizeof(dy));
		set->rows_normalize(x, expected.y, 7, 50, 41, &norm);
		set->rows_dx(x, dy, expected.dx, 7, 50, 41, &back);
		set->rows_dx(x, dy, dy, 7, 50, 41, &back);
		set->rows_normalize(x, x, 7, 50, 41, &norm);
		assert_same_f32(x, expected.y, 350);
		assert_same_f32(dy, expected.dx, 350);
	}
}

static void
test_a_sum_may_overwrite_its_terms(void **state)
{
	const struct sbn_kernels *set;
	float a[37], b[37], wanted[37];
	double c[37], d[37], wide[37];
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (int i = 0; i < 37; i++) {
			c[i] = a[i] = (float)i;
			d[i] = b[i] = 0.3f;
			wanted[i] = (a[i] + b[i]) / 2;
			wide[i] = (c[i] + d[i]) / 2;
		}
		set->sum_f32((float *[]){ a, b }, 2, (const float *[]){ a, b }, 2, 37, 2);
		set->sum_f64((double *[]){ c, d }, 2, (const double *[]){ c, d }, 2, 37, 2);
		assert_same_f32(a, wanted, 37);
		assert_same_f32(b, wanted, 37);
		assert_same_f64(c, wide, 37);
		assert_same_f64(d, wide, 37);
	}
}

/* A page of zeros between two that nobody may touch. */
static char *
new_lone_page(size_t bytes)
{
	char *pages = mmap(NULL, 3 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + bytes, bytes, PROT_READ | PROT_WRITE), 0);
	return pages + bytes;
}

static void
run_all_over(const struct sbn_kernels *set, float *x, size_t n)
{
	const struct sbn_plane plane = { 1, n, n };
	const struct sbn_normalize norm = { 0, 0, 1, 0 };
	const struct sbn_backward back = { 0, 0, 0, 0, 0, 1 };
	const struct sbn_normalize_rows norms = { x, x, x, x };
	const struct sbn_backward_rows backs = { x, x, x, x, x, x };
	struct sbn_moments moments;
	double sums[2], wide[2][256];

	set->plane_moments(x, &plane, &moments);
	set->plane_sums(x, x, &plane, 0, 0, sums);
	set->plane_normalize(x, x, &plane, &norm);
	set->plane_dx(x, x, x, &plane, &back);
	set->rows_moments(x, 1, n, n, wide[0], wide[1]);
	set->rows_sums(x, x, 1, n, n, x, x, wide[0], wide[1]);
	set->rows_normalize(x, x, 1, n, n, &norms);
	set->rows_dx(x, x, x, 1, n, n, &backs);
	set->sum_f32(&x, 1, (const float *const *)&x, 1, n, 1);
}

static void
test_nothing_outside_the_arrays_is_touched(void **state)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), next = 0;
	char *page = new_lone_page(page_bytes);
	const struct sbn_kernels *set;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (size_t n = 0; n <= 50; n++) {
			run_all_over(set, (float *)(void *)page, n);
			run_all_over(set, (float *)(void *)(page + page_bytes) - n, n);
		}
	}
	munmap(page - page_bytes, 3 * page_bytes);
}

static void
test_a_double_sum_stays_in_its_arrays(void **state)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), next = 0;
	char *page = new_lone_page(page_bytes);
	const struct sbn_kernels *set;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (size_t n = 0; n <= 20; n++) {
			double *first = (double *)(void *)page;
			double *last = (double *)(void *)(page + page_bytes) - n;

			set->sum_f64(&first, 1, (const double *const *)&last, 1, n, 3);
			set->sum_f64(&last, 1, (const double *const *)&first, 1, n, 3);
		}
	}
	munmap(page - page_bytes, 3 * page_bytes);
}

static void
test_every_listed_name_is_known(void **state)
{
	const struct sbn_kernels *set;

	(void)state;
	assert_string_equal(sbn_kernels_names[0], "scalar");
	for (size_t i = 0; sbn_kernels_names[i] != NULL; i++) {
		if (sbn_kernels_choose(sbn_kernels_names[i], &set) == SYNCBN_OK)
			assert_string_equal(set->name, sbn_kernels_names[i]);
		else
			assert_non_null(strstr(sbn_last_error(), "this CPU"));
	}
}

static void
test_no_name_gives_the_best_set_of_this_cpu(void **state)
{
	const struct sbn_kernels *set, *best = NULL, *chosen = NULL;
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL)
		best = set;
	assert_int_equal(sbn_kernels_choose(NULL, &chosen), SYNCBN_OK);
	assert_ptr_equal(chosen, best);
	assert_int_equal(sbn_kernels_choose("", &chosen), SYNCBN_OK);
	assert_ptr_equal(chosen, best);
}

static void
test_an_unknown_name_offers_the_nearest(void **state)
{
	const struct sbn_kernels *set = NULL;

	(void)state;
	assert_int_equal(sbn_kernels_choose("scaler", &set), SYNCBN_ERR_INVALID);
	assert_null(set);
	assert_non_null(strstr(sbn_last_error(), "\"scaler\"; did you mean scalar?"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalar_does_what_the_specification_says),
		cmocka_unit_test(test_every_set_gives_the_bits_of_scalar),
		cmocka_unit_test(test_an_output_may_be_its_input),
		cmocka_unit_test(test_rows_may_be_overwritten_with_their_result),
		cmocka_unit_test(test_a_sum_may_overwrite_its_terms),
		cmocka_unit_test(test_nothing_outside_the_arrays_is_touched),
		cmocka_unit_test(test_a_double_sum_stays_in_its_arrays),
		cmocka_unit_test(test_every_listed_name_is_known),
		cmocka_unit_test(test_no_name_gives_the_best_set_of_this_cpu),
		cmocka_unit_test(test_an_unknown_name_offers_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
