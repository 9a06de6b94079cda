/* SPDX-License-Identifier: Apache-2.0 */
/* Initial values: MindSpore's names, numbers and arrays. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "nn/initializer.h"
#include "unit/near.h"
#include "unit/world_of_one.h"

enum { MANY = 20000 };

static double values[MANY], others[MANY];

static syncbn_initializer_t
named(const char *name, uint64_t seed)
{
	syncbn_initializer_t init = SYNCBN_INITIALIZER_DEFAULT;

	init.name = name;
	init.seed = seed;
	return init;
}

static syncbn_status_t
check(const char *field, const syncbn_initializer_t *init)
{
	const struct sbn_initialized array = { field, 1, -INFINITY, DBL_MAX };

	return sbn_initializer_check(&array, init);
}

/* Fills values and checks mean, spread and the largest size. */
static void
check_distribution(const char *name, double sd, double limit)
{
	syncbn_initializer_t init = named(name, 7);
	double sum = 0, squares = 0, largest = 0;

	assert_ok(check("gamma_init", &init));
	sbn_initializer_fill(&init, 99, 0, values, MANY);
	for (size_t i = 0; i < MANY; i++) {
		sum += values[i];
		squares += values[i] * values[i];
		largest = fmax(largest, fabs(values[i]));
	}
	assert_near(sum / MANY, 0, 5 * sd / sqrt(MANY));
	assert_near_relative(sqrt(squares / MANY), sd, 0.03);
	assert_true(largest <= limit && largest > 0.7 * limit);
}

static void
test_random_values_are_spread_as_mindspores(void **state)
{
	(void)state;
	check_distribution("uniform", 0.07 / sqrt(3), 0.07);
	check_distribution("truncatednormal", 0.0087962566103423978, 0.02);
	check_distribution("Normal", 0.01, 0.05); /* 20000 draws reach about 4 sigma */
}

static void
test_constant_names_and_aliases_hold(void **state)
{
	static const struct {
		const char *name;
		double value;
	} table[] = { { "zeros", 0 }, { "zero", 0 },  { "ones", 1 },
		      { "one", 1 },   { "ZEROS", 0 }, { "Ones", 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		syncbn_initializer_t init = named(table[i].name, 1);

		assert_ok(check("beta_init", &init));
		sbn_initializer_fill(&init, 99, 1, values, 3);
		for (size_t c = 0; c < 3; c++)
			assert_true(values[c] == table[i].value);
	}
}

static void
test_a_seed_fixes_the_sequence_whatever_its_length(void **state)
{
	syncbn_initializer_t init = named("normal", 42), other = named("normal", 43);

	(void)state;
	sbn_initializer_fill(&init, 0, 0, values, 100);
	sbn_initializer_fill(&init, 0, 0, others, 50);
	assert_same_f64(others, values, 50);
	sbn_initializer_fill(&other, 0, 0, others, 100);
	assert_true(sbn_first_diff_f64(others, values, 100) == 0);
	sbn_initializer_fill(&init, 0, 1, others, 100); /* another array of the layer */
	assert_true(sbn_first_diff_f64(others, values, 100) == 0);
}

static void
test_names_that_need_a_matrix_are_refused_with_the_reason(void **state)
{
	static const char *const names[] = { "xavier_uniform", "XavierUniform", "xavier_normal",
					     "xaviernormal",   "he_uniform",    "heuniform",
					     "he_normal",      "HeNormal",      "orthogonal",
					     "identity",       "sparse",        "dirac",
					     "variancescaling" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		syncbn_initializer_t init = named(names[i], 0);

		assert_invalid(check("running_mean_init", &init),
			       "needs an array of two or more dimensions");
		assert_non_null(strstr(syncbn_last_error(), "running_mean_init.name"));
		assert_non_null(strstr(syncbn_last_error(), names[i]));
	}
}

static void
test_what_makes_no_sense_is_refused(void **state)
{
	syncbn_initializer_t unknown = named("gaussian", 0), two = named("ones", 0);
	syncbn_initializer_t empty = named("", 0), flag = SYNCBN_INITIALIZER_DEFAULT;
	static const double array[1];

	(void)state;
	assert_invalid(check("gamma_init", &unknown), "gamma_init.name is \"gau");
	assert_invalid(check("gamma_init", &empty), "gamma_init.name is \"\"");
	unknown.name = "a\n\033[31mb";
	assert_invalid(check("gamma_init", &unknown), "\"a??[31mb\"");
	two.values = array;
	assert_invalid(check("beta_init", &two), "beta_init has more than one");
	two.values = NULL;
	two.is_constant = 1;
	assert_invalid(check("beta_init", &two), "beta_init has more than one");
	flag.is_constant = 2;
	assert_invalid(check("beta_init", &flag), "beta_init.is_constant is 2");
	flag.is_constant = 1;
	flag.constant = NAN;
	assert_invalid(check("beta_init", &flag), "beta_init.constant");
	flag.constant = -INFINITY;
	assert_invalid(check("beta_init", &flag), "beta_init.constant");
}

#define refuse(init, config, words)                                                     \
	do {                                                                            \
		syncbn_batch_norm_t *none;                                              \
		(config).init;                                                          \
		assert_invalid(syncbn_batch_norm_new(*state, &(config), &none), words); \
	} while (0)

static const syncbn_batch_norm_config_t torch = SYNCBN_BATCH_NORM_TORCH(3);

static void
test_numbers_are_finite_ones_of_the_dtype(void **state)
{
	static const double spoilt[] = { NAN, INFINITY, -INFINITY, 1e300, -1e39 };
	syncbn_batch_norm_config_t config;

	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		double three[3] = { 1, 2, spoilt[i] };

		config = torch;
		refuse(gamma_init.values = three, config, "gamma_init.values[2] is");
		config = torch;
		config.beta_init.is_constant = 1;
		refuse(beta_init.constant = spoilt[i], config, "beta_init.constant is");
	}
	config.dtype = SYNCBN_FLOAT64;
	config.beta_init.constant = 1e300;
	syncbn_batch_norm_free(new_layer(*state, &config));
}

