/* SPDX-License-Identifier: Apache-2.0 */
/* What the passes mean: values near those of plain double arithmetic, and the edges of act(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels_elements.h"
#include "kernels_sets.h"
#include "near.h"
#include "random.h"

enum { ROWS = 9, CHANNELS = 21, SIZE = ROWS * CHANNELS };

/* Relative to the largest number that enters. */
static const double tolerance[SBN_TYPES] = { 1e-6, 1e-14, 0x1p-7, 0x1p-10 };

/* Operands as doubles that elements of the type hold exactly, and the elements. */
static double x[SIZE], z[SIZE], dy[SIZE];
static double typed_x[SIZE], typed_z[SIZE], typed_dy[SIZE], typed_out[SIZE], typed_dz[SIZE];

static const struct sbn_operands operands = {
	.x = { typed_x, CHANNELS },
	.z = { typed_z, CHANNELS },
	.dy = { typed_dy, CHANNELS },
	.out = { typed_out, CHANNELS },
	.dz = { typed_dz, CHANNELS },
};

/* mean 0.5, scale 1.25, shift -0.25, mean of g 0.125, slope 0.75: exact in all types */
static const double wide[5] = { 0.5, 1.25, -0.25, 0.125, 0.75 };
static double wide_arrays[6][CHANNELS];
static float arrays[6][CHANNELS];

static struct sbn_coefficients
coefficients(enum sbn_type type, enum sbn_activation activation, double negative_slope)
{
	const void *k[6];

	for (size_t i = 0; i < 6; i++) {
		for (size_t c = 0; c < CHANNELS; c++) {
			wide_arrays[i][c] = i < 5 ? wide[i] : 0;
			arrays[i][c] = (float)wide_arrays[i][c];
		}
		k[i] = type == SBN_F64 ? (const void *)wide_arrays[i] : (const void *)arrays[i];
	}
	return (struct sbn_coefficients){
		.mean_hi = k[0],
		.mean_lo = k[5],
		.scale = k[1],
		.shift = k[2],
		.dy_hi = k[3],
		.dy_lo = k[5],
		.slope = k[4],
		.activation = activation,
		.negative_slope = negative_slope,
	};
}

static void
fill(enum sbn_type type)
{
	uint64_t seed = 4;

	for (size_t i = 0; i < SIZE; i++) {
		element_set(type, typed_x, i, sbn_random_normal(&seed));
		element_set(type, typed_z, i, sbn_random_normal(&seed));
		element_set(type, typed_dy, i, sbn_random_normal(&seed));
		x[i] = element_get(type, typed_x, i);
		z[i] = element_get(type, typed_z, i);
		dy[i] = element_get(type, typed_dy, i);
	}
}

static double
act(double v, double a, const struct sbn_coefficients *k)
{
	if (k->activation == SBN_ACT_NONE || v > 0)
		return a;
	return k->activation == SBN_ACT_RELU ? 0 : a * k->negative_slope;
}

/* sums: of the whole, all channels together */
static void
assert_pass(enum sbn_type type, const struct sbn_coefficients *k, const double sums[2])
{
	double wanted[2] = { 0, 0 };

	for (size_t i = 0; i < SIZE; i++) {
		double d = x[i] - wide[0], v = d * wide[1] + wide[2] + z[i], g = act(v, dy[i], k);
		double dx = (g - wide[3] - d * wide[4]) * wide[1];

		wanted[0] += g;
		wanted[1] += g * d;
		assert_near(element_get(type, typed_dz, i), g, 4 * tolerance[type]);
		assert_near(element_get(type, typed_out, i), dx, 10 * tolerance[type]);
	}
	assert_near(sums[0], wanted[0], 1e-5);
	assert_near(sums[1], wanted[1], 1e-5);
}

static void
test_backward_passes_are_near_plain_arithmetic(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		for (int act = SBN_ACT_NONE; act <= SBN_ACT_LEAKY_RELU; act++) {
			struct sbn_coefficients k =
				coefficients(type, (enum sbn_activation)act, 0.125);
			double sums[2] = { 0, 0 }, g[CHANNELS], g_xmu[CHANNELS];

			fill(type);
			kernels->plane_sums(&operands, ROWS, CHANNELS, &k, 0, sums);
			kernels->planes_dx(&operands, ROWS, CHANNELS, &k, 0, 1);
			assert_pass(type, &k, sums);
			kernels->rows_sums(&operands, ROWS, CHANNELS, &k, 0, g, g_xmu);
			kernels->rows_dx(&operands, ROWS, CHANNELS, &k, 0);
			sums[0] = sums[1] = 0;
			for (size_t c = 0; c < CHANNELS; c++) {
				sums[0] += g[c];
				sums[1] += g_xmu[c];
			}
			assert_pass(type, &k, sums);
		}
	}
}

