/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs at the edges of what a layer takes, in a world of one. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/random.h"
#include "unit/world_of_one.h"

enum { C = 3, MAX_ELEMENTS = 4096 };

static const unsigned all = SYNCBN_WANT_ALL;

/* One layer and its tensors over [n, C, h, w]; what a test reads is what the passes left. */
struct fixture {
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_tensor_t tx, ty, tdy, tdx;
	float x[MAX_ELEMENTS], y[MAX_ELEMENTS], dy[MAX_ELEMENTS], dx[MAX_ELEMENTS];
};

static struct fixture f;

static void
open_fixture(syncbn_group_t *world, double eps)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	uint64_t seed = 5;

	config.eps = eps;
	f.bn = new_layer(world, &config);
	f.saved = new_saved(f.bn);
	sbn_random_fill(&seed, f.x, MAX_ELEMENTS, 1, 3);
	sbn_random_fill(&seed, f.dy, MAX_ELEMENTS, 0, 1);
}

static void
shape_fixture(int64_t n, int64_t h, int64_t w, syncbn_layout_t layout)
{
	f.tx = syncbn_tensor_nchw(f.x, n, C, h, w);
	f.ty = syncbn_tensor_nchw(f.y, n, C, h, w);
	f.tdy = syncbn_tensor_nchw(f.dy, n, C, h, w);
	f.tdx = syncbn_tensor_nchw(f.dx, n, C, h, w);
	f.tx.layout = f.ty.layout = f.tdy.layout = f.tdx.layout = layout;
}

static void
close_fixture(void)
{
	syncbn_saved_free(f.saved);
	syncbn_batch_norm_free(f.bn);
}

static syncbn_status_t
forward(void)
{
	return syncbn_batch_norm_forward(f.bn, &f.tx, NULL, &f.ty, f.saved);
}

static syncbn_status_t
backward(void)
{
	return syncbn_batch_norm_backward(f.bn, f.saved, &f.tdy, &f.tdx, NULL, all);
}

static void
assert_running_untouched(void)
{
	for (int c = 0; c < C; c++) {
		assert_true(param_f32(f.bn, SYNCBN_RUNNING_MEAN)[c] == 0);
		assert_true(param_f32(f.bn, SYNCBN_RUNNING_VAR)[c] == 1);
	}
}

/* As torch: the batch counts, the statistics stay, the parameters' gradients are 0. */
static void
check_empty(syncbn_group_t *world, syncbn_tensor_t shape)
{
	open_fixture(world, 1e-5);
	f.tx = f.ty = f.tdy = f.tdx = shape;
	param_f32(f.bn, SYNCBN_DGAMMA)[1] = 5;
	assert_ok(forward());
	assert_int_equal(syncbn_batch_norm_batches_tracked(f.bn), 1);
	assert_running_untouched();
	assert_ok(backward());
	for (int c = 0; c < C; c++) {
		assert_true(param_f32(f.bn, SYNCBN_DGAMMA)[c] == 0);
		assert_true(param_f32(f.bn, SYNCBN_DBETA)[c] == 0);
	}
	assert_ok(syncbn_batch_norm_train(f.bn, 0));
	assert_ok(forward());
	assert_ok(backward());
	close_fixture();
}

static void
test_an_empty_batch_alone_changes_nothing_but_the_count(void **state)
{
	static float one;
	syncbn_tensor_t last = syncbn_tensor_nchw(NULL, 0, C, 4, 4);

	last.layout = SYNCBN_CHANNELS_LAST;
	check_empty(*state, syncbn_tensor_nc(NULL, 0, C));
	check_empty(*state, syncbn_tensor_nchw(NULL, 0, C, 4, 4));
	check_empty(*state, syncbn_tensor_nchw(&one, 0, C, 4, 4));
	check_empty(*state, syncbn_tensor_nchw(NULL, 2, C, 0, 4));
	check_empty(*state, last);
}

static void
check_one_value(syncbn_group_t *world, syncbn_layout_t layout)
{
	open_fixture(world, 1e-5);
	shape_fixture(1, 1, 1, layout);
	f.y[0] = 99;
	assert_invalid(forward(), "one value per channel");
	assert_true(f.y[0] == 99);
	assert_running_untouched();
	assert_int_equal(syncbn_batch_norm_batches_tracked(f.bn), 0);
	assert_invalid(backward(), "nothing is saved");
	assert_ok(syncbn_batch_norm_train(f.bn, 0)); /* in eval one value is enough */
	assert_ok(forward());
	assert_ok(backward());
	close_fixture();
}

