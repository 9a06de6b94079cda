/* SPDX-License-Identifier: Apache-2.0 */
/* Which statistics normalize, what a pass records, and what may lie in place of what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/random.h"
#include "unit/world_of_one.h"

enum { N = 4, C = 2, SPATIAL = 3, TOTAL = N * C * SPATIAL };

struct pass {
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	float x[TOTAL], z[TOTAL], y[TOTAL], dy[TOTAL], dx[TOTAL], dz[TOTAL];
	syncbn_tensor_t tx, tz, ty, tdy, tdx, tdz;
};

static struct pass
open_pass(syncbn_group_t *world, const syncbn_batch_norm_config_t *config)
{
	struct pass p = { .bn = new_layer(world, config) };
	uint64_t seed = 9;

	p.saved = new_saved(p.bn);
	sbn_random_fill(&seed, p.x, TOTAL, 3, 2);
	sbn_random_fill(&seed, p.z, TOTAL, 0, 1);
	sbn_random_fill(&seed, p.dy, TOTAL, 0.5, 1);
	return p;
}

/* The tensors point into the struct, so they are made where it lies at last. */
static void
point(struct pass *p)
{
	p->tx = syncbn_tensor_nchw(p->x, N, C, 1, SPATIAL);
	p->tz = syncbn_tensor_nchw(p->z, N, C, 1, SPATIAL);
	p->ty = syncbn_tensor_nchw(p->y, N, C, 1, SPATIAL);
	p->tdy = syncbn_tensor_nchw(p->dy, N, C, 1, SPATIAL);
	p->tdx = syncbn_tensor_nchw(p->dx, N, C, 1, SPATIAL);
	p->tdz = syncbn_tensor_nchw(p->dz, N, C, 1, SPATIAL);
}

static void
close_pass(struct pass *p)
{
	syncbn_saved_free(p->saved);
	syncbn_batch_norm_free(p->bn);
}

static syncbn_status_t
forward(struct pass *p)
{
	return syncbn_batch_norm_forward(p->bn, &p->tx, NULL, &p->ty, p->saved);
}

static syncbn_status_t
backward(struct pass *p, unsigned want)
{
	return syncbn_batch_norm_backward(p->bn, p->saved, &p->tdy, &p->tdx, NULL, want);
}

/* ---- the decision tables ---- */

struct decision {
	int training, track;
	syncbn_use_batch_statistics_t use;
	int by_batch, records;
};

static void
assert_normalized(const struct pass *p, int by_batch)
{
	double sum = 0;

	for (size_t i = 0; i < TOTAL; i++)
		sum += (double)p->y[i];
	if (by_batch)
		assert_near(sum / TOTAL, 0, 1e-6);
	else
		assert_near((double)p->y[1], (double)p->x[1] / sqrt(1 + 1e-5), 1e-6);
}

static void
check_decision(syncbn_group_t *world, syncbn_batch_norm_config_t config, const struct decision *d)
{
	struct pass p;
	syncbn_statistics_t statistics;

	config.track_running_stats = d->track;
	config.use_batch_statistics = d->use;
	p = open_pass(world, &config);
	point(&p);
	assert_ok(syncbn_batch_norm_train(p.bn, d->training));
	assert_ok(forward(&p));
	assert_ok(forward(&p));
	assert_normalized(&p, d->by_batch);
	assert_ok(syncbn_saved_statistics(p.saved, &statistics));
	assert_near(statistics.count, d->by_batch ? N * SPATIAL : 0, 0);
	assert_int_equal(syncbn_batch_norm_batches_tracked(p.bn), 2 * d->records);
	if (d->track) {
		assert_int_equal(*param_f32(p.bn, SYNCBN_RUNNING_MEAN) != 0, d->records);
		assert_int_equal(*param_f32(p.bn, SYNCBN_RUNNING_VAR) != 1, d->records);
	}
	assert_ok(backward(&p, SYNCBN_WANT_ALL));
	close_pass(&p);
}