static void
test_y_is_near_plain_arithmetic(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		for (int form = SBN_ACT_NONE; form <= SBN_ACT_LEAKY_RELU; form++) {
			struct sbn_coefficients k =
				coefficients(type, (enum sbn_activation)form, 0.125);

			fill(type);
			kernels->rows_normalize(&operands, ROWS, CHANNELS, &k, 0);
			for (size_t i = 0; i < SIZE; i++) {
				double v = (x[i] - wide[0]) * wide[1] + wide[2] + z[i];

				assert_near(element_get(type, typed_out, i), act(v, v, &k),
					    8 * tolerance[type]);
			}
		}
	}
}

/* Writes v = value to every element, by x = value, mean 0, scale 1, shift -0; gives y and g. */
static void
pass_value(const struct sbn_type_kernels *kernels, enum sbn_type type, double value,
	   enum sbn_activation activation, double out[2])
{
	struct sbn_coefficients k = coefficients(type, activation, 0.5);
	struct sbn_operands at = operands;

	at.z.data = NULL;
	for (size_t c = 0; c < CHANNELS; c++) {
		wide_arrays[0][c] = arrays[0][c] = 0;
		wide_arrays[1][c] = arrays[1][c] = 1;
		wide_arrays[2][c] = arrays[2][c] = -0.0f;
	}
	for (size_t i = 0; i < SIZE; i++) {
		element_set(type, typed_x, i, value);
		element_set(type, typed_dy, i, INFINITY);
	}
	kernels->planes_normalize(&at, ROWS, CHANNELS, &k, 0, 1);
	out[0] = element_get(type, typed_out, SIZE - 1);
	assert_int_equal(element_first_diff(type, typed_out, element_at(type, typed_out, 1),
					    SIZE - 1),
			 SIZE - 1);
	at.out.data = NULL;
	kernels->rows_dx(&at, ROWS, CHANNELS, &k, 0);
	out[1] = element_get(type, typed_dz, SIZE - 1);
	assert_int_equal(element_first_diff(type, typed_dz, element_at(type, typed_dz, 1),
					    SIZE - 1),
			 SIZE - 1);
}

static void
test_special_values_go_through_an_activation(void **state)
{
	/* v, then y and g (of an infinite dy) of relu, and of a leaky relu */
	static const double cases[][5] = {
		{ NAN, NAN, INFINITY, NAN, INFINITY },
		{ INFINITY, INFINITY, INFINITY, INFINITY, INFINITY },
		{ -INFINITY, 0, 0, -INFINITY, INFINITY },
		{ -0.0, 0, 0, -0.0, INFINITY },
		{ 0, 0, 0, 0, INFINITY },
		{ -2, 0, 0, -1, INFINITY },
		{ 2, 2, INFINITY, 2, INFINITY },
	};
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			double out[4];

			pass_value(kernels, type, cases[i][0], SBN_ACT_RELU, out);
			pass_value(kernels, type, cases[i][0], SBN_ACT_LEAKY_RELU, out + 2);
			assert_same_f64(out, cases[i] + 1, 4);
		}
	}
}

/* Without an activation z changes no gradient: a residual's NaN is not seen. */
static void
test_z_matters_backward_only_under_an_activation(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		struct sbn_coefficients k = coefficients(type, SBN_ACT_NONE, 0);
		double sums[2] = { 0, 0 };

		fill(type);
		for (size_t i = 0; i < SIZE; i++)
			element_set(type, typed_z, i, NAN);
		kernels->plane_sums(&operands, ROWS, CHANNELS, &k, 0, sums);
		kernels->planes_dx(&operands, ROWS, CHANNELS, &k, 0, 1);
		assert_true(isfinite(sums[0]) && isfinite(sums[1]));
		assert_int_equal(element_first_diff(type, typed_dz, typed_dy, SIZE), SIZE);
		assert_true(isfinite(element_get(type, typed_out, SIZE - 1)));
	}
}

/* Rows in turns of one sign and the other: g cancels, and no float holds g * x. */
static void
test_gradients_that_cancel_keep_their_products(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		struct sbn_coefficients k = coefficients(type, SBN_ACT_NONE, 0);
		double sums[2] = { 0, 0 };

		if (type == SBN_F16)
			continue; /* nor does it hold x */
		k.mean_hi = k.mean_lo; /* 0 */
		for (size_t i = 0; i < SIZE; i++) {
			const double sign = i / CHANNELS % 2 == 0 ? 1 : -1;

			element_set(type, typed_x, i, sign * 0x1p-60);
			element_set(type, typed_dy, i, sign * 0x1p-95);
		}
		kernels->plane_sums(&operands, ROWS - 1, CHANNELS, &k, 0, sums);
		assert_true(sums[0] == 0);
		assert_true(sums[1] == (ROWS - 1) * CHANNELS * 0x1p-155);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backward_passes_are_near_plain_arithmetic),
		cmocka_unit_test(test_y_is_near_plain_arithmetic),
		cmocka_unit_test(test_special_values_go_through_an_activation),
		cmocka_unit_test(test_z_matters_backward_only_under_an_activation),
		cmocka_unit_test(test_gradients_that_cancel_keep_their_products),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
