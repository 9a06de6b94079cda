/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels of the same numbers have the same bits, hard numbers too, wherever a channel stands: in
 * a group of 16 whose coefficients a kernel makes at once, behind the last one, or in a group with
 * one whose numbers the kernel leaves to others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "unit/near.h"
#include "unit/random.h"
#include "unit/world_of_one.h"

enum { C = 37, N = 3, SPATIAL = 7, ELEMENTS = N * C * SPATIAL, OTHER = 20 };

struct hard {
	float gamma, beta;
	float mean, sd; /* of x */
	double eps;
	float dy; /* times numbers about 1 */
};

static const struct hard hards[] = {
	{ 1, 0, 0, 1, 1e-5, 1 },
	{ 0, -0.0f, 0.1f, 1, 1e-5, 1 },
	{ -0.0f, -0.0f, 0.1f, 1, 1e-5, 1 },
	{ -0.0f, 0, 1e4f, 1e-3f, 0, -1 },
	{ 2, 3, 0.1f, 0, 0, 1 },
	{ 2, -0.0f, 0, 0, 1e-5, 1 },
	{ 1e30f, 1, 0.1f, 1e-20f, 1e-30, 1 },
	{ FLT_MAX, 1, 0.1f, 1, 1e-5, 1 },
	{ -FLT_MAX, 1, 0.1f, 1e-3f, 1e-5, 1 },
	{ INFINITY, 1, 0.1f, 1, 1e-5, 1 },
	{ 1, -INFINITY, 0.1f, 1, 1e-5, 1 },
	{ NAN, 1, 0.1f, 1, 1e-5, 1 },
	{ 1, 1, 3e38f, 1e37f, 1e-5, 1 },
	{ 1, 1, 1e-42f, 1e-42f, 0, 1 },
	{ 1, 1, INFINITY, 0, 1e-5, 1 },
	{ 1, 1, 0.1f, 1, 1e-5, 3e38f },
	{ 1e-30f, 1, 0.1f, 1e-25f, 0, 1e38f },
	{ 1, 1, 0.1f, 1, 1e-5, INFINITY },
};

static struct {
	float x[ELEMENTS], y[ELEMENTS], dy[ELEMENTS], dx[ELEMENTS];
} f;

static size_t
element(syncbn_layout_t layout, size_t n, size_t c, size_t s)
{
	return layout == SYNCBN_CHANNELS_FIRST ? (n * C + c) * SPATIAL + s :
						 (n * SPATIAL + s) * C + c;
}

/* All channels the same. */
static void
fill(const struct hard *hard, syncbn_layout_t layout)
{
	uint64_t seed = 3;

	for (size_t n = 0; n < N; n++)
		for (size_t s = 0; s < SPATIAL; s++) {
			const float x = (float)sbn_random_normal(&seed);
			const float dy = 1 + (float)sbn_random_unit(&seed);

			for (size_t c = 0; c < C; c++) {
				f.x[element(layout, n, c, s)] = hard->mean + hard->sd * x;
				f.dy[element(layout, n, c, s)] = hard->dy * dy;
			}
		}
}

static void
assert_same_float(float a, float b, const char *what, size_t hard, size_t c)
{
	if (isnan(a) ? !isnan(b) : memcmp(&a, &b, sizeof(a)) != 0)
		fail_msg("%s of hard case %zu: %a in channel 0, %a in %zu", what, hard, (double)a,
			 (double)b, c);
}

static void
assert_same_param(syncbn_batch_norm_t *bn, syncbn_param_t which, const char *what, size_t hard,
		  size_t except)
{
	const float *values = param_f32(bn, which);

	for (size_t c = 1; c < C; c++)
		if (c != except)
			assert_same_float(values[0], values[c], what, hard, c);
}

/* except: a channel of other numbers */
static void
assert_same_channels(syncbn_batch_norm_t *bn, syncbn_layout_t layout, size_t hard, size_t except)
{
	for (size_t i = 0; i < (size_t)N * C * SPATIAL; i++) {
		const size_t n = i / (C * SPATIAL), c = i / SPATIAL % C, s = i % SPATIAL;
		const size_t first = element(layout, n, 0, s), at = element(layout, n, c, s);

		if (c == except)
			continue;
		assert_same_float(f.y[first], f.y[at], "y", hard, c);
		assert_same_float(f.dx[first], f.dx[at], "dx", hard, c);
	}
	assert_same_param(bn, SYNCBN_RUNNING_MEAN, "the running mean", hard, except);
	assert_same_param(bn, SYNCBN_RUNNING_VAR, "the running variance", hard, except);
	assert_same_param(bn, SYNCBN_DGAMMA, "dgamma", hard, except);
	assert_same_param(bn, SYNCBN_DBETA, "dbeta", hard, except);
}

/* In training, or by the running statistics that this left. */
static void
run(syncbn_batch_norm_t *bn, syncbn_saved_t *saved, syncbn_layout_t layout, unsigned want)
{
	syncbn_tensor_t x = syncbn_tensor_nchw(f.x, N, C, SPATIAL, 1), y = x, dy = x, dx = x;

	x.layout = layout;
	y = dy = dx = x;
	y.data = f.y;
	dy.data = f.dy;
	dx.data = f.dx;
	assert_ok(syncbn_batch_norm_forward(bn, &x, NULL, &y, saved));
	assert_ok(syncbn_batch_norm_backward(bn, saved, &dy, &dx, NULL, want));
}

/* other: channel OTHER's gamma, or the same as all others' */
static void
check(syncbn_group_t *world, size_t hard, syncbn_layout_t layout, const float *other)
{
	const size_t except = other == NULL ? C : OTHER;
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	config.eps = hards[hard].eps;
	bn = new_layer(world, &config);
	saved = new_saved(bn);
	fill(&hards[hard], layout);
	for (size_t c = 0; c < C; c++) {
		param_f32(bn, SYNCBN_GAMMA)[c] = hards[hard].gamma;
		param_f32(bn, SYNCBN_BETA)[c] = hards[hard].beta;
	}
	if (other != NULL)
		param_f32(bn, SYNCBN_GAMMA)[OTHER] = *other;
	run(bn, saved, layout, SYNCBN_WANT_ALL);
	assert_same_channels(bn, layout, hard, except);
	run(bn, saved, layout, SYNCBN_WANT_ALL | SYNCBN_ACCUMULATE);
	assert_same_channels(bn, layout, hard, except);
	assert_ok(syncbn_batch_norm_train(bn, 0));
	run(bn, saved, layout, SYNCBN_WANT_ALL);
	assert_same_channels(bn, layout, hard, except);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

static void
check_all(syncbn_group_t *world, const float *other)
{
	for (size_t i = 0; i < sizeof(hards) / sizeof(hards[0]); i++) {
		check(world, i, SYNCBN_CHANNELS_FIRST, other);
		check(world, i, SYNCBN_CHANNELS_LAST, other);
	}
}

static void
test_equal_channels_have_equal_bits(void **state)
{
	check_all(*state, NULL);
}

static void
test_equal_channels_have_equal_bits_beside_an_unusual_one(void **state)
{
	const float infinite = INFINITY;

	check_all(*state, &infinite);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_channels_have_equal_bits),
		cmocka_unit_test(test_equal_channels_have_equal_bits_beside_an_unusual_one),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