/* torch: training and track_running_stats decide; eval without them is this rank's batch. */
static void
test_torchs_decision_table_holds(void **state)
{
	static const struct decision table[] = {
		{ 1, 1, SYNCBN_BATCH_STATISTICS_BY_MODE, 1, 1 },
		{ 1, 0, SYNCBN_BATCH_STATISTICS_BY_MODE, 1, 0 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_BY_MODE, 0, 0 },
		{ 0, 0, SYNCBN_BATCH_STATISTICS_BY_MODE, 1, 0 },
	};
	syncbn_batch_norm_config_t torch = SYNCBN_BATCH_NORM_TORCH(C);

	for (size_t i = 0; i < 4; i++)
		check_decision(*state, torch, &table[i]);
}

/* MindSpore: use_batch_statistics None, True, False decides; True records in eval too. */
static void
test_mindspores_decision_table_holds(void **state)
{
	static const struct decision table[] = {
		{ 1, 1, SYNCBN_BATCH_STATISTICS_BY_MODE, 1, 1 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_BY_MODE, 0, 0 },
		{ 1, 1, SYNCBN_BATCH_STATISTICS_ALWAYS, 1, 1 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_ALWAYS, 1, 1 },
		{ 1, 1, SYNCBN_BATCH_STATISTICS_NEVER, 0, 0 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_NEVER, 0, 0 },
	};
	syncbn_batch_norm_config_t mindspore = SYNCBN_BATCH_NORM_MINDSPORE(C);

	for (size_t i = 0; i < 6; i++)
		check_decision(*state, mindspore, &table[i]);
}

/* The mode that counts for a backward pass is that of its forward. */
static void
test_a_backward_pass_follows_its_forward_whatever_the_mode_is_now(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass p = open_pass(*state, &config);
	syncbn_saved_t *in_eval = new_saved(p.bn);
	float expected[TOTAL];

	point(&p);
	assert_ok(forward(&p));
	assert_ok(backward(&p, SYNCBN_WANT_ALL));
	memcpy(expected, p.dx, sizeof(expected));
	assert_ok(syncbn_batch_norm_train(p.bn, 0));
	assert_ok(syncbn_batch_norm_forward(p.bn, &p.tx, NULL, &p.ty, in_eval));
	assert_ok(backward(&p, SYNCBN_WANT_ALL));
	assert_same_f32(p.dx, expected, TOTAL);
	assert_ok(syncbn_batch_norm_train(p.bn, 1));
	assert_ok(syncbn_batch_norm_backward(p.bn, in_eval, &p.tdy, &p.tdx, NULL, 7));
	assert_near((double)p.dx[0],
		    (double)p.dy[0] / sqrt((double)*param_f32(p.bn, SYNCBN_RUNNING_VAR) + 1e-5),
		    1e-6);
	syncbn_saved_free(in_eval);
	close_pass(&p);
}

/* ---- momentum ---- */

static void
test_the_cumulative_average_goes_on_from_a_restored_count(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	float x[2] = { 9, 11 }, y[2];
	syncbn_tensor_t tx = syncbn_tensor_nc(x, 2, 1), ty = syncbn_tensor_nc(y, 2, 1);
	syncbn_batch_norm_t *bn;

	config.momentum_rule = SYNCBN_MOMENTUM_CUMULATIVE;
	bn = new_layer(*state, &config);
	assert_ok(syncbn_batch_norm_set_batches_tracked(bn, 3));
	*param_f32(bn, SYNCBN_RUNNING_MEAN) = 2;
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL));
	assert_near((double)*param_f32(bn, SYNCBN_RUNNING_MEAN), (3 * 2 + 10) / 4.0, 1e-6);
	assert_int_equal(syncbn_batch_norm_batches_tracked(bn), 4);
	assert_invalid(syncbn_batch_norm_set_batches_tracked(bn, -1), "n is -1");
	syncbn_batch_norm_free(bn);
}

