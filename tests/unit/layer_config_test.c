/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule of a layer's configuration: the field is named, and its limits are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/layer.h"
#include "unit/near.h"
#include "unit/world_of_one.h"

/* Spoils one field of a good configuration. */
#define refuse(field, value)                                                    \
	do {                                                                    \
		syncbn_batch_norm_config_t spoilt = SYNCBN_BATCH_NORM_TORCH(2); \
		spoilt.field = (value);                                         \
		assert_invalid(sbn_batch_norm_check_config(&spoilt), #field);   \
	} while (0)

#define take(field, value)                                                           \
	do {                                                                         \
		syncbn_batch_norm_config_t changed = SYNCBN_BATCH_NORM_MINDSPORE(2); \
		changed.field = (value);                                             \
		assert_ok(sbn_batch_norm_check_config(&changed));                    \
	} while (0)

/* torch accepts num_features 0, eps < 0, and momentum outside 0 to 1. */
static void
test_numbers_that_torch_does_not_check_are_checked(void **state)
{
	(void)state;
	refuse(num_features, 0);
	refuse(num_features, -1);
	refuse(num_features, 16777216);
	refuse(num_features, INT64_MAX);
	refuse(num_features, INT64_C(1) << 32 | 1);
	refuse(eps, -1e-300);
	refuse(eps, NAN);
	refuse(eps, INFINITY);
	refuse(momentum, -1e-9);
	refuse(momentum, 1.0000001);
	refuse(momentum, NAN);
	refuse(momentum, -INFINITY);
}

static void
test_the_ends_of_the_ranges_are_taken(void **state)
{
	(void)state;
	take(num_features, 1);
	take(num_features, 16777215);
	take(eps, 0.0);
	take(eps, 1e300);
	take(momentum, 0.0);
	take(momentum, 1.0);
	take(negative_slope, NAN); /* not used */
	take(name, "");
}

static void
test_every_choice_must_be_a_named_one(void **state)
{
	static const int wrong[] = { 0, -1, 4, 1000, INT32_MIN };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refuse(momentum_rule, (syncbn_momentum_rule_t)wrong[i]);
		refuse(use_batch_statistics, (syncbn_use_batch_statistics_t)wrong[i]);
		refuse(var_mode, (syncbn_var_mode_t)wrong[i]);
		refuse(param_grad_mode, (syncbn_param_grad_mode_t)wrong[i]);
		refuse(activation, (syncbn_activation_t)wrong[i]);
		refuse(dtype, (syncbn_dtype_t)wrong[i]);
	}
	refuse(var_mode, (syncbn_var_mode_t)3);
	refuse(dtype, SYNCBN_BFLOAT16);
	refuse(dtype, SYNCBN_FLOAT16);
}

static void
test_every_flag_is_0_or_1(void **state)
{
	static const int wrong[] = { -1, 2, INT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refuse(affine, wrong[i]);
		refuse(track_running_stats, wrong[i]);
		refuse(training, wrong[i]);
		refuse(only_2d_4d, wrong[i]);
		refuse(fixed_affine, wrong[i]);
	}
}

static void
test_every_named_choice_is_taken(void **state)
{
	(void)state;
	take(momentum_rule, SYNCBN_MOMENTUM_NEW);
	take(momentum_rule, SYNCBN_MOMENTUM_CUMULATIVE);
	take(use_batch_statistics, SYNCBN_BATCH_STATISTICS_ALWAYS);
	take(use_batch_statistics, SYNCBN_BATCH_STATISTICS_NEVER);
	take(var_mode, SYNCBN_VAR_UNBIASED_GLOBAL);
	take(param_grad_mode, SYNCBN_PARAM_GRAD_LOCAL);
	take(param_grad_mode, SYNCBN_PARAM_GRAD_SUM);
	take(dtype, SYNCBN_FLOAT64);
	take(activation, SYNCBN_ACTIVATION_RELU);
	take(activation, SYNCBN_ACTIVATION_LEAKY_RELU);
	take(affine, 0);
	take(track_running_stats, 0);
	take(fixed_affine, 0);
	take(only_2d_4d, 0);
}

static void
test_size_guards_against_other_headers(void **state)
{
	(void)state;
	refuse(size, 0);
	refuse(size, sizeof(syncbn_batch_norm_config_t) - 8);
	refuse(size, sizeof(syncbn_batch_norm_config_t) + 8);
	assert_non_null(strstr(syncbn_last_error(), "SYNCBN_BATCH_NORM_TORCH"));
}

static void
test_a_leaky_relus_slope_must_be_finite(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);

	(void)state;
	config.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	config.negative_slope = -0.5;
	assert_ok(sbn_batch_norm_check_config(&config));
	config.negative_slope = NAN;
	assert_invalid(sbn_batch_norm_check_config(&config), "negative_slope");
	config.negative_slope = INFINITY;
	assert_invalid(sbn_batch_norm_check_config(&config), "negative_slope");
}

static void
test_a_slope_must_fit_the_layers_type(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);

	(void)state;
	config.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	config.negative_slope = 1e300;
	assert_invalid(sbn_batch_norm_check_config(&config), "negative_slope");
	config.dtype = SYNCBN_FLOAT64;
	assert_ok(sbn_batch_norm_check_config(&config));
}

