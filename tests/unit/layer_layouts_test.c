/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every combination of layouts: the same bits of y whatever the layouts of z and y, gradients to
 * rounding, zeros in the padding, nothing read from padding (it is NaN) nor written around it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/layout_bench.h"

static void
check_forward(struct bench *b)
{
	for (size_t x = 0; x < N_LAYOUTS; x++) {
		b->p.in.x = sbn_all_layouts[x];
		b->p.in.z = b->p.in.y = SYNCBN_CHANNELS_FIRST;
		run(b, 0);
		keep(b);
		for (size_t i = 0; i < N_LAYOUTS * N_LAYOUTS; i++) {
			b->p.in.z = sbn_all_layouts[i % N_LAYOUTS];
			b->p.in.y = sbn_all_layouts[i / N_LAYOUTS];
			run(b, 0);
			assert_same_f64(b->p.y, b->first, b->elements);
		}
	}
}

/* Sums of other layouts round otherwise, so what is made of them is equal to rounding only. */
static void
check_gradients(const struct bench *b)
{
	static const double tolerance[] = { 0, 1e-6, 1e-13, 8e-3, 1e-3 };
	double e = tolerance[b->p.like.dtype];

	for (size_t i = 0; i < b->elements; i++) {
		const double *dx = b->first + b->elements, *dz = dx + b->elements;

		assert_near(b->p.dx[i], dx[i], e * (1 + fabs(dx[i])));
		assert_near(b->p.dz[i], dz[i], 0);
	}
}

static void
check_backward(struct bench *b)
{
	b->p.in.x = b->p.in.z = b->p.in.y = b->p.in.dy = SYNCBN_CHANNELS_FIRST;
	b->p.in.dx = b->p.in.dz = SYNCBN_CHANNELS_FIRST;
	run(b, SYNCBN_WANT_ALL);
	keep(b);
	for (size_t i = 0; i < N_LAYOUTS * N_LAYOUTS * N_LAYOUTS; i++) {
		b->p.in.dy = sbn_all_layouts[i % 4];
		b->p.in.dx = sbn_all_layouts[i / 4 % 4];
		b->p.in.dz = sbn_all_layouts[i / 16];
		/* all 16 pairs of these come by, too */
		b->p.in.x = sbn_all_layouts[(i + i / 4) % 4];
		b->p.in.z = sbn_all_layouts[(i + i / 16) % 4];
		run(b, SYNCBN_WANT_ALL);
		check_gradients(b);
	}
}

static syncbn_tensor_t
shape_of(syncbn_dtype_t dtype, int64_t n, int64_t c, int64_t spatial)
{
	syncbn_tensor_t t = syncbn_tensor_nc(NULL, n, c);

	if (spatial == 7)
		t = syncbn_tensor_ncl(NULL, n, c, 7);
	else if (spatial == 64)
		t = syncbn_tensor_nchw(NULL, n, c, 8, 8);
	else if (spatial == 65)
		t = syncbn_tensor_nchw(NULL, n, c, 5, 13);
	else if (spatial == 130)
		t = syncbn_tensor_ncdhw(NULL, n, c, 2, 5, 13);
	t.dtype = dtype;
	return t;
}

static const int64_t all_channels[] = { 1, 3, 8, 13, 16, 17, 40 };
static const int64_t all_spatial[] = { 1, 7, 64, 65, 130 };
static const int64_t all_n[] = { 0, 1, 3 };