static void
test_without_running_statistics_nothing_is_counted(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass p;

	config.track_running_stats = 0;
	p = open_pass(*state, &config);
	point(&p);
	assert_ok(forward(&p));
	assert_int_equal(syncbn_batch_norm_batches_tracked(p.bn), 0);
	assert_invalid(syncbn_batch_norm_set_batches_tracked(p.bn, 1), "track_running_stats 0");
	assert_invalid(syncbn_batch_norm_set_batches_tracked(NULL, 1), "bn is NULL");
	close_pass(&p);
}

/* ---- gamma and beta ---- */

/* MindSpore's affine=False: gamma and beta stay, nobody trains them. */
static void
test_fixed_gamma_and_beta_are_used_but_have_no_gradients(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(C);
	struct pass fixed, trained;

	config.gamma_init = (syncbn_initializer_t){ .is_constant = 1, .constant = -2 };
	config.beta_init = (syncbn_initializer_t){ .is_constant = 1, .constant = 0.5 };
	config.training = 1;
	trained = open_pass(*state, &config);
	config.affine = 0;
	fixed = open_pass(*state, &config);
	point(&trained), point(&fixed);
	assert_non_null(param_f32(fixed.bn, SYNCBN_GAMMA));
	assert_null(param_f32(fixed.bn, SYNCBN_DGAMMA));
	assert_null(param_f32(fixed.bn, SYNCBN_DBETA));
	assert_invalid(syncbn_batch_norm_bind(fixed.bn, SYNCBN_DBETA, fixed.y), "affine 0");
	assert_ok(syncbn_batch_norm_bind(fixed.bn, SYNCBN_BETA, NULL));
	assert_ok(forward(&trained));
	assert_ok(forward(&fixed));
	assert_same_f32(fixed.y, trained.y, TOTAL);
	assert_ok(backward(&trained, SYNCBN_WANT_ALL));
	assert_ok(backward(&fixed, 7));
	assert_same_f32(fixed.dx, trained.dx, TOTAL);
	assert_ok(backward(&fixed, SYNCBN_WANT_DGAMMA)); /* left out */
	close_pass(&fixed), close_pass(&trained);
}

static void
test_without_affine_gamma_is_1_and_beta_0(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass with = open_pass(*state, &config), without;

	config.affine = 0;
	without = open_pass(*state, &config);
	point(&with), point(&without);
	assert_null(param_f32(without.bn, SYNCBN_GAMMA));
	assert_null(param_f32(without.bn, SYNCBN_BETA));
	assert_ok(forward(&with));
	assert_ok(forward(&without));
	assert_same_f32(without.y, with.y, TOTAL);
	close_pass(&with), close_pass(&without);
}

static void
test_a_frozen_layer_is_eval_with_gradients(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass eval, frozen;

	config.running_mean_init = (syncbn_initializer_t){ .is_constant = 1, .constant = 2.5 };
	config.running_var_init = (syncbn_initializer_t){ .is_constant = 1, .constant = 4 };
	config.training = 0;
	eval = open_pass(*state, &config);
	config.training = 1;
	config.use_batch_statistics = SYNCBN_BATCH_STATISTICS_NEVER;
	frozen = open_pass(*state, &config);
	point(&eval), point(&frozen);
	assert_ok(forward(&eval));
	assert_ok(forward(&frozen));
	assert_same_f32(frozen.y, eval.y, TOTAL);
	assert_ok(backward(&eval, SYNCBN_WANT_ALL));
	assert_ok(backward(&frozen, 7));
	assert_same_f32(frozen.dx, eval.dx, TOTAL);
	assert_same_f32(param_f32(frozen.bn, SYNCBN_DGAMMA), param_f32(eval.bn, SYNCBN_DGAMMA), C);
	assert_true(*param_f32(frozen.bn, SYNCBN_RUNNING_MEAN) == 2.5f);
	assert_int_equal(syncbn_batch_norm_batches_tracked(frozen.bn), 0);
	close_pass(&eval), close_pass(&frozen);
}

