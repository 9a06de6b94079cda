/* SPDX-License-Identifier: Apache-2.0 */
/* The fused activation and the residual z: values, masks, and gradients by finite differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/passes.h"
#include "unit/world_of_one.h"

static const struct activation {
	syncbn_activation_t kind;
	double slope;
} activations[] = {
	{ SYNCBN_ACTIVATION_NONE, 0.01 },       { SYNCBN_ACTIVATION_RELU, 0.01 },
	{ SYNCBN_ACTIVATION_LEAKY_RELU, 0.01 }, { SYNCBN_ACTIVATION_LEAKY_RELU, 0.2 },
	{ SYNCBN_ACTIVATION_LEAKY_RELU, -0.5 }, { SYNCBN_ACTIVATION_LEAKY_RELU, 0 },
};

enum { N_ACTIVATIONS = sizeof(activations) / sizeof(activations[0]) };

/* ---- against the layer by the book ---- */

static void
assert_all_near(const struct reference *r, const double *actual, const double *expected, double e)
{
	for (size_t i = 0; i < reference_elements(r); i++) {
		if (fabs(r->v[i]) < 10 * e && r->activation != SYNCBN_ACTIVATION_NONE)
			continue; /* either side of the kink will do */
		assert_near(actual[i], expected[i], e * (1 + fabs(expected[i])));
	}
}

static void
check(syncbn_group_t *world, const struct activation *activation, const struct draw *d,
      syncbn_layout_t layout)
{
	static const double tolerance[] = { 0, 3e-6, 1e-11, 4e-3, 5e-4 };
	struct reference r = draw_reference(d);
	size_t elements = reference_elements(&r);
	double *out = calloc(3 * elements, sizeof(double)), e = tolerance[d->like.dtype];
	struct passes p = { .like = d->like, .x = r.x, .z = r.z, .dy = r.dy };
	syncbn_batch_norm_config_t config;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	const char *error;

	r.activation = activation->kind;
	r.negative_slope = activation->slope;
	reference_run(&r);
	config = draw_config(&r, d->like.dtype);
	bn = new_layer(world, &config);
	saved = new_saved(bn);
	p.in.x = p.in.y = p.in.z = p.in.dy = p.in.dx = p.in.dz = layout;
	p.y = out, p.dx = out + elements, p.dz = out + 2 * elements;
	p.want = SYNCBN_WANT_ALL;
	error = passes_run(&p, bn, saved);
	if (error != NULL)
		fail_msg("%s", error);
	assert_all_near(&r, p.y, r.y, e);
	assert_all_near(&r, p.dx, r.dx, e);
	if (d->has_z)
		assert_all_near(&r, p.dz, r.g, e);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	free(out);
	draw_free(&r);
}

static void
test_every_activation_with_and_without_z_is_by_the_book(void **state)
{
	struct draw d = { syncbn_tensor_nchw(NULL, 3, 13, 5, 7), 0.5, 2, false, 31 };

	for (size_t a = 0; a < N_ACTIVATIONS; a++)
		for (size_t type = 0; type < 4; type++)
			for (size_t l = 0; l < N_LAYOUTS; l++) {
				d.like.dtype = sbn_all_dtypes[type];
				d.has_z = false;
				check(*state, &activations[a], &d, sbn_all_layouts[l]);
				d.has_z = true;
				check(*state, &activations[a], &d, sbn_all_layouts[l]);
			}
}

/* ---- finite differences in float64 ---- */

enum { N = 3, C = 2, SPATIAL = 4, TOTAL = N * C * SPATIAL };

struct function {
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_tensor_t tx, tz, ty, tdy, tdx, tdz;
	double x[TOTAL], z[TOTAL], y[TOTAL], dy[TOTAL], dx[TOTAL], dz[TOTAL];
};

static struct function f;

static syncbn_tensor_t
wide(double *data)
{
	syncbn_tensor_t t = syncbn_tensor_nchw(NULL, N, C, 1, SPATIAL);

	t.data = data;
	t.dtype = SYNCBN_FLOAT64;
	return t;
}

