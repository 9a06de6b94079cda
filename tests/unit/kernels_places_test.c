/* SPDX-License-Identifier: Apache-2.0 */
/* Where operands may lie: an output over an input, and arrays at the edge of a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels_cases.h"
#include "kernels_sets.h"
#include "near.h"

enum { ROWS = 7, WIDTH = 41, STRIDE = 50, SIZE = ROWS * STRIDE };

/* Arrays of one pass, with room for elements of any type. */
struct arrays {
	double x[SIZE], z[SIZE], dy[SIZE], out[SIZE], dz[SIZE];
};

static void
fill_arrays(struct arrays *a, enum sbn_type type)
{
	double *const all[] = { a->x, a->z, a->dy, a->out, a->dz };
	uint64_t seed = 5;

	case_prepare();
	for (size_t i = 0; i < CASE_COUNT(all); i++) {
		for (size_t k = 0; k < SIZE; k++)
			element_set(type, all[i], k, sbn_random_normal(&seed));
	}
}

static struct sbn_operands
operands_of(struct arrays *a)
{
	return (struct sbn_operands){
		.x = { a->x, STRIDE },
		.z = { a->z, STRIDE },
		.dy = { a->dy, STRIDE },
		.out = { a->out, STRIDE },
		.dz = { a->dz, STRIDE },
	};
}

typedef void (*rows_fn)(const struct sbn_operands *, size_t, size_t,
			const struct sbn_coefficients *, size_t);
typedef void (*planes_fn)(const struct sbn_operands *, size_t, size_t,
			  const struct sbn_coefficients *, size_t, size_t);

/* One of them is NULL. */
struct pass {
	rows_fn rows;
	planes_fn planes;
	bool stream;
};

static void
run_pass(const struct pass *pass, struct sbn_operands *at, const struct sbn_coefficients *k)
{
	at->stream = pass->stream;
	if (pass->rows != NULL)
		pass->rows(at, ROWS, WIDTH, k, 3);
	else
		pass->planes(at, ROWS, WIDTH / 2, k, 3, 2);
}

/* What `pass` makes of the same data in arrays of their own and over `inputs`. */
static void
assert_same_in_place(const struct pass *pass, enum sbn_type type, const void *out_over,
		     const void *dz_over, struct arrays *b)
{
	struct sbn_coefficients k = case_coefficients(type, SBN_ACT_LEAKY_RELU, 0.25, 0);
	static struct arrays a;
	struct sbn_operands at = operands_of(b);

	fill_arrays(b, type);
	fill_arrays(&a, type);
	memcpy(a.out, out_over, sizeof(a.out)); /* between the rows nothing changes */
	memcpy(a.dz, dz_over, sizeof(a.dz));
	at.out.data = (void *)(uintptr_t)out_over;
	at.dz.data = (void *)(uintptr_t)dz_over;
	run_pass(pass, &at, &k);
	at = operands_of(&a);
	run_pass(pass, &at, &k);
	assert_int_equal(element_first_diff(type, out_over, a.out, SIZE), SIZE);
	if (dz_over != out_over)
		assert_int_equal(element_first_diff(type, dz_over, a.dz, SIZE), SIZE);
}

static void
test_y_may_overwrite_x_or_z(void **state)
{
	const struct sbn_type_kernels *kernels;
	static struct arrays b;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		const struct pass passes[] = {
			{ .planes = kernels->planes_normalize },
			{ .planes = kernels->planes_normalize, .stream = true },
			{ .rows = kernels->rows_normalize },
			{ .rows = kernels->rows_normalize, .stream = true },
		};

		for (size_t i = 0; i < CASE_COUNT(passes); i++) {
			assert_same_in_place(&passes[i], type, b.x, b.dz, &b);
			assert_same_in_place(&passes[i], type, b.z, b.dz, &b);
		}
	}
}