/* After running statistics dx is g * invstd * gamma: what x is has no part in it. */
static void
test_an_x_that_is_no_number_does_not_reach_a_frozen_layers_dx(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass p;

	config.training = 0;
	for (int act = SYNCBN_ACTIVATION_NONE; act <= SYNCBN_ACTIVATION_RELU; act++) {
		config.activation = (syncbn_activation_t)act;
		p = open_pass(*state, &config);
		point(&p);
		p.x[0] = INFINITY, p.x[1] = -INFINITY, p.x[TOTAL - 1] = INFINITY;
		assert_ok(forward(&p));
		assert_ok(backward(&p, SYNCBN_WANT_ALL));
		assert_near((double)p.dx[0], (double)p.dy[0] / sqrt(1 + 1e-5), 1e-6);
		assert_true(act == SYNCBN_ACTIVATION_NONE || p.dx[1] == 0);
		for (int i = 0; i < TOTAL; i++)
			assert_true(isfinite(p.dx[i]));
		close_pass(&p);
	}
}

/* ---- gradients that are wanted ---- */

static void
test_modes_of_parameter_gradients_agree_in_a_world_of_one(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	float dgamma[3], dbeta[3];

	for (int mode = SYNCBN_PARAM_GRAD_LOCAL; mode <= SYNCBN_PARAM_GRAD_MEAN; mode++) {
		struct pass p;

		config.param_grad_mode = (syncbn_param_grad_mode_t)mode;
		p = open_pass(*state, &config);
		point(&p);
		assert_ok(forward(&p));
		assert_ok(syncbn_batch_norm_backward(p.bn, p.saved, &p.tdy, NULL, NULL,
						     SYNCBN_WANT_DGAMMA | SYNCBN_WANT_DBETA));
		dgamma[mode - 1] = param_f32(p.bn, SYNCBN_DGAMMA)[1];
		dbeta[mode - 1] = param_f32(p.bn, SYNCBN_DBETA)[1];
		assert_ok(backward(&p, SYNCBN_WANT_ALL | SYNCBN_ACCUMULATE));
		assert_ulps_f32(param_f32(p.bn, SYNCBN_DGAMMA)[1], 2 * dgamma[mode - 1], 1);
		close_pass(&p);
	}
	assert_true(dgamma[0] == dgamma[1] && dgamma[0] == dgamma[2]);
	assert_true(dbeta[0] == dbeta[1] && dbeta[0] == dbeta[2]);
}

/* ---- in place ---- */

static void
test_in_eval_y_may_be_x_whatever_gamma_is(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass apart, place;

	config.training = 0;
	config.gamma_init.is_constant = 1;
	apart = open_pass(*state, &config), place = open_pass(*state, &config);
	point(&apart), point(&place);
	place.ty = place.tx;
	assert_ok(forward(&apart));
	assert_ok(forward(&place));
	assert_same_f32(place.x, apart.y, TOTAL);
	assert_ok(backward(&apart, SYNCBN_WANT_ALL));
	assert_invalid(backward(&place, SYNCBN_WANT_ALL), "dgamma needs x");
	assert_ok(backward(&place, SYNCBN_WANT_DX | SYNCBN_WANT_DBETA));
	assert_same_f32(place.dx, apart.dx, TOTAL);
	assert_same_f32(param_f32(place.bn, SYNCBN_DBETA), param_f32(apart.bn, SYNCBN_DBETA), C);
	point(&place);
	assert_ok(forward(&place)); /* apart again */
	assert_ok(backward(&place, SYNCBN_WANT_ALL));
	close_pass(&apart), close_pass(&place);
}

/* The mask is computed again from x and z, so neither may be overwritten. */
static void
test_y_is_not_z_where_the_backward_pass_needs_z(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass p = open_pass(*state, &config);

	point(&p);
	assert_ok(syncbn_batch_norm_forward(p.bn, &p.tx, &p.tz, &p.tz, p.saved));
	assert_ok(syncbn_batch_norm_backward(p.bn, p.saved, &p.tdy, &p.tdx, &p.tdz, 7));
	assert_same_f32(p.dz, p.dy, TOTAL);
	close_pass(&p);
	config.activation = SYNCBN_ACTIVATION_RELU;
	p = open_pass(*state, &config);
	point(&p);
	assert_invalid(syncbn_batch_norm_forward(p.bn, &p.tx, &p.tz, &p.tz, p.saved), "y is z");
	assert_ok(syncbn_batch_norm_forward(p.bn, &p.tx, &p.tz, &p.tz, NULL));
	close_pass(&p);
}