/* v well away from 0 everywhere, so that a step does not cross the kink. */
static void
open_function(syncbn_group_t *world, const struct activation *activation, int training)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	uint64_t seed = 17;

	config.dtype = SYNCBN_FLOAT64;
	config.activation = activation->kind;
	config.negative_slope = activation->slope;
	config.training = training;
	config.track_running_stats = !training || activation->slope > 0;
	f.bn = new_layer(world, &config);
	f.saved = new_saved(f.bn);
	f.tx = wide(f.x), f.tz = wide(f.z), f.ty = wide(f.y);
	f.tdy = wide(f.dy), f.tdx = wide(f.dx), f.tdz = wide(f.dz);
	for (size_t i = 0; i < TOTAL; i++) {
		f.x[i] = 0.5 + sbn_random_normal(&seed);
		f.z[i] = (i % 3 == 0 ? -8 : 8) + sbn_random_normal(&seed);
		f.dy[i] = sbn_random_normal(&seed);
	}
	for (size_t c = 0; c < C; c++) {
		param_f64(f.bn, SYNCBN_GAMMA)[c] = c == 0 ? -1.5 : 0.75;
		param_f64(f.bn, SYNCBN_BETA)[c] = 0.25;
	}
}

static void
close_function(void)
{
	syncbn_saved_free(f.saved);
	syncbn_batch_norm_free(f.bn);
}

static double
loss(void)
{
	double sum = 0;

	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, &f.tz, &f.ty, NULL));
	for (size_t i = 0; i < TOTAL; i++)
		sum += f.y[i] * f.dy[i];
	return sum;
}

static double
slope_at(double *at)
{
	double was = *at, step = 1e-5, above, below;

	*at = was + step;
	above = loss();
	*at = was - step;
	below = loss();
	*at = was;
	return (above - below) / (2 * step);
}

static void
check_slopes(syncbn_group_t *world, const struct activation *activation, int training)
{
	open_function(world, activation, training);
	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, &f.tz, &f.ty, f.saved));
	assert_ok(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdz, 7));
	for (size_t i = 0; i < TOTAL; i++) {
		assert_near(f.dx[i], slope_at(&f.x[i]), 1e-8);
		assert_near(f.dz[i], slope_at(&f.z[i]), 1e-8);
	}
	for (size_t c = 0; c < C; c++) {
		double dgamma = param_f64(f.bn, SYNCBN_DGAMMA)[c];
		double dbeta = param_f64(f.bn, SYNCBN_DBETA)[c];

		assert_near(dgamma, slope_at(&param_f64(f.bn, SYNCBN_GAMMA)[c]), 1e-8);
		assert_near(dbeta, slope_at(&param_f64(f.bn, SYNCBN_BETA)[c]), 1e-8);
	}
	close_function();
}

static void
test_gradients_are_the_slopes_of_the_forward_pass(void **state)
{
	for (size_t a = 0; a < N_ACTIVATIONS; a++) {
		check_slopes(*state, &activations[a], 1);
		if (activations[a].kind != SYNCBN_ACTIVATION_NONE)
			check_slopes(*state, &activations[a], 0);
	}
}

/* ---- exact zeros, NaN, and what lies in place of what ---- */

