/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BatchNormalization cases of ONNX's backend tests (test_batchnorm_*): shape (2, 3, 4, 5),
 * both epsilons, both training modes, by the formulas of its reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"
#include "unit/random.h"
#include "unit/world_of_one.h"

enum { N = 2, C = 3, SPATIAL = 20, TOTAL = N * C * SPATIAL };

/* The node's five inputs, in double, and its three outputs by the reference. */
struct node {
	double epsilon, momentum;
	int training_mode;
	double x[TOTAL], scale[C], bias[C], input_mean[C], input_var[C];
	double y[TOTAL], output_mean[C], output_var[C];
};

static size_t
at(size_t n, size_t c, size_t s)
{
	return (n * C + c) * SPATIAL + s;
}

static void
draw(struct node *node)
{
	uint64_t seed = 2021;

	for (size_t i = 0; i < TOTAL; i++)
		node->x[i] = (double)(float)sbn_random_normal(&seed);
	for (size_t c = 0; c < C; c++) {
		node->scale[c] = (double)(float)sbn_random_normal(&seed);
		node->bias[c] = (double)(float)sbn_random_normal(&seed);
		node->input_mean[c] = (double)(float)sbn_random_normal(&seed);
		node->input_var[c] = (double)(float)sbn_random_unit(&seed);
	}
}

/* saved_mean and saved_var: of the batch, biased. */
static void
batch_statistics(const struct node *node, size_t c, double *mean, double *var)
{
	*mean = *var = 0;
	for (size_t i = 0; i < N * SPATIAL; i++)
		*mean += node->x[at(i / SPATIAL, c, i % SPATIAL)] / (N * SPATIAL);
	for (size_t i = 0; i < N * SPATIAL; i++) {
		double d = node->x[at(i / SPATIAL, c, i % SPATIAL)] - *mean;

		*var += d * d / (N * SPATIAL);
	}
}

static void
compute(struct node *node)
{
	for (size_t c = 0; c < C; c++) {
		double mean = node->input_mean[c], var = node->input_var[c];

		if (node->training_mode)
			batch_statistics(node, c, &mean, &var);
		/* in test mode these are the inputs again */
		node->output_mean[c] =
			node->input_mean[c] * node->momentum + mean * (1 - node->momentum);
		node->output_var[c] =
			node->input_var[c] * node->momentum + var * (1 - node->momentum);
		for (size_t i = 0; i < N * SPATIAL; i++) {
			size_t k = at(i / SPATIAL, c, i % SPATIAL);

			node->y[k] =
				node->scale[c] * (node->x[k] - mean) / sqrt(var + node->epsilon) +
				node->bias[c];
		}
	}
}

static syncbn_batch_norm_t *
layer_of(syncbn_group_t *world, const struct node *node)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_ONNX(C);

	config.training = node->training_mode;
	config.eps = node->epsilon;
	config.momentum = node->momentum;
	config.gamma_init.values = node->scale;
	config.beta_init.values = node->bias;
	config.running_mean_init.values = node->input_mean;
	config.running_var_init.values = node->input_var;
	return new_layer(world, &config);
}

static void
check(syncbn_group_t *world, const struct node *node)
{
	syncbn_batch_norm_t *bn = layer_of(world, node);
	float x[TOTAL], y[TOTAL];
	syncbn_tensor_t tx = syncbn_tensor_nchw(x, N, C, 4, 5), ty = tx;

	ty.data = y;
	for (size_t i = 0; i < TOTAL; i++)
		x[i] = (float)node->x[i];
	assert_ok(syncbn_batch_norm_forward(bn, &tx, NULL, &ty, NULL));
	for (size_t i = 0; i < TOTAL; i++)
		assert_near((double)y[i], node->y[i], 1e-5 * (1 + fabs(node->y[i])));
	for (size_t c = 0; c < C; c++) {
		assert_near((double)param_f32(bn, SYNCBN_RUNNING_MEAN)[c], node->output_mean[c],
			    1e-5);
		assert_near((double)param_f32(bn, SYNCBN_RUNNING_VAR)[c], node->output_var[c],
			    1e-5);
	}
	syncbn_batch_norm_free(bn);
}

static void
check_mode(syncbn_group_t *world, int training_mode)
{
	static const double epsilons[] = { 1e-5, 1e-2 }, momenta[] = { 0.9, 0.5 };
	static struct node node;

	draw(&node);
	node.training_mode = training_mode;
	for (size_t i = 0; i < 4; i++) {
		node.epsilon = epsilons[i / 2];
		node.momentum = momenta[i % 2];
		compute(&node);
		check(world, &node);
	}
}

static void
test_inference_cases_hold(void **state)
{
	check_mode(*state, 0);
}

static void
test_training_mode_cases_hold(void **state)
{
	check_mode(*state, 1);
}

static void
test_onnx_defaults_are_its(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_ONNX(C);

	(void)state;
	assert_true(config.eps == 1e-5 && config.momentum == 0.9 && config.training == 0);
	assert_int_equal(config.momentum_rule, SYNCBN_MOMENTUM_OLD);
	assert_int_equal(config.var_mode, SYNCBN_VAR_BIASED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inference_cases_hold),
		cmocka_unit_test(test_training_mode_cases_hold),
		cmocka_unit_test(test_onnx_defaults_are_its),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
