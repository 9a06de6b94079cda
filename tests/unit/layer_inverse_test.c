/* SPDX-License-Identifier: Apache-2.0 */
/*
 * y in the place of x, with a backward pass to follow: gradients by the book, computed back from y,
 * in every layout and type and by every kind of statistics; and what cannot be undone is refused.
 */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/passes.h"
#include "unit/world_of_one.h"

/* A layer, its reference, and where the pass is done. */
struct trial {
	struct reference r;
	syncbn_batch_norm_config_t config;
	syncbn_tensor_t like;
	syncbn_layout_t layout;
	bool dx_over_y; /* else over dy */
};

static void
check_values(const struct trial *t, const char *what, const struct operand *o,
	     const double *expected, double tolerance)
{
	double *values = calloc(reference_elements(&t->r) + 1, sizeof(double));

	operand_get(o, values);
	for (size_t i = 0; i < reference_elements(&t->r); i++)
		if (!(fabs(values[i] - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
			fail_msg("%s[%zu] is %.9g, not %.9g (dtype %d, layout %d, activation %d)",
				 what, i, values[i], expected[i], t->like.dtype, t->layout,
				 t->r.activation);
	free(values);
}

static void
check_params(const struct trial *t, syncbn_batch_norm_t *bn, double tolerance)
{
	const void *dgamma = syncbn_batch_norm_param(bn, SYNCBN_DGAMMA);
	const void *dbeta = syncbn_batch_norm_param(bn, SYNCBN_DBETA);

	for (size_t c = 0; t->config.affine && c < t->r.channels; c++) {
		assert_near(sbn_element_get(t->config.dtype, dgamma, c), t->r.dgamma[c],
			    tolerance * (1 + t->r.terms[c]));
		assert_near(sbn_element_get(t->config.dtype, dbeta, c), t->r.dbeta[c],
			    tolerance * (1 + t->r.terms[c]));
	}
}

/* What y's rounding makes of xhat, where gamma is a quarter or more. */
static double
tolerance_of(syncbn_dtype_t dtype)
{
	static const double rounding[] = { 0, 0x1p-24, 0x1p-53, 0x1p-8, 0x1p-11 };

	return 16 * rounding[dtype];
}

static void
run_trial(const struct trial *t, syncbn_batch_norm_t *bn, syncbn_saved_t *saved)
{
	struct operand x = operand_new(&t->like, t->layout), z = operand_new(&t->like, t->layout);
	struct operand dy = operand_new(&t->like, t->dx_over_y ? t->layout : SYNCBN_CHANNELS_LAST);
	struct operand dz = operand_new(&t->like, t->layout);
	struct operand dx = t->dx_over_y ? x : dy;
	double e = tolerance_of(t->like.dtype);
	bool has_z = t->r.z != NULL;

	operand_put(&x, t->r.x);
	operand_put(&dy, t->r.dy);
	if (has_z)
		operand_put(&z, t->r.z);
	assert_ok(syncbn_batch_norm_forward(bn, &x.tensor, has_z ? &z.tensor : NULL, &x.tensor,
					    saved));
	check_values(t, "y", &x, t->r.y, e);
	assert_ok(syncbn_batch_norm_backward(bn, saved, &dy.tensor, &dx.tensor,
					     has_z ? &dz.tensor : NULL, SYNCBN_WANT_ALL));
	check_values(t, "dx", &dx, t->r.dx, e);
	if (has_z)
		check_values(t, "dz", &dz, t->r.g, e);
	check_params(t, bn, e);
	assert_true(operand_is_sound(&x) && operand_is_sound(&dy) && operand_is_sound(&dz));
	operand_free(&x), operand_free(&z), operand_free(&dy), operand_free(&dz);
}

/* Nothing near the kink, where y's rounding would decide which side it is on. */
static void
keep_apart(struct trial *t)
{
	for (size_t i = 0; i < reference_elements(&t->r); i++)
		if (fabs(t->r.v[i]) < 0.02)
			((double *)t->r.dy)[i] = 0;
	reference_run(&t->r);
}

static void
open_trial(struct trial *t, syncbn_tensor_t like, bool has_z, uint64_t seed)
{
	struct draw d = { like, 3, 2, has_z, seed };
	double *gamma;

	t->like = like;
	t->r = draw_reference(&d);
	gamma = (double *)t->r.gamma;
	for (size_t c = 0; c < t->r.channels; c++) /* of either sign, and not small */
		gamma[c] = (c % 3 == 0 ? -1 : 1) * fmax(fabs(gamma[c]), 0.25);
}

static void
try_one(syncbn_group_t *world, struct trial *t)
{
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	reference_run(&t->r);
	keep_apart(t);
	bn = new_layer(world, &t->config);
	saved = new_saved(bn);
	for (size_t i = 0; i < N_LAYOUTS; i++)
		for (int over = 0; over < 2; over++) {
			t->dx_over_y = over == 1;
			t->layout = sbn_all_layouts[i];
			run_trial(t, bn, saved);
		}
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

static const struct {
	syncbn_activation_t activation;
	double slope;
} undone[] = {
	{ SYNCBN_ACTIVATION_NONE, 0.01 },
	{ SYNCBN_ACTIVATION_LEAKY_RELU, 0.01 },
	{ SYNCBN_ACTIVATION_LEAKY_RELU, 0.3 },
	{ SYNCBN_ACTIVATION_LEAKY_RELU, 1.5 },
};

enum { N_UNDONE = sizeof(undone) / sizeof(undone[0]) };

static void
use_activation(struct trial *t, size_t which)
{
	t->r.activation = undone[which].activation;
	t->r.negative_slope = undone[which].slope;
}

static void
test_gradients_are_computed_back_from_y(void **state)
{
	for (size_t i = 0; i < 4 * N_UNDONE * 2; i++) {
		syncbn_tensor_t like = syncbn_tensor_nchw(NULL, 3, 19, 5, 7);
		struct trial t;

		like.dtype = sbn_all_dtypes[i % 4];
		open_trial(&t, like, i / 4 / N_UNDONE == 1, i + 1);
		use_activation(&t, i / 4 % N_UNDONE);
		t.config = draw_config(&t.r, like.dtype);
		try_one(*state, &t);
		draw_free(&t.r);
	}
}

static void
test_so_they_are_for_rows_and_many_positions(void **state)
{
	const syncbn_tensor_t likes[] = { syncbn_tensor_nc(NULL, 33, 17),
					  syncbn_tensor_ncl(NULL, 2, 5, 4099),
					  syncbn_tensor_nchw(NULL, 130, 3, 1, 1) };

	for (size_t i = 0; i < 3 * N_UNDONE; i++) {
		struct trial t;

		open_trial(&t, likes[i % 3], i % 2 == 1, i + 100);
		use_activation(&t, i / 3);
		t.config = draw_config(&t.r, SYNCBN_FLOAT32);
		try_one(*state, &t);
		draw_free(&t.r);
	}
}

/* Running statistics, this rank's own, and no gamma and beta at all. */
static void
test_every_kind_of_statistics_can_be_undone(void **state)
{
	for (size_t i = 0; i < 3 * N_UNDONE; i++) {
		syncbn_tensor_t like = syncbn_tensor_nchw(NULL, 4, 9, 3, 5);
		struct trial t;

		open_trial(&t, like, i % 2 == 1, i + 200);
		use_activation(&t, i / 3);
		t.config = draw_config(&t.r, SYNCBN_FLOAT32);
		t.config.training = i % 3 == 2;
		t.config.track_running_stats = i % 3 == 0;
		t.config.affine = i % 3 != 2;
		t.r.by_running = i % 3 == 0;
		for (size_t c = 0; c < t.r.channels; c++) {
			t.r.mean[c] = 0, t.r.var[c] = 1;
			if (!t.config.affine)
				((double *)t.r.gamma)[c] = 1, ((double *)t.r.beta)[c] = 0;
		}
		if (!t.config.affine)
			t.config.gamma_init.values = t.config.beta_init.values = NULL;
		try_one(*state, &t);
		draw_free(&t.r);
	}
}

/* ---- what is refused ---- */

enum { C = 3, ELEMENTS = 2 * C * 4 };

static float memory[2 * ELEMENTS + 1], other[ELEMENTS];

static void
refuse_gamma(syncbn_group_t *world, const syncbn_batch_norm_config_t *config, const float *gamma,
	     const char *words)
{
	syncbn_tensor_t x = syncbn_tensor_ncl(memory, 2, C, 4),
			y = syncbn_tensor_ncl(other, 2, C, 4);
	syncbn_batch_norm_t *bn = new_layer(world, config);
	syncbn_saved_t *saved = new_saved(bn);

	if (gamma != NULL)
		memcpy(syncbn_batch_norm_param(bn, SYNCBN_GAMMA), gamma, C * sizeof(*gamma));
	for (size_t i = 0; i < ELEMENTS; i++)
		memory[i] = (float)i;
	assert_invalid(syncbn_batch_norm_forward(bn, &x, NULL, &x, saved), words);
	assert_non_null(strstr(syncbn_last_error(), "give y memory of its own, or saved NULL"));
	assert_true(memory[5] == 5);
	assert_ok(syncbn_batch_norm_forward(bn, &x, NULL, &y, saved));
	assert_ok(syncbn_batch_norm_forward(bn, &x, NULL, &x, NULL));
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

static void
refuse(syncbn_group_t *world, const syncbn_batch_norm_config_t *config, const char *words)
{
	refuse_gamma(world, config, NULL, words);
}

static void
test_an_activation_without_an_inverse_is_refused(void **state)
{
	static const double slopes[] = { 0, -0.0, -0.2, FLT_MIN / 2 };
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);

	config.activation = SYNCBN_ACTIVATION_RELU;
	refuse(*state, &config, "a relu cannot be undone");
	config.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	for (size_t i = 0; i < sizeof(slopes) / sizeof(slopes[0]); i++) {
		config.negative_slope = slopes[i];
		refuse(*state, &config, "negative_slope");
	}
}

static void
test_a_gamma_that_loses_x_is_refused(void **state)
{
	static const float gammas[] = { 0, -0.0f, FLT_MIN / 2, NAN, INFINITY };
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);

	for (size_t i = 0; i < sizeof(gammas) / sizeof(gammas[0]); i++) {
		const float values[C] = { 1, 2, gammas[i] };

		refuse_gamma(*state, &config, values, "gamma[2] is");
	}
}

static void
test_z_must_be_there_to_be_taken_away(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_tensor_t x = syncbn_tensor_ncl(memory, 2, C, 4),
			dy = syncbn_tensor_ncl(other, 2, C, 4);

	assert_invalid(syncbn_batch_norm_forward(bn, &x, &x, &x, saved), "y is z");
	assert_ok(syncbn_batch_norm_train(bn, 0)); /* now only dgamma needs x */
	assert_ok(syncbn_batch_norm_forward(bn, &x, &x, &x, saved));
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, SYNCBN_WANT_ALL),
		       "y was written over z");
	assert_ok(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL,
					     SYNCBN_WANT_DX | SYNCBN_WANT_DBETA));
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

/* Batch statistics need x for dx, too: there is nothing to leave out. */
static void
test_a_gamma_that_is_lost_after_the_forward_pass_is_refused(void **state)
{
	static const unsigned wants[] = { SYNCBN_WANT_DX, SYNCBN_WANT_ALL };
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_tensor_t x = syncbn_tensor_ncl(memory, 2, C, 4),
			dy = syncbn_tensor_ncl(other, 2, C, 4);

	assert_ok(syncbn_batch_norm_forward(bn, &x, NULL, &x, saved));
	((float *)syncbn_batch_norm_param(bn, SYNCBN_GAMMA))[1] = NAN;
	for (size_t i = 0; i < 2; i++) {
		assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, wants[i]),
			       "needs x, over which y was written; give y memory of its own: "
			       "gamma[1] is");
		assert_null(strstr(syncbn_last_error(), "DGAMMA"));
	}
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

/* The whole group has to agree; an empty batch has no x that could be lost. */
static void
test_an_empty_batch_is_never_refused(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_tensor_t x = syncbn_tensor_ncl(memory, 0, C, 4);
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	config.activation = SYNCBN_ACTIVATION_RELU;
	bn = new_layer(*state, &config);
	saved = new_saved(bn);
	assert_ok(syncbn_batch_norm_forward(bn, &x, NULL, &x, saved));
	assert_ok(syncbn_batch_norm_backward(bn, saved, &x, &x, NULL, SYNCBN_WANT_ALL));
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients_are_computed_back_from_y),
		cmocka_unit_test(test_so_they_are_for_rows_and_many_positions),
		cmocka_unit_test(test_every_kind_of_statistics_can_be_undone),
		cmocka_unit_test(test_an_activation_without_an_inverse_is_refused),
		cmocka_unit_test(test_a_gamma_that_loses_x_is_refused),
		cmocka_unit_test(test_z_must_be_there_to_be_taken_away),
		cmocka_unit_test(test_a_gamma_that_is_lost_after_the_forward_pass_is_refused),
		cmocka_unit_test(test_an_empty_batch_is_never_refused),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
