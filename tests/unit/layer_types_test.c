/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float32, float64, bfloat16 and float16 against the layer by the book, on easy and on hard data:
 * what is left of the error is about the rounding of the output.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/passes.h"
#include "unit/world_of_one.h"

enum kind { EASY, OFFSET, CONSTANT, TINY, HUGE_VALUES, KINDS };

struct tolerances {
	double y, dx, params; /* of |e| / (1 + |ref|) */
	double mean, var;     /* var: relative */
};

static const struct tolerances tolerances[] = {
	[SYNCBN_FLOAT32] = { 1e-6, 3e-6, 1e-5, 1e-6, 1e-6 },
	[SYNCBN_FLOAT64] = { 1e-11, 1e-11, 1e-11, 1e-11, 1e-11 },
	[SYNCBN_BFLOAT16] = { 4e-3, 4e-3, 1e-5, 1e-6, 1e-6 },
	[SYNCBN_FLOAT16] = { 5e-4, 5e-4, 1e-5, 1e-6, 1e-6 },
};

static struct tolerances
tolerances_of(syncbn_dtype_t dtype, enum kind kind)
{
	struct tolerances t = tolerances[dtype];

	if (dtype == SYNCBN_FLOAT64 && kind != EASY && kind != TINY)
		t.y = t.dx = t.params = t.var = 1e-9;
	return t;
}

/* Mean and spread; float16 reaches from 6e-8 to 65504. */
static struct draw
draw_of(syncbn_dtype_t dtype, enum kind kind, syncbn_tensor_t like)
{
	bool half = dtype == SYNCBN_FLOAT16;
	const double mean[KINDS] = { 0.5, half ? 2e3 : 1e5, half ? 1234 : 1234.567, 0, 0 };
	const double sd[KINDS] = { 2, 1, 0, half ? 1e-6 : 1e-25, half ? 1e4 : 1e19 };

	like.dtype = dtype;
	return (struct draw){ like, mean[kind], sd[kind], false, 100 + kind };
}

/* |e| / (unit + |ref|); the unit is 1, or the size of the terms of the channel's dx. */
static void
assert_values(const struct reference *r, syncbn_dtype_t dtype, const double *actual,
	      const double *expected, double tolerance)
{
	const char *what = expected == r->dx ? "dx" : "y";
	double floor = dtype == SYNCBN_FLOAT16 ? 0x1p-24 : 0; /* its smallest step */

	for (size_t i = 0; i < reference_elements(r); i++) {
		size_t c = i / r->spatial % r->channels;
		double unit = expected == r->dx ? reference_invstd(r, c) * fabs(r->gamma[c]) : 1;
		double most = tolerance * (unit + fabs(expected[i])) + floor;

		if (actual[i] != sbn_rounded(dtype, expected[i]) &&
		    !(fabs(actual[i] - expected[i]) <= most))
			fail_msg("%s[%zu] = %.17g, expected %.17g within %g", what, i, actual[i],
				 expected[i], most);
	}
}

static void
assert_parameters(const struct reference *r, syncbn_batch_norm_t *bn, syncbn_dtype_t dtype,
		  const struct tolerances *t)
{
	syncbn_dtype_t real = sbn_param_dtype(dtype);
	const void *dgamma = syncbn_batch_norm_param(bn, SYNCBN_DGAMMA);
	const void *dbeta = syncbn_batch_norm_param(bn, SYNCBN_DBETA);

	for (size_t c = 0; c < r->channels; c++) {
		assert_near(sbn_element_get(real, dgamma, c), r->dgamma[c],
			    t->params * (1 + 0.1 * r->terms[c]));
		assert_near(sbn_element_get(real, dbeta, c), r->dbeta[c],
			    t->params * (1 + 0.1 * r->terms[c]));
	}
}

static void
assert_statistics(const struct reference *r, const syncbn_saved_t *saved,
		  const struct tolerances *t)
{
	syncbn_statistics_t s;

	assert_ok(syncbn_saved_statistics(saved, &s));
	assert_near(s.count, (double)(r->n * r->spatial), 0);
	for (size_t c = 0; c < r->channels; c++) {
		double spread = sqrt(r->var[c]);

		assert_near(s.mean[c], r->mean[c],
			    t->mean * spread + 4 * DBL_EPSILON * fabs(r->mean[c]));
		assert_near_relative(1 / (s.invstd[c] * s.invstd[c]), r->var[c] + r->eps, t->var);
	}
}

static void
assert_running(const struct reference *r, syncbn_batch_norm_t *bn, syncbn_dtype_t dtype,
	       const struct tolerances *t)
{
	syncbn_dtype_t real = sbn_param_dtype(dtype);
	const void *mean = syncbn_batch_norm_param(bn, SYNCBN_RUNNING_MEAN);
	const void *var = syncbn_batch_norm_param(bn, SYNCBN_RUNNING_VAR);
	double count = (double)(r->n * r->spatial);

	for (size_t c = 0; c < r->channels; c++) {
		double of_batch = 0.1 * r->var[c] * count / (count - 1);
		double size = 1e-6 + sqrt(r->var[c]) + fabs(r->mean[c]);

		assert_near(sbn_element_get(real, mean, c), 0.1 * r->mean[c], t->mean * size);
		/* what a float cannot hold is infinite */
		if (0.9 + of_batch <= (double)FLT_MAX || real == SYNCBN_FLOAT64)
			assert_near_relative(sbn_element_get(real, var, c), 0.9 + of_batch, t->var);
		else
			assert_true(isinf(sbn_element_get(real, var, c)));
	}
}