/* In eval with mean 0, var 1, eps 0, gamma 1, beta 0: v is x + z. */
static void
check_masks(syncbn_group_t *world, syncbn_activation_t kind, syncbn_layout_t layout)
{
	static const float x[6] = { 0, -0.0f, 1, -1, 2, NAN }, z[6] = { 0, 0, -1, 1, -3, 1 };
	static const float is_let[6] = { 0, 0, 0, 0, 0, 1 };
	float y[6], dx[6], dz[6], dy[6] = { 10, 10, 10, 10, 10, 10 };
	float below = kind == SYNCBN_ACTIVATION_RELU ? 0 : 0.5f;
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_tensor_t t = syncbn_tensor_ncl((float *)x, 2, 1, 3), tz = t, ty = t, tdy = t;
	syncbn_tensor_t tdx = t, tdz = t;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	tz.data = (float *)z, ty.data = y, tdy.data = dy, tdx.data = dx, tdz.data = dz;
	t.layout = tz.layout = ty.layout = tdy.layout = tdx.layout = tdz.layout = layout;
	config.training = 0;
	config.eps = 0;
	config.activation = kind;
	config.negative_slope = 0.5;
	bn = new_layer(world, &config);
	saved = new_saved(bn);
	assert_ok(syncbn_batch_norm_forward(bn, &t, &tz, &ty, saved));
	assert_ok(syncbn_batch_norm_backward(bn, saved, &tdy, &tdx, &tdz,
					     SYNCBN_WANT_DX | SYNCBN_WANT_DBETA));
	for (size_t i = 0; i < 5; i++) {
		float v = x[i] + z[i];

		assert_true(y[i] == v * below);
		assert_true(dz[i] == (is_let[i] != 0 ? 10 : 10 * below) && dx[i] == dz[i]);
	}
	assert_true(isnan(y[5]) && dz[5] == 10);
	assert_true(*param_f32(bn, SYNCBN_DBETA) == 50 * below + 10);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

static void
test_zero_does_not_get_through_and_nan_does(void **state)
{
	check_masks(*state, SYNCBN_ACTIVATION_RELU, SYNCBN_CHANNELS_FIRST);
	check_masks(*state, SYNCBN_ACTIVATION_RELU, SYNCBN_CHANNELS_LAST);
	check_masks(*state, SYNCBN_ACTIVATION_LEAKY_RELU, SYNCBN_CHANNELS_FIRST);
	check_masks(*state, SYNCBN_ACTIVATION_LEAKY_RELU, SYNCBN_CHANNELS_LAST);
}

/* Without an activation z plays no part in the backward pass: it may be gone. */
static void
test_without_an_activation_z_may_change_after_the_forward(void **state)
{
	double expected[TOTAL];

	open_function(*state, &activations[0], 1);
	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, &f.tz, &f.ty, f.saved));
	assert_ok(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdz, 7));
	memcpy(expected, f.dx, sizeof(expected));
	memset(f.z, 0xff, sizeof(f.z));
	assert_ok(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdz, 7));
	assert_same_f64(f.dx, expected, TOTAL);
	assert_same_f64(f.dz, f.dy, TOTAL);
	close_function();
}

static void
check_in_place(syncbn_group_t *world, const struct activation *activation)
{
	double y[TOTAL], dx[TOTAL], dz[TOTAL];

	open_function(world, activation, 1);
	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, &f.tz, &f.ty, f.saved));
	assert_ok(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdz, 7));
	memcpy(y, f.y, sizeof(y)), memcpy(dx, f.dx, sizeof(dx)), memcpy(dz, f.dz, sizeof(dz));
	assert_ok(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdy, 7));
	assert_same_f64(f.dy, dz, TOTAL); /* dz in place of dy, */
	assert_same_f64(f.dx, dx, TOTAL);
	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, &f.tz, &f.tz, NULL));
	assert_same_f64(f.z, y, TOTAL); /* and y of z */
	close_function();
}

static void
test_dz_may_be_dy_and_y_may_be_z(void **state)
{
	for (size_t a = 0; a < N_ACTIVATIONS; a++)
		check_in_place(*state, &activations[a]);
}

static void
test_dz_is_given_also_when_only_parameters_gradients_are_wanted(void **state)
{
	double dz[TOTAL];

	open_function(*state, &activations[1], 1);
	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, &f.tz, &f.ty, f.saved));
	assert_ok(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdz, 7));
	memcpy(dz, f.dz, sizeof(dz));
	f.dx[0] = f.dz[0] = 77;
	assert_ok(
		syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, NULL, &f.tdz, SYNCBN_WANT_DBETA));
	assert_same_f64(f.dz, dz, TOTAL);
	assert_true(f.dx[0] == 77);
	assert_ok(syncbn_batch_norm_forward(f.bn, &f.tx, NULL, &f.ty, f.saved));
	assert_invalid(syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, &f.tdz, 7),
		       "dz must be NULL");
	close_function();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_activation_with_and_without_z_is_by_the_book),
		cmocka_unit_test(test_gradients_are_the_slopes_of_the_forward_pass),
		cmocka_unit_test(test_zero_does_not_get_through_and_nan_does),
		cmocka_unit_test(test_without_an_activation_z_may_change_after_the_forward),
		cmocka_unit_test(test_dz_may_be_dy_and_y_may_be_z),
		cmocka_unit_test(test_dz_is_given_also_when_only_parameters_gradients_are_wanted),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
