/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer refuses, and that it says which field or argument is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/layer.h"
#include "unit/near.h"
#include "unit/world_of_one.h"

static void
refuse(syncbn_group_t *world, const syncbn_batch_norm_config_t *config, const char *words)
{
	syncbn_batch_norm_t *bn = (syncbn_batch_norm_t *)world;

	assert_invalid(syncbn_batch_norm_new(world, config, &bn), words);
	assert_null(bn);
}

/* Spoils one field of a good configuration. */
#define refuse_field(world, field, value)                                           \
	do {                                                                        \
		syncbn_batch_norm_config_t spoilt = SYNCBN_BATCH_NORM_MINDSPORE(2); \
		spoilt.field = (value);                                             \
		refuse(world, &spoilt, #field);                                     \
	} while (0)

static void
test_every_wrong_number_is_named(void **state)
{
	refuse_field(*state, size, 0);
	refuse_field(*state, size, sizeof(syncbn_batch_norm_config_t) + 8);
	refuse_field(*state, num_features, 0);
	refuse_field(*state, num_features, -1);
	refuse_field(*state, num_features, 16777216);
	refuse_field(*state, num_features, INT64_MIN);
	refuse_field(*state, num_features, INT64_C(1) << 32 | 2);
	refuse_field(*state, eps, -1e-9);
	refuse_field(*state, eps, NAN);
	refuse_field(*state, eps, INFINITY);
	refuse_field(*state, momentum, -0.1);
	refuse_field(*state, momentum, 1.0001);
	refuse_field(*state, momentum, NAN);
}

static void
test_a_wrong_choice_is_named(void **state)
{
	refuse_field(*state, momentum_rule, (syncbn_momentum_rule_t)4);
	refuse_field(*state, activation, (syncbn_activation_t)0);
	assert_non_null(strstr(syncbn_last_error(), "begin with a macro"));
	refuse_field(*state, affine, 2);
	refuse_field(*state, gamma_init.name, "he_normal");
}

static void
test_the_limits_themselves_are_taken(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);

	config.eps = config.momentum = 0;
	syncbn_batch_norm_free(new_layer(*state, &config));
	config.momentum = 1;
	config.name = "a name of more than 47 bytes, which is what the table of names has room for";
	syncbn_batch_norm_free(new_layer(*state, &config));
	config.momentum_rule = SYNCBN_MOMENTUM_CUMULATIVE;
	config.momentum = -7; /* not used */
	syncbn_batch_norm_free(new_layer(*state, &config));
}

static void
test_null_arguments_are_named(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_tensor_t t = syncbn_tensor_nc(NULL, 0, 1);

	assert_invalid(syncbn_batch_norm_new(NULL, &config, &bn), "group");
	assert_invalid(syncbn_batch_norm_new(*state, NULL, &bn), "config");
	assert_invalid(syncbn_batch_norm_new(*state, &config, NULL), "bn");
	assert_invalid(syncbn_batch_norm_bind(NULL, SYNCBN_GAMMA, NULL), "bn");
	assert_invalid(syncbn_batch_norm_reset(NULL), "bn");
	assert_invalid(syncbn_batch_norm_train(NULL, 1), "bn");
	assert_invalid(syncbn_saved_new(NULL, &saved), "bn");
	assert_invalid(syncbn_saved_new(bn, NULL), "saved");
	assert_invalid(syncbn_saved_statistics(NULL, NULL), "saved");
	assert_invalid(syncbn_saved_statistics(saved, NULL), "statistics");
	assert_invalid(syncbn_batch_norm_forward(NULL, &t, NULL, &t, NULL), "bn");
	assert_invalid(syncbn_batch_norm_forward(bn, NULL, NULL, &t, NULL), "x is NULL");
	assert_invalid(syncbn_batch_norm_forward(bn, &t, NULL, NULL, NULL), "y is NULL");
	assert_invalid(syncbn_batch_norm_backward(NULL, saved, &t, &t, NULL, 7), "bn");
	assert_invalid(syncbn_batch_norm_backward(bn, NULL, &t, &t, NULL, 7), "saved");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, NULL, &t, NULL, 7), "dy");
	assert_int_equal(syncbn_batch_norm_batches_tracked(NULL), -1);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	syncbn_saved_free(NULL);
	syncbn_batch_norm_free(NULL);
}