static void
test_one_value_per_channel_is_refused_in_training(void **state)
{
	check_one_value(*state, SYNCBN_CHANNELS_FIRST);
	check_one_value(*state, SYNCBN_CHANNELS_LAST);
}

/* What a failed forward leaves in saved must not serve a backward pass. */
static void
test_a_failed_forward_empties_saved(void **state)
{
	open_fixture(*state, 1e-5);
	shape_fixture(2, 2, 2, SYNCBN_CHANNELS_FIRST);
	assert_ok(forward());
	shape_fixture(1, 1, 1, SYNCBN_CHANNELS_FIRST);
	assert_invalid(forward(), "one value per channel");
	assert_invalid(backward(), "nothing is saved");
	close_fixture();
}

static void
fill_channel(int channel, float value)
{
	size_t plane = (size_t)(f.tx.shape[2] * f.tx.shape[3]);

	for (size_t n = 0; n < (size_t)f.tx.shape[0]; n++)
		for (size_t s = 0; s < plane; s++)
			f.x[(n * C + (size_t)channel) * plane + s] = value;
}

static void
test_a_constant_channel_becomes_beta(void **state)
{
	open_fixture(*state, 1e-5);
	shape_fixture(4, 5, 5, SYNCBN_CHANNELS_FIRST);
	fill_channel(1, 1234.567f);
	param_f32(f.bn, SYNCBN_BETA)[1] = 0.5f;
	assert_ok(forward());
	for (int i = 25; i < 50; i++)
		assert_true(f.y[i] == 0.5f);
	assert_near((double)param_f32(f.bn, SYNCBN_RUNNING_VAR)[1], 0.9, 1e-7);
	close_fixture();
}

static void
test_variance_0_with_eps_0_is_finite(void **state)
{
	syncbn_statistics_t statistics;

	open_fixture(*state, 0);
	shape_fixture(4, 5, 5, SYNCBN_CHANNELS_FIRST);
	fill_channel(1, 7);
	assert_ok(forward());
	assert_ok(syncbn_saved_statistics(f.saved, &statistics));
	assert_true(statistics.mean[1] == 7 && statistics.invstd[1] == 0);
	assert_ok(backward());
	for (int i = 25; i < 50; i++)
		assert_true(f.y[i] == 0 && f.dx[i] == 0);
	assert_true(param_f32(f.bn, SYNCBN_DGAMMA)[1] == 0);
	assert_true(isfinite(f.y[0]) && isfinite(f.dx[0]));
	close_fixture();
}

/* Of the deviations 3e-39, whose inverse is a float, and 1e-42 twice, whose inverse is none. */
static void
test_the_smallest_deviations_with_eps_0_are_finite(void **state)
{
	static const float deviation[C] = { 3e-39f, 1e-42f, 1e-42f }, gamma[C] = { 1, 1, -4 };
	static const double expected[C] = { 1, 1e-42 * (double)FLT_MAX, -1e-42 * (double)FLT_MAX };

	open_fixture(*state, 0);
	shape_fixture(4, 6, 6, SYNCBN_CHANNELS_FIRST);
	memcpy(param_f32(f.bn, SYNCBN_GAMMA), gamma, sizeof(gamma));
	for (int i = 0; i < 4 * C * 36; i++)
		f.x[i] = (i % 2 == 0 ? 1 : -1) * deviation[i / 36 % C];
	assert_ok(forward());
	assert_ok(backward());
	for (int i = 0; i < 4 * C * 36; i++) {
		double y = (i % 2 == 0 ? 1 : -1) * expected[i / 36 % C];

		assert_true(fabs((double)f.y[i] - y) <= 2e-3 * fabs(y));
		assert_false(isnan(f.dx[i]));
	}
	close_fixture();
}

