/* SPDX-License-Identifier: Apache-2.0 */
/* One layer in a world of one: modes, running statistics, parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/world_of_one.h"

/* Channel 0 is 1, 3: mean 2, biased variance 1, unbiased 2; channel 1 is twice that. */
static float two_by_two[4] = { 1, 2, 3, 4 };

static syncbn_tensor_t
nc(float *data, int64_t n)
{
	return syncbn_tensor_nc(data, n, 2);
}

/* What a forward over two_by_two left in channel 0. */
struct outcome {
	float y;         /* of the value 3 */
	float mean, var; /* running */
	int64_t tracked;
	double count;
};

static struct outcome
forward(syncbn_batch_norm_t *bn)
{
	float y[4];
	syncbn_tensor_t tx = nc(two_by_two, 2), ty = nc(y, 2);
	syncbn_saved_t *saved = new_saved(bn);
	float *mean = param_f32(bn, SYNCBN_RUNNING_MEAN);
	float *var = param_f32(bn, SYNCBN_RUNNING_VAR);
	syncbn_statistics_t statistics;

	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, saved));
	assert_ok(syncbn_saved_statistics(saved, &statistics));
	syncbn_saved_free(saved);
	return (struct outcome){ y[2], mean == NULL ? -1 : *mean, var == NULL ? -1 : *var,
				 syncbn_batch_norm_batches_tracked(bn), statistics.count };
}

#define BY_BATCH 0.99999500f   /* (3 - 2) / sqrt(1 + 1e-5) */
#define BY_RUNNING 2.99998500f /* (3 - 0) / sqrt(1 + 1e-5) */

struct decision {
	int training, track;
	syncbn_use_batch_statistics_t use;
	float y;
	int updates;
};

static void
check_decision(syncbn_group_t *world, const struct decision *d)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	syncbn_batch_norm_t *bn;
	struct outcome got;

	config.training = d->training;
	config.track_running_stats = d->track;
	config.use_batch_statistics = d->use;
	bn = new_layer(world, &config);
	got = forward(bn);
	assert_near((double)got.y, (double)d->y, 1e-6);
	assert_near(got.count, d->y == BY_BATCH ? 2 : 0, 0);
	assert_int_equal(got.tracked, d->updates);
	assert_near((double)got.mean, d->track ? 0.2 * d->updates : -1, 1e-7);
	assert_near((double)got.var, d->track ? 1 + 0.1 * d->updates : -1, 1e-7);
	syncbn_batch_norm_free(bn);
}

static void
test_the_decision_tables_hold(void **state)
{
	static const struct decision table[] = {
		{ 1, 1, SYNCBN_BATCH_STATISTICS_BY_MODE, BY_BATCH, 1 },
		{ 1, 0, SYNCBN_BATCH_STATISTICS_BY_MODE, BY_BATCH, 0 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_BY_MODE, BY_RUNNING, 0 },
		{ 0, 0, SYNCBN_BATCH_STATISTICS_BY_MODE, BY_BATCH, 0 },
		{ 1, 1, SYNCBN_BATCH_STATISTICS_ALWAYS, BY_BATCH, 1 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_ALWAYS, BY_BATCH, 1 },
		{ 0, 0, SYNCBN_BATCH_STATISTICS_ALWAYS, BY_BATCH, 0 },
		{ 1, 1, SYNCBN_BATCH_STATISTICS_NEVER, BY_RUNNING, 0 },
		{ 0, 1, SYNCBN_BATCH_STATISTICS_NEVER, BY_RUNNING, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_decision(*state, &table[i]);
}

static void
test_a_layer_switches_between_training_and_eval(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(2);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);

	assert_near((double)forward(bn).y, (double)BY_RUNNING, 1e-6); /* starts in eval */
	assert_ok(syncbn_batch_norm_train(bn, -5));
	assert_near((double)forward(bn).y, (double)BY_BATCH, 1e-6);
	assert_ok(syncbn_batch_norm_train(bn, 0));
	assert_int_equal(forward(bn).tracked, 1);
	syncbn_batch_norm_free(bn);
}

/* Forwards over batches of channel means 2 + 1, 2 + 2, ...: the running means after each. */
static void
check_running_means(syncbn_group_t *world, syncbn_momentum_rule_t rule, double momentum,
		    const double expected[3])
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_batch_norm_t *bn;
	float data[2], y[2];
	syncbn_tensor_t tx = syncbn_tensor_nc(data, 2, 1), ty = syncbn_tensor_nc(y, 2, 1);

	config.momentum_rule = rule;
	config.momentum = momentum;
	bn = new_layer(world, &config);
	for (int i = 0; i < 3; i++) {
		data[0] = (float)i + 2; /* means 2.5, 3.5, 4.5 */
		data[1] = (float)i + 3;
		assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL));
		assert_near((double)*param_f32(bn, SYNCBN_RUNNING_MEAN), expected[i], 1e-6);
		assert_int_equal(syncbn_batch_norm_batches_tracked(bn), i + 1);
	}
	syncbn_batch_norm_free(bn);
}

static void
test_momentum_follows_its_rule(void **state)
{
	check_running_means(*state, SYNCBN_MOMENTUM_CUMULATIVE, 0.1, (double[]){ 2.5, 3.0, 3.5 });
	check_running_means(*state, SYNCBN_MOMENTUM_CUMULATIVE, NAN, (double[]){ 2.5, 3.0, 3.5 });
	check_running_means(*state, SYNCBN_MOMENTUM_NEW, 0.1, (double[]){ 0.25, 0.575, 0.9675 });
	check_running_means(*state, SYNCBN_MOMENTUM_OLD, 0.9, (double[]){ 0.25, 0.575, 0.9675 });
	check_running_means(*state, SYNCBN_MOMENTUM_NEW, 1, (double[]){ 2.5, 3.5, 4.5 });
	check_running_means(*state, SYNCBN_MOMENTUM_NEW, 0, (double[]){ 0, 0, 0 });
	check_running_means(*state, SYNCBN_MOMENTUM_OLD, 0, (double[]){ 2.5, 3.5, 4.5 });
	check_running_means(*state, SYNCBN_MOMENTUM_OLD, 1, (double[]){ 0, 0, 0 });
}