static void
test_momentum_of_the_cumulative_average_is_not_looked_at(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);

	(void)state;
	config.momentum_rule = SYNCBN_MOMENTUM_CUMULATIVE;
	config.momentum = -7;
	assert_ok(sbn_batch_norm_check_config(&config));
	config.momentum = NAN;
	assert_ok(sbn_batch_norm_check_config(&config));
}

static void
test_frozen_statistics_must_exist(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);

	(void)state;
	config.track_running_stats = 0;
	assert_ok(sbn_batch_norm_check_config(&config));
	config.use_batch_statistics = SYNCBN_BATCH_STATISTICS_NEVER;
	assert_invalid(sbn_batch_norm_check_config(&config), "track_running_stats");
}

static void
test_each_arrays_initializer_is_checked_by_its_name(void **state)
{
	(void)state;
	refuse(gamma_init.name, "he_normal");
	refuse(beta_init.name, "no such");
	refuse(running_mean_init.is_constant, 3);
	refuse(running_var_init.name, "xavier_uniform");
}

/* Two configurations that the ranks of one layer must not have together. */
#define tells_apart(field, value)                                                                  \
	do {                                                                                       \
		syncbn_batch_norm_config_t one = SYNCBN_BATCH_NORM_TORCH(2), two = one;            \
		two.field = (value);                                                               \
		assert_true(sbn_batch_norm_hash_config(&one) != sbn_batch_norm_hash_config(&two)); \
	} while (0)

static void
test_ranks_settings_are_told_apart_by_every_field(void **state)
{
	(void)state;
	tells_apart(eps, 1e-3);
	tells_apart(momentum, 0.2);
	tells_apart(momentum_rule, SYNCBN_MOMENTUM_OLD);
	tells_apart(affine, 0);
	tells_apart(track_running_stats, 0);
	tells_apart(use_batch_statistics, SYNCBN_BATCH_STATISTICS_ALWAYS);
	tells_apart(var_mode, SYNCBN_VAR_BIASED);
	tells_apart(param_grad_mode, SYNCBN_PARAM_GRAD_MEAN);
	tells_apart(only_2d_4d, 1);
	tells_apart(fixed_affine, 1);
	tells_apart(dtype, SYNCBN_FLOAT64);
	tells_apart(activation, SYNCBN_ACTIVATION_RELU);
	tells_apart(negative_slope, 0.2);
}

static void
test_name_mode_and_initial_values_may_differ(void **state)
{
	syncbn_batch_norm_config_t one = SYNCBN_BATCH_NORM_TORCH(2), two = one;

	(void)state;
	one.eps = 0.0;
	two.eps = -0.0; /* the same number */
	two.name = "another";
	two.training = 0;
	two.gamma_init.name = "uniform";
	two.running_var_init.is_constant = 1;
	assert_true(sbn_batch_norm_hash_config(&one) == sbn_batch_norm_hash_config(&two));
}

static void
test_a_layer_tells_its_configuration(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(5),
				   got = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_batch_norm_t *bn;

	config.name = "stem";
	config.eps = 1e-3;
	config.activation = SYNCBN_ACTIVATION_RELU;
	config.beta_init.name = "ones";
	bn = new_layer(*state, &config);
	assert_ok(syncbn_batch_norm_train(bn, 1));
	assert_ok(syncbn_batch_norm_get_config(bn, &got));
	assert_true(got.size == sizeof(got) && got.num_features == 5 && got.eps == 1e-3);
	assert_true(got.momentum == 0.9 && got.activation == SYNCBN_ACTIVATION_RELU);
	assert_true(got.training == 1 && got.only_2d_4d == 1 && got.fixed_affine == 1);
	assert_null(got.name);
	assert_null(got.beta_init.name);
	assert_ok(sbn_batch_norm_check_config(&got)); /* a layer can be made with it */
	assert_invalid(syncbn_batch_norm_get_config(NULL, &got), "bn is NULL");
	assert_invalid(syncbn_batch_norm_get_config(bn, NULL), "config is NULL");
	syncbn_batch_norm_free(bn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_that_torch_does_not_check_are_checked),
		cmocka_unit_test(test_the_ends_of_the_ranges_are_taken),
		cmocka_unit_test(test_every_choice_must_be_a_named_one),
		cmocka_unit_test(test_every_flag_is_0_or_1),
		cmocka_unit_test(test_every_named_choice_is_taken),
		cmocka_unit_test(test_size_guards_against_other_headers),
		cmocka_unit_test(test_a_leaky_relus_slope_must_be_finite),
		cmocka_unit_test(test_a_slope_must_fit_the_layers_type),
		cmocka_unit_test(test_momentum_of_the_cumulative_average_is_not_looked_at),
		cmocka_unit_test(test_frozen_statistics_must_exist),
		cmocka_unit_test(test_each_arrays_initializer_is_checked_by_its_name),
		cmocka_unit_test(test_ranks_settings_are_told_apart_by_every_field),
		cmocka_unit_test(test_name_mode_and_initial_values_may_differ),
		cmocka_unit_test(test_a_layer_tells_its_configuration),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