static void
check(syncbn_group_t *world, const struct draw *d, enum kind kind, syncbn_layout_t layout,
      double eps)
{
	struct reference r = draw_reference(d);
	size_t elements = reference_elements(&r);
	double *out = calloc(2 * elements, sizeof(double));
	struct tolerances t = tolerances_of(d->like.dtype, kind);
	struct passes p = { .like = d->like, .x = r.x, .dy = r.dy, .want = SYNCBN_WANT_ALL };
	syncbn_batch_norm_config_t config;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	const char *error;

	r.eps = eps;
	reference_run(&r);
	config = draw_config(&r, d->like.dtype);
	bn = new_layer(world, &config);
	saved = new_saved(bn);
	p.in.x = p.in.y = p.in.z = p.in.dy = p.in.dx = p.in.dz = layout;
	p.y = out, p.dx = out + elements;
	error = passes_run(&p, bn, saved);
	if (error != NULL)
		fail_msg("%s", error);
	assert_values(&r, d->like.dtype, p.y, r.y, t.y);
	assert_values(&r, d->like.dtype, p.dx, r.dx, t.dx);
	assert_parameters(&r, bn, d->like.dtype, &t);
	assert_statistics(&r, saved, &t);
	assert_running(&r, bn, d->like.dtype, &t);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	free(out);
	draw_free(&r);
}

static void
check_kind(syncbn_group_t *world, enum kind kind, double eps)
{
	const syncbn_tensor_t shapes[] = {
		syncbn_tensor_nchw(NULL, 6, 5, 9, 11),
		syncbn_tensor_nc(NULL, 300, 19),
		syncbn_tensor_ncdhw(NULL, 2, 3, 3, 30, 30),
	};

	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
		for (size_t d = 0; d < 4; d++)
			for (size_t l = 0; l < N_LAYOUTS; l++) {
				struct draw draw = draw_of(sbn_all_dtypes[d], kind, shapes[s]);

				check(world, &draw, kind, sbn_all_layouts[l], eps);
			}
}

static void
test_easy_data_is_exact_to_the_types_rounding(void **state)
{
	check_kind(*state, EASY, 1e-5);
	check_kind(*state, EASY, 0);
}

static void
test_a_mean_of_1e5_costs_no_digits(void **state)
{
	check_kind(*state, OFFSET, 1e-5);
}

static void
test_constant_channels_become_beta(void **state)
{
	check_kind(*state, CONSTANT, 1e-5);
	check_kind(*state, CONSTANT, 1e-12);
}

static void
test_tiny_values_are_normalized(void **state)
{
	check_kind(*state, TINY, 1e-5);
}

static void
test_huge_values_are_normalized(void **state)
{
	check_kind(*state, HUGE_VALUES, 1e-5);
}

/* Only the dtype of x decides about rounding; the running statistics stay float32. */
static void
test_a_types_extremes_round_as_the_type_does(void **state)
{
	static uint16_t x[4] = { 0x0001, 0x8001, 0x03ff, 0x83ff }, y[4]; /* subnormal float16 */
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_tensor_t tx = syncbn_tensor_nc(NULL, 4, 1), ty;
	syncbn_batch_norm_t *bn;

	config.training = 0;
	config.eps = 0;
	bn = new_layer(*state, &config);
	tx.dtype = SYNCBN_FLOAT16, tx.data = x;
	ty = tx, ty.data = y;
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL));
	assert_memory_equal(y, x, sizeof(x)); /* the identity, denormals kept */
	tx.dtype = ty.dtype = SYNCBN_BFLOAT16;
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL));
	assert_memory_equal(y, x, sizeof(x));
	*param_f32(bn, SYNCBN_GAMMA) = 1e6f; /* 0x1p-24 * 1e6; beyond 65504 it is infinite */
	tx.dtype = ty.dtype = SYNCBN_FLOAT16;
	x[0] = 0x7bff;
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL));
	assert_int_equal(y[0], 0x7c00);
	assert_int_equal(y[1], sbn_float16_bits(-1e6 * 0x1p-24));
	syncbn_batch_norm_free(bn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_easy_data_is_exact_to_the_types_rounding),
		cmocka_unit_test(test_a_mean_of_1e5_costs_no_digits),
		cmocka_unit_test(test_constant_channels_become_beta),
		cmocka_unit_test(test_tiny_values_are_normalized),
		cmocka_unit_test(test_huge_values_are_normalized),
		cmocka_unit_test(test_a_types_extremes_round_as_the_type_does),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