/* A sanitizer sees in some of the shapes what it would see in all. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 8 };
#else
enum { STEP = 1 };
#endif

static void
check_shapes(syncbn_group_t *world, void (*check)(struct bench *))
{
	for (size_t i = 0; i < 7 * 5 * 3; i += STEP) {
		struct bench b;

		open_bench(&b, world,
			   shape_of(SYNCBN_FLOAT32, all_n[i % 3], all_channels[i / 15],
				    all_spatial[i / 3 % 5]));
		check(&b);
		close_bench(&b);
	}
}

static void
test_y_has_the_same_bits_in_all_layouts_of_z_and_y(void **state)
{
	check_shapes(*state, check_forward);
}

static void
test_gradients_agree_in_all_layouts(void **state)
{
	check_shapes(*state, check_backward);
}

static void
test_so_they_do_in_the_other_types(void **state)
{
	static const syncbn_dtype_t dtypes[] = { SYNCBN_FLOAT64, SYNCBN_BFLOAT16, SYNCBN_FLOAT16 };
	static const int64_t channels[] = { 13, 17 }, spatial[] = { 1, 7, 65 };

	for (size_t i = 0; i < 3 * 2 * 3; i++) {
		struct bench b;

		open_bench(&b, *state,
			   shape_of(dtypes[i % 3], 3, channels[i / 9], spatial[i / 3 % 3]));
		check_forward(&b);
		check_backward(&b);
		close_bench(&b);
	}
}

/* Blocks of rows are longer then. */
static void
test_so_they_do_of_many_positions(void **state)
{
	struct bench b;

	open_bench(&b, *state, syncbn_tensor_nchw(NULL, 2, 24, 91, 101));
	check_forward(&b);
	check_backward(&b);
	close_bench(&b);
}

/* (N, C, 1, 1) is (N, C), also where a position is a whole image's block. */
static void
test_one_position_is_like_no_position(void **state)
{
	struct bench flat, deep;

	open_bench(&flat, *state, syncbn_tensor_nc(NULL, 5, 17));
	open_bench(&deep, *state, syncbn_tensor_ncdhw(NULL, 5, 17, 1, 1, 1));
	for (size_t x = 0; x < N_LAYOUTS; x++) {
		flat.p.in.x = flat.p.in.z = flat.p.in.y = sbn_all_layouts[x];
		flat.p.in.dy = flat.p.in.dx = flat.p.in.dz = sbn_all_layouts[(x + 1) % 4];
		deep.p.in = flat.p.in;
		run(&flat, SYNCBN_WANT_ALL);
		run(&deep, SYNCBN_WANT_ALL);
		assert_same_f64(deep.p.y, flat.p.y, 3 * flat.elements);
	}
	close_bench(&flat);
	close_bench(&deep);
}

static void
test_one_channel_has_the_same_bits_in_either_order(void **state)
{
	const syncbn_tensor_t shapes[] = {
		syncbn_tensor_nc(NULL, 5, 1),
		syncbn_tensor_nchw(NULL, 3, 1, 5, 13),
		syncbn_tensor_nchw(NULL, 2, 1, 60, 70),
	};
	static const syncbn_dtype_t types[] = { SYNCBN_FLOAT32, SYNCBN_FLOAT64, SYNCBN_BFLOAT16,
						SYNCBN_FLOAT16 };

	for (size_t i = 0; i < 12; i++) {
		syncbn_tensor_t like = shapes[i % 3];
		struct bench b;

		like.dtype = types[i / 3];
		open_bench(&b, *state, like);
		set_layouts(&b, SYNCBN_CHANNELS_FIRST);
		run(&b, SYNCBN_WANT_ALL);
		keep(&b);
		set_layouts(&b, SYNCBN_CHANNELS_LAST);
		run(&b, SYNCBN_WANT_ALL);
		assert_same_f64(b.p.y, b.first, 3 * b.elements);
		close_bench(&b);
	}
}

#define in_a_world(test) cmocka_unit_test_setup_teardown(test, join_world, leave_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(test_y_has_the_same_bits_in_all_layouts_of_z_and_y),
		in_a_world(test_gradients_agree_in_all_layouts),
		in_a_world(test_so_they_do_in_the_other_types),
		in_a_world(test_so_they_do_of_many_positions),
		in_a_world(test_one_position_is_like_no_position),
		in_a_world(test_one_channel_has_the_same_bits_in_either_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