/* The channels beside a spoilt one have the bits that they have without it. */
static void
check_bad_value(syncbn_group_t *world, float bad, syncbn_layout_t layout)
{
	static float y[MAX_ELEMENTS], dx[MAX_ELEMENTS];
	enum { ELEMENTS = 4 * C * 36 };
	size_t at = layout == SYNCBN_CHANNELS_FIRST ? 36 + 20 : 20 * C + 1; /* in channel 1 */
	int bad_ones = 0;

	open_fixture(world, 1e-5);
	shape_fixture(4, 6, 6, layout);
	assert_ok(forward());
	assert_ok(backward());
	memcpy(y, f.y, sizeof(y));
	memcpy(dx, f.dx, sizeof(dx));
	f.x[at] = bad;
	assert_ok(forward());
	assert_ok(backward());
	for (size_t i = 0; i < ELEMENTS; i++) {
		size_t channel = layout == SYNCBN_CHANNELS_FIRST ? i / 36 % C : i % C;

		assert_true(channel == 1 || (f.y[i] == y[i] && f.dx[i] == dx[i]));
		bad_ones += channel == 1 && isnan(f.y[i]);
	}
	assert_int_not_equal(bad_ones, 0);
	assert_false(isfinite(param_f32(f.bn, SYNCBN_RUNNING_VAR)[1]));
	assert_true(isfinite(param_f32(f.bn, SYNCBN_RUNNING_VAR)[2]));
	close_fixture();
}

static void
test_nan_and_infinity_stay_in_their_channel(void **state)
{
	check_bad_value(*state, NAN, SYNCBN_CHANNELS_FIRST);
	check_bad_value(*state, NAN, SYNCBN_CHANNELS_LAST);
	check_bad_value(*state, INFINITY, SYNCBN_CHANNELS_FIRST);
	check_bad_value(*state, -INFINITY, SYNCBN_CHANNELS_LAST);
}

/* The largest floats: their squares fit a double, not a float. */
static void
test_values_near_the_end_of_the_range_are_normalized(void **state)
{
	open_fixture(*state, 1e-5);
	shape_fixture(2, 1, 1, SYNCBN_CHANNELS_FIRST);
	for (int c = 0; c < C; c++) {
		f.x[c] = 1e37f;
		f.x[C + c] = -1e37f;
	}
	assert_ok(forward());
	for (int c = 0; c < C; c++) {
		assert_near((double)f.y[c], 1, 1e-6);
		assert_near((double)f.y[C + c], -1, 1e-6);
	}
	close_fixture();
}

static void
test_layouts_agree_to_rounding(void **state)
{
	enum { N = 5, PLANE = 35 };
	static float x[N * C * PLANE], dy[N * C * PLANE], y[N * C * PLANE], dx[N * C * PLANE];

	open_fixture(*state, 1e-5);
	shape_fixture(N, 5, 7, SYNCBN_CHANNELS_FIRST);
	assert_ok(forward());
	assert_ok(backward());
	memcpy(x, f.x, sizeof(x));
	memcpy(dy, f.dy, sizeof(dy));
	memcpy(y, f.y, sizeof(y));
	memcpy(dx, f.dx, sizeof(dx));
	shape_fixture(N, 5, 7, SYNCBN_CHANNELS_LAST);
	for (size_t i = 0; i < N * C * PLANE; i++) {
		size_t first = (i / (PLANE * C) * C + i % C) * PLANE + i / C % PLANE;

		f.x[i] = x[first];
		f.dy[i] = dy[first];
	}
	assert_ok(forward());
	assert_ok(backward());
	for (size_t i = 0; i < N * C * PLANE; i++) {
		size_t first = (i / (PLANE * C) * C + i % C) * PLANE + i / C % PLANE;

		assert_near((double)f.y[i], (double)y[first], 1e-6);
		assert_near((double)f.dx[i], (double)dx[first], 1e-6);
	}
	close_fixture();
}

static void
test_every_rank_of_tensor_holds_the_same_numbers(void **state)
{
	static float y[4 * C * 8];

	open_fixture(*state, 1e-5);
	shape_fixture(4, 2, 4, SYNCBN_CHANNELS_FIRST);
	assert_ok(forward());
	memcpy(y, f.y, sizeof(y));
	f.tx.ndim = f.ty.ndim = 3;
	f.tx.shape[2] = f.ty.shape[2] = 8;
	assert_ok(forward());
	assert_same_f32(f.y, y, 4 * C * 8);
	f.tx.ndim = f.ty.ndim = 5;
	f.tx.shape[2] = f.ty.shape[2] = f.tx.shape[3] = f.ty.shape[3] = 2;
	f.tx.shape[4] = f.ty.shape[4] = 2;
	assert_ok(forward());
	assert_same_f32(f.y, y, 4 * C * 8);
	close_fixture();
}