static void
test_the_running_variance_follows_its_mode(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	syncbn_batch_norm_t *unbiased, *biased;

	config.momentum = 1;
	unbiased = new_layer(*state, &config);
	config.var_mode = SYNCBN_VAR_BIASED;
	biased = new_layer(*state, &config);
	assert_near((double)forward(unbiased).var, 2, 0);
	assert_near((double)forward(biased).var, 1, 0);
	syncbn_batch_norm_free(unbiased);
	syncbn_batch_norm_free(biased);
}

static void
test_frameworks_defaults_are_theirs(void **state)
{
	syncbn_batch_norm_config_t torch = SYNCBN_BATCH_NORM_TORCH(7);
	syncbn_batch_norm_config_t mindspore = SYNCBN_BATCH_NORM_MINDSPORE(7);

	(void)state;
	assert_true(torch.size == sizeof(torch) && torch.num_features == 7 && torch.name == NULL);
	assert_true(torch.eps == 1e-5 && torch.momentum == 0.1 && torch.training == 1);
	assert_int_equal(torch.momentum_rule, SYNCBN_MOMENTUM_NEW);
	assert_int_equal(torch.var_mode, SYNCBN_VAR_UNBIASED_GLOBAL);
	assert_int_equal(torch.param_grad_mode, SYNCBN_PARAM_GRAD_LOCAL);
	assert_int_equal(torch.only_2d_4d, 0);
	assert_true(mindspore.eps == 1e-5 && mindspore.momentum == 0.9 && mindspore.training == 0);
	assert_int_equal(mindspore.momentum_rule, SYNCBN_MOMENTUM_OLD);
	assert_int_equal(mindspore.var_mode, SYNCBN_VAR_BIASED);
	assert_int_equal(mindspore.param_grad_mode, SYNCBN_PARAM_GRAD_MEAN);
	assert_int_equal(mindspore.only_2d_4d, 1);
}

/* ---- parameters ---- */

static void
assert_initial(syncbn_batch_norm_t *bn)
{
	for (int which = SYNCBN_GAMMA; which <= SYNCBN_DBETA; which++) {
		const float *param = param_f32(bn, (syncbn_param_t)which);
		int one = which == SYNCBN_GAMMA || which == SYNCBN_RUNNING_VAR;

		assert_non_null(param);
		for (int c = 0; c < 2; c++)
			assert_true(param[c] == (one ? 1.0f : 0.0f));
	}
	assert_int_equal(syncbn_batch_norm_batches_tracked(bn), 0);
}

static void
test_reset_restores_the_initial_values(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);

	assert_initial(bn);
	forward(bn);
	for (int which = SYNCBN_GAMMA; which <= SYNCBN_DBETA; which++)
		param_f32(bn, (syncbn_param_t)which)[1] = 9;
	assert_ok(syncbn_batch_norm_reset(bn));
	assert_initial(bn);
	syncbn_batch_norm_free(bn);
}

static void
test_bound_memory_is_used_with_its_values(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	float beta[2] = { 10, 20 }, mean[2] = { 100, 100 };

	assert_ok(syncbn_batch_norm_bind(bn, SYNCBN_BETA, beta));
	assert_ok(syncbn_batch_norm_bind(bn, SYNCBN_RUNNING_MEAN, mean));
	assert_ptr_equal(param_f32(bn, SYNCBN_BETA), beta);
	assert_near((double)forward(bn).y, (double)BY_BATCH + 10, 1e-5);
	assert_near((double)mean[0], 90.2, 1e-4);
	assert_ok(syncbn_batch_norm_bind(bn, SYNCBN_RUNNING_MEAN, NULL));
	assert_true(*param_f32(bn, SYNCBN_RUNNING_MEAN) == 0); /* the value it had */
	assert_ok(syncbn_batch_norm_reset(bn));
	assert_true(beta[0] == 0 && beta[1] == 0);
	assert_near((double)mean[0], 90.2, 1e-4); /* bound no longer */
	syncbn_batch_norm_free(bn);
}

static void
test_what_a_layer_lacks_is_null(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	syncbn_batch_norm_t *bn;

	config.affine = config.track_running_stats = 0;
	bn = new_layer(*state, &config);
	for (int which = SYNCBN_GAMMA - 1; which <= SYNCBN_DBETA + 1; which++)
		assert_null(param_f32(bn, (syncbn_param_t)which));
	assert_null(param_f32(NULL, SYNCBN_GAMMA));
	assert_near((double)forward(bn).y, (double)BY_BATCH, 1e-6);
	assert_ok(syncbn_batch_norm_reset(bn));
	syncbn_batch_norm_free(bn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_decision_tables_hold),
		cmocka_unit_test(test_a_layer_switches_between_training_and_eval),
		cmocka_unit_test(test_momentum_follows_its_rule),
		cmocka_unit_test(test_the_running_variance_follows_its_mode),
		cmocka_unit_test(test_frameworks_defaults_are_theirs),
		cmocka_unit_test(test_reset_restores_the_initial_values),
		cmocka_unit_test(test_bound_memory_is_used_with_its_values),
		cmocka_unit_test(test_what_a_layer_lacks_is_null),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
