/* SPDX-License-Identifier: Apache-2.0 */
/* syncbn_state_save and syncbn_state_load on layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/state_files.h"
#include "unit/world_of_one.h"

enum { C = 3, N = 2 };

static const syncbn_param_t params[] = { SYNCBN_GAMMA, SYNCBN_BETA, SYNCBN_RUNNING_MEAN,
					 SYNCBN_RUNNING_VAR };

/* The folder and the world. */
struct fixture {
	void *folder;
	void *world;
};

static int
set_up(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	return make_folder(&fixture.folder) + join_world(&fixture.world);
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	return remove_folder(&fixture->folder) + leave_world(&fixture->world);
}

static const char *
path_of(void **state, const char *name)
{
	return in_folder(&((struct fixture *)*state)->folder, name);
}

static void
set_values(syncbn_batch_norm_t *bn, float first)
{
	for (int i = 0; i < 4; i++) {
		float *array = syncbn_batch_norm_param(bn, params[i]);

		for (int c = 0; c < C && array != NULL; c++)
			array[c] = first + (float)(C * i + c);
	}
}

static bool
has_values(syncbn_batch_norm_t *bn, float first)
{
	for (int i = 0; i < 4; i++) {
		const float *array = syncbn_batch_norm_param(bn, params[i]);

		for (int c = 0; c < C && array != NULL; c++)
			if (array[c] != first + (float)(C * i + c))
				return false;
	}
	return true;
}

/* Two float32 layers, torch's and MindSpore's. */
static void
make(void **state, syncbn_state_layer_t layers[N])
{
	const struct fixture *fixture = *state;
	syncbn_batch_norm_config_t torch = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_batch_norm_config_t mindspore = SYNCBN_BATCH_NORM_MINDSPORE(C);

	layers[0] = (syncbn_state_layer_t){ new_layer(fixture->world, &torch), "layer1.0.bn1." };
	layers[1] = (syncbn_state_layer_t){ new_layer(fixture->world, &mindspore), NULL };
	for (int i = 0; i < N; i++) {
		set_values(layers[i].bn, (float)(10 * i));
		assert_ok(syncbn_batch_norm_set_batches_tracked(layers[i].bn, 5 + i));
	}
}

static void
drop(syncbn_state_layer_t layers[N])
{
	for (int i = 0; i < N; i++)
		syncbn_batch_norm_free(layers[i].bn);
}

static void
test_layers_come_back_in_either_format_and_names(void **state)
{
	syncbn_state_layer_t layers[N];

	make(state, layers);
	for (int i = 0; i < 4; i++) {
		const syncbn_state_format_t format =
			i % 2 ? SYNCBN_STATE_NPZ : SYNCBN_STATE_SAFETENSORS;
		const bool torch = i < 2;
		const char *path = path_of(state, "state");

		assert_ok(syncbn_state_save(path, format,
					    torch ? SYNCBN_STATE_TORCH : SYNCBN_STATE_MINDSPORE,
					    layers, N));
		for (int l = 0; l < N; l++)
			assert_ok(syncbn_batch_norm_reset(layers[l].bn));
		assert_ok(syncbn_state_load(path, layers, N, 0));
		for (int l = 0; l < N; l++) {
			assert_true(has_values(layers[l].bn, (float)(10 * l)));
			assert_int_equal(syncbn_batch_norm_batches_tracked(layers[l].bn),
					 torch ? 5 + l : 0);
		}
	}
	drop(layers);
}

static void
test_a_float64_layer_is_saved_as_such(void **state)
{
	const struct fixture *fixture = *state;
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_state_layer_t layers[N], wide = { NULL, "layer1.0.bn1." };
	double *gamma;

	make(state, layers);
	config.dtype = SYNCBN_FLOAT64;
	wide.bn = new_layer(fixture->world, &config);
	gamma = syncbn_batch_norm_param(wide.bn, SYNCBN_GAMMA);
	gamma[1] = 1.0 / 3;
	assert_ok(syncbn_state_save(path_of(state, "f64"), SYNCBN_STATE_NPZ, SYNCBN_STATE_TORCH,
				    &wide, 1));
	assert_invalid(syncbn_state_load(path_of(state, "f64"), layers, 1, 0),
		       "float64, not of float32");
	gamma[1] = 0;
	assert_ok(syncbn_state_load(path_of(state, "f64"), &wide, 1, 0));
	assert_true(gamma[1] == 1.0 / 3);
	syncbn_batch_norm_free(wide.bn);
	drop(layers);
}

static void
test_a_layer_has_only_the_arrays_that_it_uses(void **state)
{
	const struct fixture *fixture = *state;
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);
	syncbn_state_layer_t layers[N], bare = { NULL, "" };

	make(state, layers);
	config.affine = config.track_running_stats = 0;
	bare.bn = new_layer(fixture->world, &config);
	for (int f = SYNCBN_STATE_SAFETENSORS; f <= SYNCBN_STATE_NPZ; f++) {
		const char *path = path_of(state, "bare");

		for (int n = SYNCBN_STATE_TORCH; n <= SYNCBN_STATE_MINDSPORE; n++) {
			assert_ok(syncbn_state_save(path, (syncbn_state_format_t)f,
						    (syncbn_state_names_t)n, &bare, 1));
			assert_ok(syncbn_state_load(path, &bare, 1, 0));
		}
		assert_invalid(syncbn_state_load(path, layers, N, 0), "layer1.0.bn1.weight");
	}
	syncbn_batch_norm_free(bare.bn);
	drop(layers);
}