static void
test_gradients_may_take_their_inputs_places(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	struct pass apart, place;

	config.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	apart = open_pass(*state, &config), place = open_pass(*state, &config);
	point(&apart), point(&place);
	assert_ok(
		syncbn_batch_norm_forward(apart.bn, &apart.tx, &apart.tz, &apart.ty, apart.saved));
	assert_ok(
		syncbn_batch_norm_forward(place.bn, &place.tx, &place.tz, &place.ty, place.saved));
	assert_ok(syncbn_batch_norm_backward(apart.bn, apart.saved, &apart.tdy, &apart.tdx,
					     &apart.tdz, 7));
	assert_invalid(syncbn_batch_norm_backward(place.bn, place.saved, &place.tdy, &place.tdy,
						  &place.tdy, 7),
		       "dx and dz share memory");
	assert_ok(syncbn_batch_norm_backward(place.bn, place.saved, &place.tdy, &place.tx,
					     &place.tz, 7));
	assert_same_f32(place.x, apart.dx, TOTAL);
	assert_same_f32(place.z, apart.dz, TOTAL);
	close_pass(&apart), close_pass(&place);
}

/* ---- one value ---- */

static void
check_one_value(syncbn_group_t *world, const syncbn_batch_norm_config_t *config, const char *words)
{
	struct pass p = open_pass(world, config);

	p.tx = syncbn_tensor_nchw(p.x, 1, C, 1, 1);
	p.ty = syncbn_tensor_nchw(p.y, 1, C, 1, 1);
	p.y[0] = 77;
	if (words == NULL) {
		assert_ok(forward(&p));
	} else {
		assert_invalid(forward(&p), words);
		assert_true(p.y[0] == 77);
		assert_int_equal(syncbn_batch_norm_batches_tracked(p.bn), 0);
	}
	close_pass(&p);
}

static void
test_one_value_is_refused_where_it_would_be_its_own_mean(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);

	check_one_value(*state, &config, "in the whole group");
	config.training = 0;
	check_one_value(*state, &config, NULL);
	config.use_batch_statistics = SYNCBN_BATCH_STATISTICS_ALWAYS;
	check_one_value(*state, &config, "in the whole group");
	config.training = 1;
	config.use_batch_statistics = SYNCBN_BATCH_STATISTICS_NEVER;
	check_one_value(*state, &config, NULL);
	config.use_batch_statistics = SYNCBN_BATCH_STATISTICS_BY_MODE;
	config.training = config.track_running_stats = 0;
	check_one_value(*state, &config, "on this rank");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torchs_decision_table_holds),
		cmocka_unit_test(test_mindspores_decision_table_holds),
		cmocka_unit_test(test_a_backward_pass_follows_its_forward_whatever_the_mode_is_now),
		cmocka_unit_test(test_the_cumulative_average_goes_on_from_a_restored_count),
		cmocka_unit_test(test_without_running_statistics_nothing_is_counted),
		cmocka_unit_test(test_fixed_gamma_and_beta_are_used_but_have_no_gradients),
		cmocka_unit_test(test_without_affine_gamma_is_1_and_beta_0),
		cmocka_unit_test(test_a_frozen_layer_is_eval_with_gradients),
		cmocka_unit_test(test_an_x_that_is_no_number_does_not_reach_a_frozen_layers_dx),
		cmocka_unit_test(test_modes_of_parameter_gradients_agree_in_a_world_of_one),
		cmocka_unit_test(test_in_eval_y_may_be_x_whatever_gamma_is),
		cmocka_unit_test(test_y_is_not_z_where_the_backward_pass_needs_z),
		cmocka_unit_test(test_gradients_may_take_their_inputs_places),
		cmocka_unit_test(test_one_value_is_refused_where_it_would_be_its_own_mean),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