static void
test_memory_cannot_be_bound_where_there_is_no_array(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	float memory[2] = { 0 };
	syncbn_batch_norm_t *bn;

	config.affine = config.track_running_stats = 0;
	bn = new_layer(*state, &config);
	assert_invalid(syncbn_batch_norm_bind(bn, SYNCBN_GAMMA, memory),
		       "affine and fixed_affine 0");
	assert_invalid(syncbn_batch_norm_bind(bn, SYNCBN_DBETA, NULL), "DBETA");
	assert_invalid(syncbn_batch_norm_bind(bn, SYNCBN_RUNNING_VAR, memory), "RUNNING_VAR");
	assert_invalid(syncbn_batch_norm_bind(bn, (syncbn_param_t)6, memory), "which");
	assert_invalid(syncbn_batch_norm_bind(bn, (syncbn_param_t)-1, memory), "which");
	syncbn_batch_norm_free(bn);
	config.affine = 1;
	bn = new_layer(*state, &config);
	assert_invalid(syncbn_batch_norm_bind(bn, SYNCBN_GAMMA, (float *)((char *)memory + 1)),
		       "memory");
	syncbn_batch_norm_free(bn);
}

/* ---- tensors: x is spoilt, and the forward pass refuses before it writes ---- */

enum { ELEMENTS = 24 }; /* (2, 3, 2, 2) */

static float in[ELEMENTS + 1], out[ELEMENTS + 1];

static syncbn_tensor_t
good(float *data)
{
	return syncbn_tensor_nchw(data, 2, 3, 2, 2);
}

static void
check_x(syncbn_batch_norm_t *bn, syncbn_tensor_t x, syncbn_status_t status, const char *words)
{
	syncbn_tensor_t y = good(out), ok = good(in);

	assert_status(syncbn_batch_norm_forward(bn, &x, NULL, &y, NULL), status, words);
	assert_non_null(strstr(syncbn_last_error(), "x: "));
	assert_status(syncbn_batch_norm_forward(bn, &ok, NULL, &x, NULL), status, words);
	assert_non_null(strstr(syncbn_last_error(), "y: "));
	assert_int_equal(syncbn_batch_norm_batches_tracked(bn), 0);
}

#define refuse_x(bn, field, value, words)                       \
	do {                                                    \
		syncbn_tensor_t spoilt = good(in);              \
		spoilt.field = (value);                         \
		check_x(bn, spoilt, SYNCBN_ERR_INVALID, words); \
	} while (0)

static void
test_every_wrong_tensor_is_refused(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(3);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_tensor_t f64 = good(in);

	refuse_x(bn, dtype, (syncbn_dtype_t)0, "dtype");
	refuse_x(bn, dtype, (syncbn_dtype_t)5, "dtype");
	refuse_x(bn, layout, (syncbn_layout_t)0, "layout");
	refuse_x(bn, layout, (syncbn_layout_t)5, "layout");
	refuse_x(bn, ndim, 1, "dimensions");
	refuse_x(bn, ndim, 0, "dimensions");
	refuse_x(bn, ndim, -1, "dimensions");
	refuse_x(bn, ndim, 6, "dimensions");
	refuse_x(bn, shape[0], -1, "shape[0]");
	refuse_x(bn, shape[3], INT64_MIN, "shape[3]");
	refuse_x(bn, shape[1], 4, "4 channels, the layer has 3, its num_features; a shape is in");
	refuse_x(bn, shape[1], 0, "channels");
	refuse_x(bn, shape[2], INT64_MAX, "more elements");
	refuse_x(bn, shape[0], INT64_C(1) << 61, "more elements");
	refuse_x(bn, data, NULL, "data is NULL");
	refuse_x(bn, data, (char *)in + 2, "aligned");
	f64.dtype = SYNCBN_FLOAT64;
	check_x(bn, f64, SYNCBN_ERR_INVALID, "float64 in a layer whose dtype is float32");
	syncbn_batch_norm_free(bn);
}

static void
test_sizes_of_an_empty_batch_must_make_sense_too(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(3);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_tensor_t x = syncbn_tensor_nchw(NULL, 0, 3, INT64_MAX, INT64_MAX);

	check_x(bn, x, SYNCBN_ERR_INVALID, "more elements");
	syncbn_batch_norm_free(bn);
}

static void
test_mindspores_layers_take_two_or_four_dimensions(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(3);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);

	refuse_x(bn, ndim, 3, "2 or 4");
	refuse_x(bn, ndim, 5, "2 or 4"); /* shape[4] is 0: an empty one */
	syncbn_batch_norm_free(bn);
}

