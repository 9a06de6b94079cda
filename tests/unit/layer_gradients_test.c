/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a layer in a world of one, and the objects that carry them there. */
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/random.h"
#include "unit/world_of_one.h"

enum { N = 5, SPATIAL = 7, TOTAL = N * 2 * SPATIAL };

struct example {
	float x[TOTAL], dy[TOTAL], y[TOTAL], dx[TOTAL];
	syncbn_tensor_t tx, tdy, ty, tdx;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
};

static struct example *
new_example(syncbn_group_t *world, const syncbn_batch_norm_config_t *config)
{
	struct example *e = calloc(1, sizeof(*e));
	uint64_t seed = 3;

	assert_non_null(e);
	sbn_random_fill(&seed, e->x, TOTAL, 1, 2);
	sbn_random_fill(&seed, e->dy, TOTAL, 0, 1);
	e->tx = syncbn_tensor_nchw(e->x, N, 2, 1, SPATIAL);
	e->tdy = syncbn_tensor_nchw(e->dy, N, 2, 1, SPATIAL);
	e->ty = syncbn_tensor_nchw(e->y, N, 2, 1, SPATIAL);
	e->tdx = syncbn_tensor_nchw(e->dx, N, 2, 1, SPATIAL);
	e->bn = new_layer(world, config);
	e->saved = new_saved(e->bn);
	return e;
}

static void
free_example(struct example *e)
{
	syncbn_saved_free(e->saved);
	syncbn_batch_norm_free(e->bn);
	free(e);
}

static syncbn_status_t
backward(struct example *e, const syncbn_tensor_t *dx, unsigned want)
{
	return syncbn_batch_norm_backward(e->bn, e->saved, &e->tdy, dx, NULL, want);
}

/* sum over y * dy, by a fresh forward: the function whose derivative backward gives. */
static double
loss(struct example *e)
{
	double sum = 0;

	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, NULL));
	for (int i = 0; i < TOTAL; i++)
		sum += (double)e->y[i] * (double)e->dy[i];
	return sum;
}

static double
slope(struct example *e, float *at)
{
	float was = *at, step = 1.0f / 64;
	double above, below;

	*at = was + step;
	above = loss(e);
	*at = was - step;
	below = loss(e);
	*at = was;
	return (above - below) / (2 * (double)step);
}

static void
check_derivatives(syncbn_group_t *world, const syncbn_batch_norm_config_t *config)
{
	struct example *e = new_example(world, config);
	float *gamma = param_f32(e->bn, SYNCBN_GAMMA);
	float *beta = param_f32(e->bn, SYNCBN_BETA);

	gamma[1] = -1.5f;
	beta[1] = 0.25f;
	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, e->saved));
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL));
	for (int i = 0; i < TOTAL; i++)
		assert_near((double)e->dx[i], slope(e, &e->x[i]), 2e-3);
	for (int c = 0; c < 2; c++) {
		assert_near((double)param_f32(e->bn, SYNCBN_DGAMMA)[c], slope(e, &gamma[c]), 1e-3);
		assert_near((double)param_f32(e->bn, SYNCBN_DBETA)[c], slope(e, &beta[c]), 1e-3);
	}
	free_example(e);
}

static void
test_gradients_are_the_slopes_of_the_forward_pass(void **state)
{
	syncbn_batch_norm_config_t training = SYNCBN_BATCH_NORM_TORCH(2), eval = training;
	syncbn_batch_norm_config_t local = training, mean = training;

	eval.training = 0;
	local.training = local.track_running_stats = 0;
	mean.param_grad_mode = SYNCBN_PARAM_GRAD_MEAN;
	check_derivatives(*state, &training);
	check_derivatives(*state, &eval);
	check_derivatives(*state, &local);
	check_derivatives(*state, &mean);
	local.param_grad_mode = SYNCBN_PARAM_GRAD_SUM;
	check_derivatives(*state, &local);
}

static void
test_only_what_is_wanted_is_written(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e = new_example(*state, &config);
	float *dgamma = param_f32(e->bn, SYNCBN_DGAMMA);
	float *dbeta = param_f32(e->bn, SYNCBN_DBETA);

	dgamma[0] = dbeta[0] = e->dx[0] = 77;
	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, e->saved));
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_DX));
	assert_true(dgamma[0] == 77 && dbeta[0] == 77 && e->dx[0] != 77);
	e->dx[0] = 77;
	assert_ok(backward(e, NULL, SYNCBN_WANT_DGAMMA));
	assert_true(dgamma[0] != 77 && dbeta[0] == 77 && e->dx[0] == 77);
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_DBETA));
	assert_true(dbeta[0] != 77 && e->dx[0] == 77);
	free_example(e);
}