/* One more channel than travels in one call: each must be as if it were alone. */
static void
check_many_channels(syncbn_group_t *world, int64_t spatial)
{
	enum { MANY = 4097, N = 2 };
	static float x[N * MANY * 4], y[N * MANY * 4], dx[N * MANY * 4], last[N * 4],
		expected[N * 4];
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(MANY);
	syncbn_batch_norm_t *bn = new_layer(world, &config), *alone;
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_tensor_t tx = syncbn_tensor_nchw(x, N, MANY, 1, spatial), ty = tx, tdx = tx;
	syncbn_tensor_t tlast = syncbn_tensor_nchw(last, N, 1, 1, spatial), texpected = tlast;
	size_t row = (size_t)(MANY * spatial), bytes = (size_t)spatial * sizeof(float);
	uint64_t seed = 6;

	ty.data = y, tdx.data = dx, texpected.data = expected;
	sbn_random_fill(&seed, x, N * row, 0, 1);
	config.num_features = 1;
	alone = new_layer(world, &config);
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, saved));
	assert_ok(syncbn_batch_norm_backward(bn, saved, &tx, &tdx, NULL, all));
	for (size_t n = 0; n < N; n++)
		memcpy(last + n * (size_t)spatial, x + (n + 1) * row - spatial, bytes);
	assert_ok(syncbn_batch_norm_forward(alone, &tlast, NULL, &texpected, NULL));
	for (size_t n = 0; n < N; n++)
		assert_same_f32(y + (n + 1) * row - spatial, expected + n * (size_t)spatial,
				(size_t)spatial);
	assert_true(param_f32(bn, SYNCBN_DBETA)[MANY - 1] != 0);
	assert_true(param_f32(bn, SYNCBN_RUNNING_VAR)[MANY - 1] ==
		    *param_f32(alone, SYNCBN_RUNNING_VAR));
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(alone);
	syncbn_batch_norm_free(bn);
}

static void
test_more_channels_than_one_call_carries(void **state)
{
	check_many_channels(*state, 1);
	check_many_channels(*state, 4);
}

/* However the mean is rounded to a float. */
static void
test_an_infinite_gamma_leaves_the_sign_of_the_distance(void **state)
{
	open_fixture(*state, 1e-5);
	shape_fixture(2, 3, 1, SYNCBN_CHANNELS_FIRST);
	for (int c = 0; c < C; c++)
		param_f32(f.bn, SYNCBN_GAMMA)[c] = c == 1 ? -INFINITY : INFINITY;
	for (int shift = 0; shift < 20; shift++) {
		for (int i = 0; i < 6 * C; i++)
			f.x[i] = (i / 3 / C + i % 3 > 1 ? 0.7f : -0.3f) + 0.013f * (float)shift;
		assert_ok(forward());
		for (int i = 0; i < 6 * C; i++) {
			const bool above = i / 3 / C + i % 3 > 1, turned = i / 3 % C == 1;

			assert_true(isinf(f.y[i]) && (f.y[i] > 0) == (above != turned));
		}
	}
	close_fixture();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_infinite_gamma_leaves_the_sign_of_the_distance),
		cmocka_unit_test(test_an_empty_batch_alone_changes_nothing_but_the_count),
		cmocka_unit_test(test_one_value_per_channel_is_refused_in_training),
		cmocka_unit_test(test_a_failed_forward_empties_saved),
		cmocka_unit_test(test_a_constant_channel_becomes_beta),
		cmocka_unit_test(test_variance_0_with_eps_0_is_finite),
		cmocka_unit_test(test_the_smallest_deviations_with_eps_0_are_finite),
		cmocka_unit_test(test_nan_and_infinity_stay_in_their_channel),
		cmocka_unit_test(test_values_near_the_end_of_the_range_are_normalized),
		cmocka_unit_test(test_layouts_agree_to_rounding),
		cmocka_unit_test(test_every_rank_of_tensor_holds_the_same_numbers),
		cmocka_unit_test(test_more_channels_than_one_call_carries),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