static void
test_mindspores_fixed_gamma_and_beta_are_saved_too(void **state)
{
	const struct fixture *fixture = *state;
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_MINDSPORE(C);
	syncbn_state_layer_t layer = { NULL, "bn." };
	float *gamma;

	config.affine = 0;
	layer.bn = new_layer(fixture->world, &config);
	gamma = syncbn_batch_norm_param(layer.bn, SYNCBN_GAMMA);
	assert_non_null(gamma);
	gamma[2] = 7;
	assert_ok(syncbn_state_save(path_of(state, "fixed"), SYNCBN_STATE_NPZ,
				    SYNCBN_STATE_MINDSPORE, &layer, 1));
	gamma[2] = 0;
	assert_ok(syncbn_state_load(path_of(state, "fixed"), &layer, 1, 0));
	assert_true(gamma[2] == 7);
	syncbn_batch_norm_free(layer.bn);
}

static void
test_the_memory_that_is_bound_is_loaded(void **state)
{
	float mine[C] = { 100, 101, 102 };
	syncbn_state_layer_t layers[N];
	const char *path = path_of(state, "bound");

	make(state, layers);
	assert_ok(syncbn_state_save(path, SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_TORCH, layers, N));
	assert_ok(syncbn_batch_norm_bind(layers[0].bn, SYNCBN_GAMMA, mine));
	assert_ok(syncbn_state_load(path, layers, N, 0));
	assert_true(mine[0] == 0 && mine[2] == 2);
	drop(layers);
}

static void
test_an_error_leaves_all_layers_as_they_were(void **state)
{
	syncbn_state_layer_t layers[N];
	const char *path = path_of(state, "one of two");

	make(state, layers);
	assert_ok(syncbn_state_save(path, SYNCBN_STATE_NPZ, SYNCBN_STATE_TORCH, layers, 1));
	set_values(layers[0].bn, 50);
	assert_ok(syncbn_batch_norm_set_batches_tracked(layers[0].bn, 50));
	assert_invalid(syncbn_state_load(path, layers, N, 0), "\"weight\"");
	assert_true(has_values(layers[0].bn, 50) && has_values(layers[1].bn, 10));
	assert_int_equal(syncbn_batch_norm_batches_tracked(layers[0].bn), 50);
	assert_status(syncbn_state_load(path_of(state, "none"), layers, N, 0), SYNCBN_ERR_SYSTEM,
		      "No such file");
	drop(layers);
}

static void
test_wrong_arguments_are_named(void **state)
{
	syncbn_state_layer_t layers[N], none = { NULL, "" };
	const char *path = path_of(state, "never");

	make(state, layers);
	assert_invalid(syncbn_state_save(NULL, 1, 1, layers, N), "path is NULL");
	assert_invalid(syncbn_state_save(path, 1, 1, NULL, N), "layers is NULL");
	assert_invalid(syncbn_state_save(path, 1, 1, layers, 0), "n_layers is 0");
	assert_invalid(syncbn_state_save(path, 1, 1, &none, 1), "layers[0].bn is NULL");
	assert_invalid(syncbn_state_save(path, 0, 1, layers, N), "format is 0");
	assert_invalid(syncbn_state_save(path, 3, 1, layers, N), "format is 3");
	assert_invalid(syncbn_state_save(path, 1, 0, layers, N), "names is 0");
	assert_invalid(syncbn_state_save(path, 1, 3, layers, N), "names is 3");
	assert_invalid(syncbn_state_load(NULL, layers, N, 0), "path is NULL");
	assert_invalid(syncbn_state_load(path, NULL, N, 0), "layers is NULL");
	assert_invalid(syncbn_state_load(path, layers, 0, 0), "n_layers is 0");
	assert_invalid(syncbn_state_load(path, &none, 1, 0), "layers[0].bn is NULL");
	assert_invalid(syncbn_state_load(path, layers, N, 2), "flags is 0x2");
	layers[1].prefix = layers[0].prefix;
	assert_invalid(syncbn_state_save(path, 1, 1, layers, N), "syncbn_state_save: two arrays");
	assert_int_equal(access(path, F_OK), -1);
	drop(layers);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers_come_back_in_either_format_and_names),
		cmocka_unit_test(test_a_float64_layer_is_saved_as_such),
		cmocka_unit_test(test_a_layer_has_only_the_arrays_that_it_uses),
		cmocka_unit_test(test_mindspores_fixed_gamma_and_beta_are_saved_too),
		cmocka_unit_test(test_the_memory_that_is_bound_is_loaded),
		cmocka_unit_test(test_an_error_leaves_all_layers_as_they_were),
		cmocka_unit_test(test_wrong_arguments_are_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