static void
test_a_running_variance_starts_at_0_or_more(void **state)
{
	static const double negative[3] = { 0, 1, -1e-9 }, fine[3] = { 0, -0.0, 1e38 };
	syncbn_batch_norm_config_t config = torch;

	refuse(running_var_init.values = negative, config, "running_var_init.values[2] is -1e-09");
	config.running_var_init.values = fine;
	config.running_mean_init.values = negative;
	syncbn_batch_norm_free(new_layer(*state, &config));
	config = torch;
	config.running_var_init.name = "uniform"; /* its numbers are mindspore.nn's affair */
	syncbn_batch_norm_free(new_layer(*state, &config));
	config = torch;
	config.running_var_init.is_constant = 1;
	refuse(running_var_init.constant = -1, config, "running_var_init.constant is -1");
}

static void
test_an_array_that_is_not_there_cannot_be_initialized(void **state)
{
	syncbn_batch_norm_config_t config = torch, mindspore = SYNCBN_BATCH_NORM_MINDSPORE(3);

	config.affine = 0;
	refuse(gamma_init.name = "ones", config, "set affine or fixed_affine to 1");
	config.gamma_init.name = NULL;
	refuse(beta_init.is_constant = 1, config, "beta_init is given");
	config = torch;
	config.track_running_stats = 0;
	refuse(running_mean_init.name = "zeros", config, "set track_running_stats to 1");
	config.running_mean_init.name = NULL;
	config.running_var_init.seed = 5;
	syncbn_batch_norm_free(new_layer(*state, &config));
	mindspore.affine = 0;
	mindspore.gamma_init.name = "ones";
	syncbn_batch_norm_free(new_layer(*state, &mindspore));
}

static void
test_a_layer_starts_with_its_initial_values(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(3);
	double array[3] = { 5, 6, 7 };
	syncbn_batch_norm_t *bn;
	const float *gamma, *beta, *mean, *var;

	config.gamma_init = named("uniform", 3);
	config.beta_init.is_constant = 1;
	config.beta_init.constant = -2.5;
	config.running_mean_init.values = array;
	config.running_var_init = named("zeros", 0);
	bn = new_layer(*state, &config);
	array[1] = 1000; /* copied */
	gamma = syncbn_batch_norm_param(bn, SYNCBN_GAMMA);
	beta = syncbn_batch_norm_param(bn, SYNCBN_BETA);
	mean = syncbn_batch_norm_param(bn, SYNCBN_RUNNING_MEAN);
	var = syncbn_batch_norm_param(bn, SYNCBN_RUNNING_VAR);
	assert_true(gamma[0] != 1 && fabsf(gamma[0]) < 0.07f && gamma[0] != gamma[1]);
	assert_true(beta[0] == -2.5f && beta[2] == -2.5f && var[0] == 0);
	assert_true(mean[0] == 5 && mean[1] == 6 && mean[2] == 7);
	syncbn_batch_norm_free(bn);
}

static void
test_reset_writes_them_again_also_into_bound_memory(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(4);
	double first[4], bound[4] = { 9, 9, 9, 9 };
	syncbn_batch_norm_t *bn;
	double *gamma;

	config.dtype = SYNCBN_FLOAT64;
	config.gamma_init = named("normal", 11);
	bn = new_layer(*state, &config);
	gamma = syncbn_batch_norm_param(bn, SYNCBN_GAMMA);
	memcpy(first, gamma, sizeof(first));
	assert_ok(syncbn_batch_norm_set_batches_tracked(bn, 5));
	assert_ok(syncbn_batch_norm_bind(bn, SYNCBN_GAMMA, bound));
	assert_true(bound[0] == 9);
	assert_ok(syncbn_batch_norm_reset(bn));
	assert_same_f64(bound, first, 4);
	assert_int_equal(syncbn_batch_norm_batches_tracked(bn), 0);
	syncbn_batch_norm_free(bn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_values_are_spread_as_mindspores),
		cmocka_unit_test(test_constant_names_and_aliases_hold),
		cmocka_unit_test(test_a_seed_fixes_the_sequence_whatever_its_length),
		cmocka_unit_test(test_names_that_need_a_matrix_are_refused_with_the_reason),
		cmocka_unit_test(test_what_makes_no_sense_is_refused),
		cmocka_unit_test(test_numbers_are_finite_ones_of_the_dtype),
		cmocka_unit_test(test_a_running_variance_starts_at_0_or_more),
		cmocka_unit_test(test_an_array_that_is_not_there_cannot_be_initialized),
		cmocka_unit_test(test_a_layer_starts_with_its_initial_values),
		cmocka_unit_test(test_reset_writes_them_again_also_into_bound_memory),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