static void
test_gradients_may_overwrite_any_input(void **state)
{
	const struct sbn_type_kernels *kernels;
	static struct arrays b;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		const struct pass passes[] = {
			{ .planes = kernels->planes_dx },
			{ .planes = kernels->planes_dx, .stream = true },
			{ .rows = kernels->rows_dx },
			{ .rows = kernels->rows_dx, .stream = true },
		};

		for (size_t i = 0; i < CASE_COUNT(passes); i++) {
			assert_same_in_place(&passes[i], type, b.dy, b.dz, &b);
			assert_same_in_place(&passes[i], type, b.out, b.dy, &b);
			assert_same_in_place(&passes[i], type, b.x, b.z, &b);
			assert_same_in_place(&passes[i], type, b.z, b.x, &b);
		}
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

/* p: n elements, k: n coefficients, with nothing before or behind them */
static void
run_all_over(const struct sbn_type_kernels *kernels, void *p, const void *k, size_t n)
{
	const struct sbn_operands at = {
		.x = { p, n },
		.z = { p, n },
		.dy = { p, n },
		.out = { p, n },
		.dz = { p, n },
		.ahead = SIZE_MAX / 2,
		.beyond = SIZE_MAX / 4,
		.stream = true,
	};
	const struct sbn_coefficients all = {
		k, k, k, k, k, k, k, k, SBN_ACT_RELU, 0, false, n % 2 == 1, n % 4 == 2
	};
	struct sbn_moments moments;
	double sums[2] = { 0, 0 }, wide[3][64];

	kernels->rows_moments(&at, 1, n, wide[0], wide[1], wide[2]);
	kernels->rows_sums(&at, 1, n, &all, 0, wide[0], wide[1]);
	kernels->rows_normalize(&at, 1, n, &all, 0);
	kernels->rows_dx(&at, 1, n, &all, 0);
	kernels->plane_moments(&at, 1, n, &moments);
	if (n == 0) /* a plane has a channel, with coefficients */
		return;
	kernels->plane_sums(&at, 1, n, &all, 0, sums);
	kernels->planes_normalize(&at, 1, n, &all, 0, 1);
	kernels->planes_dx(&at, 1, n, &all, 0, 1);
}

static void
test_nothing_outside_the_arrays_is_touched(void **state)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), next = 0;
	char *page = new_lone_page(page_bytes), *other = new_lone_page(page_bytes);
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		size_t bytes = sbn_type_bytes(type), real_bytes = type == SBN_F64 ? 8 : 4;

		for (size_t n = 0; n <= 50; n++) {
			char *last = page + page_bytes - n * bytes;

			run_all_over(kernels, page, other, n);
			run_all_over(kernels, last, other + page_bytes - n * real_bytes, n);
		}
	}
	munmap(page - page_bytes, 3 * page_bytes);
	munmap(other - page_bytes, 3 * page_bytes);
}

/* Two images of up to three planes, of x and of y, with nothing before or behind them. */
static void
run_images(const struct sbn_type_kernels *kernels, void *x, void *y, size_t spatial,
	   size_t n_planes)
{
	static const double zeros[3];
	const struct sbn_operands at = {
		.x = { x, n_planes * spatial },
		.out = { y, n_planes * spatial },
		.stream = true,
	};
	const struct sbn_coefficients k = {
		zeros, zeros, zeros, zeros, zeros, zeros,
		zeros, zeros, SBN_ACT_RELU, 0, false, false, false
	};
	struct sbn_pair sums[3];
	double low[3];
	const struct sbn_beside beside = { &at, n_planes, sums, low, 0 };

	kernels->planes_moments(&beside, 2, spatial);
	kernels->planes_normalize_beside(&beside, &at, 2, spatial, &k, 0, n_planes);
	sbn_stream_end();
}

static void
test_nothing_outside_images_is_touched(void **state)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), next = 0;
	char *x = new_lone_page(page_bytes), *y = new_lone_page(page_bytes);
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		for (size_t spatial = 1; spatial <= 80; spatial++)
			for (size_t n_planes = 1; n_planes <= 3; n_planes++) {
				size_t bytes = 2 * n_planes * spatial * sbn_type_bytes(type);

				run_images(kernels, x, y, spatial, n_planes);
				run_images(kernels, x + page_bytes - bytes,
					   y + page_bytes - bytes, spatial, n_planes);
			}
	}
	munmap(x - page_bytes, 3 * page_bytes);
	munmap(y - page_bytes, 3 * page_bytes);
}

static void
test_sums_stay_in_their_arrays(void **state)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), next = 0;
	char *page = new_lone_page(page_bytes);
	const struct sbn_kernels *set;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (size_t n = 0; n <= 40; n++) {
			double *first = (double *)(void *)page;
			double *last = (double *)(void *)(page + page_bytes) - n;
			float *begin = (float *)(void *)page;
			float *end = (float *)(void *)(page + page_bytes) - n;

			set->sum_f64(&first, 1, (const double *const *)&last, 1, n, 3);
			set->sum_f64(&last, 1, (const double *const *)&first, 1, n, 3);
			set->sum_f32(&begin, 1, (const float *const *)&end, 1, n, 3);
			set->sum_f32(&end, 1, (const float *const *)&begin, 1, n, 3);
		}
	}
	munmap(page - page_bytes, 3 * page_bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_y_may_overwrite_x_or_z),
		cmocka_unit_test(test_gradients_may_overwrite_any_input),
		cmocka_unit_test(test_a_sum_may_overwrite_its_terms),
		cmocka_unit_test(test_nothing_outside_the_arrays_is_touched),
		cmocka_unit_test(test_nothing_outside_images_is_touched),
		cmocka_unit_test(test_sums_stay_in_their_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