static void
test_accumulate_adds_to_the_parameters_gradients_only(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e = new_example(*state, &config);
	float *dgamma = param_f32(e->bn, SYNCBN_DGAMMA);
	float *dbeta = param_f32(e->bn, SYNCBN_DBETA), once[2], dx = 0;

	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, e->saved));
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL));
	once[0] = dgamma[0], once[1] = dbeta[1], dx = e->dx[0];
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL | SYNCBN_ACCUMULATE));
	assert_ulps_f32(dgamma[0], 2 * once[0], 1);
	assert_ulps_f32(dbeta[1], 2 * once[1], 1);
	assert_true(e->dx[0] == dx);
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL));
	assert_true(dgamma[0] == once[0] && dbeta[1] == once[1]);
	free_example(e);
}

static void
test_running_statistics_pass_gradients_straight_through(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e;

	config.training = 0;
	e = new_example(*state, &config);
	param_f32(e->bn, SYNCBN_RUNNING_VAR)[1] = 4;
	param_f32(e->bn, SYNCBN_GAMMA)[1] = 3;
	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, e->saved));
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_DX));
	for (int i = 0; i < TOTAL; i++)
		assert_near((double)e->dx[i], (double)e->dy[i] * (i / SPATIAL % 2 == 1 ? 1.5 : 1),
			    1e-4);
	free_example(e);
}

static void
test_without_affine_dgamma_and_dbeta_are_left_out(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *with = new_example(*state, &config), *without;

	config.affine = 0;
	config.param_grad_mode = SYNCBN_PARAM_GRAD_SUM;
	without = new_example(*state, &config);
	assert_ok(syncbn_batch_norm_forward(with->bn, &with->tx, NULL, &with->ty, with->saved));
	assert_ok(backward(with, &with->tdx, SYNCBN_WANT_ALL));
	assert_ok(syncbn_batch_norm_forward(without->bn, &without->tx, NULL, &without->ty,
					    without->saved));
	assert_ok(backward(without, NULL, SYNCBN_WANT_DGAMMA | SYNCBN_WANT_DBETA));
	assert_ok(backward(without, &without->tdx, SYNCBN_WANT_ALL));
	assert_same_f32(without->dx, with->dx, TOTAL);
	free_example(with);
	free_example(without);
}

static void
test_dx_may_be_dy(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e = new_example(*state, &config);

	for (int last = 0; last < 2; last++) {
		e->tx.layout = e->ty.layout = e->tdx.layout = e->tdy.layout =
			last ? SYNCBN_CHANNELS_LAST : SYNCBN_CHANNELS_FIRST;
		assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, e->saved));
		assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL));
		assert_ok(backward(e, &e->tdy, SYNCBN_WANT_ALL));
		assert_same_f32(e->dy, e->dx, TOTAL);
	}
	free_example(e);
}

static void
test_y_may_be_x_when_nothing_is_saved(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e = new_example(*state, &config);

	for (int last = 0; last < 2; last++) {
		e->tx.layout = e->ty.layout = last ? SYNCBN_CHANNELS_LAST : SYNCBN_CHANNELS_FIRST;
		assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, NULL));
		assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->tx, NULL));
		assert_same_f32(e->x, e->y, TOTAL);
	}
	free_example(e);
}