static void
test_tensors_of_a_pass_must_be_alike_and_apart(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(3);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_tensor_t x = good(in), y = good(out), other = syncbn_tensor_nchw(out, 2, 3, 4, 1);

	assert_invalid(syncbn_batch_norm_forward(bn, &x, NULL, &other, NULL), "alike");
	assert_invalid(syncbn_batch_norm_forward(bn, &x, &other, &y, NULL), "alike");
	other = good(out);
	other.dtype = SYNCBN_BFLOAT16;
	assert_invalid(syncbn_batch_norm_forward(bn, &x, NULL, &other, NULL), "bfloat16");
	y = good(in + 1);
	assert_invalid(syncbn_batch_norm_forward(bn, &x, NULL, &y, NULL), "overlap");
	y = x;
	y.layout = SYNCBN_CHANNELS_LAST;
	assert_invalid(syncbn_batch_norm_forward(bn, &x, NULL, &y, NULL), "overlap");
	y.data = out;
	assert_invalid(syncbn_batch_norm_forward(bn, &x, &(syncbn_tensor_t){ 0 }, &y, NULL), "z: ");
	assert_invalid(syncbn_saved_statistics(saved, &(syncbn_statistics_t){ 0 }),
		       "nothing is saved");
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

static void
test_a_backward_pass_is_checked(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(3);
	syncbn_batch_norm_t *bn = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(bn);
	syncbn_tensor_t x = good(in), dy = good(out), other = syncbn_tensor_nchw(out, 2, 3, 4, 1);
	syncbn_tensor_t shifted = good(out + 1);

	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, 7),
		       "nothing is saved");
	assert_ok(syncbn_batch_norm_forward(bn, &x, NULL, &dy, saved));
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, 0), "want");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, 8),
		       "it needs one or more");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, 16 | 7), "want");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, NULL, NULL, 1), "dx is NULL");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &other, &other, NULL, 7), "dy is");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &other, NULL, 7), "dx is");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &shifted, NULL, 7), "overlap");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, &x, 7), "dz must be NULL");
	dy.dtype = SYNCBN_FLOAT64;
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &dy, &dy, NULL, 7), "dy: float64");
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

static void
test_saved_belongs_to_its_layer(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(3);
	syncbn_batch_norm_t *a = new_layer(*state, &config), *b = new_layer(*state, &config);
	syncbn_saved_t *saved = new_saved(a);
	syncbn_tensor_t x = good(in), y = good(out);

	assert_invalid(syncbn_batch_norm_forward(b, &x, NULL, &y, saved), "another layer");
	assert_ok(syncbn_batch_norm_forward(a, &x, NULL, &y, saved));
	assert_invalid(syncbn_batch_norm_backward(b, saved, &x, &y, NULL, 7), "another layer");
	syncbn_batch_norm_free(a);
	syncbn_saved_free(saved); /* may outlive its layer */
	syncbn_batch_norm_free(b);
}

/* What it looks like when the allocator gives a freed layer's address to the next one. */
static void
test_saved_does_not_fit_a_layer_that_took_its_layers_address(void **state)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_batch_norm_t *old = new_layer(*state, &config), *bn;
	syncbn_saved_t *saved = new_saved(old);
	syncbn_tensor_t x = good(in), y = good(out);

	syncbn_batch_norm_free(old);
	config.num_features = 3;
	bn = new_layer(*state, &config);
	saved->bn = bn;
	assert_invalid(syncbn_batch_norm_forward(bn, &x, NULL, &y, saved), "another layer");
	assert_invalid(syncbn_batch_norm_backward(bn, saved, &y, &y, NULL, 7), "another layer");
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_wrong_number_is_named),
		cmocka_unit_test(test_a_wrong_choice_is_named),
		cmocka_unit_test(test_the_limits_themselves_are_taken),
		cmocka_unit_test(test_null_arguments_are_named),
		cmocka_unit_test(test_memory_cannot_be_bound_where_there_is_no_array),
		cmocka_unit_test(test_every_wrong_tensor_is_refused),
		cmocka_unit_test(test_sizes_of_an_empty_batch_must_make_sense_too),
		cmocka_unit_test(test_mindspores_layers_take_two_or_four_dimensions),
		cmocka_unit_test(test_tensors_of_a_pass_must_be_alike_and_apart),
		cmocka_unit_test(test_a_backward_pass_is_checked),
		cmocka_unit_test(test_saved_belongs_to_its_layer),
		cmocka_unit_test(test_saved_does_not_fit_a_layer_that_took_its_layers_address),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