/* Forward a, forward b, backward a, backward b: each as if alone. */
static void
test_two_forwards_may_come_before_their_backwards(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e = new_example(*state, &config);
	syncbn_saved_t *a = e->saved, *b = new_saved(e->bn);
	float other[TOTAL], expected[TOTAL], dgamma;
	syncbn_tensor_t tother = syncbn_tensor_nchw(other, N, 2, 1, SPATIAL);
	uint64_t seed = 4;

	sbn_random_fill(&seed, other, TOTAL, -50, 9);
	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, a));
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL));
	memcpy(expected, e->dx, sizeof(expected));
	dgamma = *param_f32(e->bn, SYNCBN_DGAMMA);
	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, a));
	assert_ok(syncbn_batch_norm_forward(e->bn, &tother, NULL, &e->ty, b));
	assert_ok(syncbn_batch_norm_backward(e->bn, a, &e->tdy, &e->tdx, NULL, SYNCBN_WANT_ALL));
	assert_same_f32(e->dx, expected, TOTAL);
	assert_true(*param_f32(e->bn, SYNCBN_DGAMMA) == dgamma);
	assert_ok(syncbn_batch_norm_backward(e->bn, b, &e->tdy, &e->tdx, NULL, SYNCBN_WANT_ALL));
	assert_true(e->dx[0] != expected[0]);
	syncbn_saved_free(b);
	free_example(e);
}

/* A forward in eval, or without saved, must not change what another one saved. */
static void
test_saved_statistics_stay_until_the_next_use(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	struct example *e = new_example(*state, &config);
	syncbn_statistics_t first, later;
	double mean, invstd;

	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tx, NULL, &e->ty, e->saved));
	assert_ok(syncbn_saved_statistics(e->saved, &first));
	assert_true(first.count == N * SPATIAL);
	mean = first.mean[1], invstd = first.invstd[1];
	assert_ok(syncbn_batch_norm_train(e->bn, 0));
	assert_ok(syncbn_batch_norm_forward(e->bn, &e->tdy, NULL, &e->ty, NULL));
	assert_ok(backward(e, &e->tdx, SYNCBN_WANT_ALL));
	assert_ok(syncbn_saved_statistics(e->saved, &later));
	assert_true(later.mean[1] == mean && later.invstd[1] == invstd);
	free_example(e);
}

/* So that what is read there before it is written is large. */
static __attribute__((noinline)) void
fill_the_stack(void)
{
	volatile float stack[32 * 1024];

	for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
		stack[i] = i % 3 == 0 ? -3e38F : 3e38F;
}

enum { PLANES = 4 * 8, LONGEST = 130 };

static void
expect_no_exceptions(void *world, int64_t spatial)
{
	static float x[PLANES * LONGEST], dy[PLANES * LONGEST], dx[PLANES * LONGEST];
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(8);
	const syncbn_tensor_t tx = syncbn_tensor_ncl(x, 4, 8, spatial);
	const syncbn_tensor_t tdy = syncbn_tensor_ncl(dy, 4, 8, spatial);
	const syncbn_tensor_t tdx = syncbn_tensor_ncl(dx, 4, 8, spatial);
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	config.activation = SYNCBN_ACTIVATION_RELU;
	bn = new_layer(world, &config);
	saved = new_saved(bn);
	for (int c = 0; c < 8; c++)
		((float *)syncbn_batch_norm_param(bn, SYNCBN_GAMMA))[c] = 1000;
	for (int64_t i = 0; i < PLANES * spatial; i++) {
		x[i] = (float)(i % 13);
		dy[i] = (float)(i % 5);
	}
	feclearexcept(FE_ALL_EXCEPT);
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &tdx, saved));
	fill_the_stack();
	assert_ok(syncbn_batch_norm_backward(bn, saved, &tdy, &tdx, NULL, SYNCBN_WANT_ALL));
	assert_int_equal(fetestexcept(FE_INVALID | FE_OVERFLOW | FE_DIVBYZERO), 0);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

/* A program that traps them would end. */
static void
test_usual_numbers_raise_no_exceptions(void **state)
{
	for (int64_t spatial = 2; spatial <= LONGEST; spatial++)
		expect_no_exceptions(*state, spatial);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients_are_the_slopes_of_the_forward_pass),
		cmocka_unit_test(test_only_what_is_wanted_is_written),
		cmocka_unit_test(test_accumulate_adds_to_the_parameters_gradients_only),
		cmocka_unit_test(test_running_statistics_pass_gradients_straight_through),
		cmocka_unit_test(test_without_affine_dgamma_and_dbeta_are_left_out),
		cmocka_unit_test(test_dx_may_be_dy),
		cmocka_unit_test(test_y_may_be_x_when_nothing_is_saved),
		cmocka_unit_test(test_two_forwards_may_come_before_their_backwards),
		cmocka_unit_test(test_saved_statistics_stay_until_the_next_use),
		cmocka_unit_test(test_usual_numbers_raise_no_exceptions),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
