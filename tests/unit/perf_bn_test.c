/* SPDX-License-Identifier: Apache-2.0 */
/* syncbn-perf bn: the shapes it reads, and what its oracle finds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <syncbn/syncbn.h>

#include "../tools/perf_bn_errors.h"
#include "../tools/perf_bn_oracle.h"
#include "../tools/perf_bn_shapes.h"
#include "../tools/perf_cache.h"
#include "world_of_one.h"

enum { N = 3, CHANNELS = 5, SIDE = 4, SPATIAL = SIDE * SIDE, ELEMENTS = N * CHANNELS * SPATIAL };

static const struct perf_bn_batch usual = {
	.n = N,
	.channels = CHANNELS,
	.spatial = SPATIAL,
	.dtype = SYNCBN_FLOAT32,
	.layout = SYNCBN_CHANNELS_FIRST,
};

/* ---- shapes ---- */

static void
test_shapes_are_read_in_order(void **state)
{
	struct perf_bn_shapes shapes = { .n = 0 };
	char text[PERF_BN_SHAPE_BYTES];

	(void)state;
	assert_ok(perf_bn_shapes_parse("--shape", "32x64x56x56,4096x1024,4x8x1000,2x3x4x5x6",
				       &shapes));
	assert_int_equal(shapes.n, 4);
	perf_bn_shape_print(&shapes.shape[0], text);
	assert_string_equal(text, "32x64x56x56");
	perf_bn_shape_print(&shapes.shape[1], text);
	assert_string_equal(text, "4096x1024");
	assert_int_equal(shapes.shape[1].dims, 2);
	assert_int_equal(perf_bn_shape_spatial(&shapes.shape[1]), 1);
	perf_bn_shape_print(&shapes.shape[2], text);
	assert_string_equal(text, "4x8x1000");
	assert_int_equal(perf_bn_shape_spatial(&shapes.shape[2]), 1000);
	perf_bn_shape_print(&shapes.shape[3], text);
	assert_string_equal(text, "2x3x4x5x6");
	assert_int_equal(perf_bn_shape_spatial(&shapes.shape[3]), 4 * 5 * 6);
}

static void
test_other_words_are_no_shapes(void **state)
{
	static const char *const words[] = {
		"",         "32",       "1x2x3x",     "1x2x3x4x5x6",
		"0x1x1x1",  "1x-1x1x1", "1xax1x1",    "1x2x3x4,",
		"1x2x 3x4", "1x2x3x4x", "16777217x1", "16777216x16777216",
		"1X2X3X4",  "1.5x2",    "2x16777216"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct perf_bn_shapes shapes = { .n = 0 };

		assert_invalid(perf_bn_shapes_parse("--shape", words[i], &shapes),
			       "is not a shape");
	}
}

static void
test_networks_have_no_shape_twice(void **state)
{
	static const char *const networks[] = { "resnet50", "densenet121", "mobilenet", "unet",
						"detection" };

	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct perf_bn_shapes shapes = { .n = 0 };

		assert_ok(perf_bn_shapes_named("--shapes", networks[i], &shapes));
		assert_true(shapes.n >= 5);
		for (size_t a = 0; a < shapes.n; a++)
			for (size_t b = 0; b < a; b++)
				assert_memory_not_equal(&shapes.shape[a], &shapes.shape[b],
							sizeof(shapes.shape[a]));
	}
}

/* ---- elements ---- */

static void
test_every_half_is_its_own_rounding(void **state)
{
	static const syncbn_dtype_t types[] = { SYNCBN_FLOAT16, SYNCBN_BFLOAT16 };

	(void)state;
	for (size_t t = 0; t < 2; t++)
		for (uint32_t bits = 0; bits <= UINT16_MAX; bits++) {
			uint16_t element = (uint16_t)bits, again;
			double value = perf_bn_element(types[t], &element, 0);

			perf_bn_set_element(types[t], &again, 0, value);
			if (!isnan(value))
				assert_int_equal(again, element);
		}
}

static void
test_halves_round_to_even(void **state)
{
	(void)state;
	assert_true(perf_bn_round(SYNCBN_FLOAT16, 2049) - 2048 == 0);
	assert_true(perf_bn_round(SYNCBN_FLOAT16, 2051) - 2052 == 0);
	assert_true(perf_bn_round(SYNCBN_BFLOAT16, 257) - 256 == 0);
	assert_true(perf_bn_round(SYNCBN_BFLOAT16, 259) - 260 == 0);
	assert_true(isinf(perf_bn_round(SYNCBN_FLOAT16, 65520)));
}

static void
test_every_layout_has_a_place_of_its_own_for_each_element(void **state)
{
	(void)state;
	for (int layout = SYNCBN_CHANNELS_FIRST; layout <= SYNCBN_BLOCKED_16; layout++) {
		unsigned char taken[N * 16 * SPATIAL] = { 0 };
		struct perf_bn_batch batch = usual;

		batch.layout = (syncbn_layout_t)layout;
		for (size_t i = 0; i < ELEMENTS; i++) {
			size_t at = perf_bn_index(&batch, i / (CHANNELS * SPATIAL),
						  i / SPATIAL % CHANNELS, i % SPATIAL);

			assert_true(at < N * perf_bn_image(&batch) && taken[at] == 0);
			taken[at] = 1;
		}
	}
}

/* ---- the oracle ---- */

/* Results as the library gives them. */
struct results {
	float x[ELEMENTS], dy[ELEMENTS], z[ELEMENTS], y[ELEMENTS], dx[ELEMENTS], dz[ELEMENTS];
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
};

static void
set_parameters(syncbn_batch_norm_t *bn)
{
	for (size_t c = 0; c < CHANNELS; c++) {
		((float *)syncbn_batch_norm_param(bn, SYNCBN_GAMMA))[c] = (float)perf_bn_gamma(c);
		((float *)syncbn_batch_norm_param(bn, SYNCBN_BETA))[c] = (float)perf_bn_beta(c);
	}
}

static void
make_results(syncbn_group_t *world, const struct perf_bn_batch *batch, struct results *r)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	bool adds = batch->act == PERF_BN_ADD_RELU;

	if (adds)
		config.activation = SYNCBN_ACTIVATION_RELU;
	assert_ok(syncbn_batch_norm_new(world, &config, &r->bn));
	assert_ok(syncbn_saved_new(r->bn, &r->saved));
	set_parameters(r->bn);
	perf_bn_fill(batch, PERF_BN_X, 0, N, r->x);
	perf_bn_fill(batch, PERF_BN_DY, 0, N, r->dy);
	perf_bn_fill(batch, PERF_BN_Z, 0, N, r->z);
	syncbn_tensor_t x = syncbn_tensor_nchw(r->x, N, CHANNELS, SIDE, SIDE);
	syncbn_tensor_t z = syncbn_tensor_nchw(r->z, N, CHANNELS, SIDE, SIDE);
	syncbn_tensor_t y = syncbn_tensor_nchw(r->y, N, CHANNELS, SIDE, SIDE);
	syncbn_tensor_t dy = syncbn_tensor_nchw(r->dy, N, CHANNELS, SIDE, SIDE);
	syncbn_tensor_t dx = syncbn_tensor_nchw(r->dx, N, CHANNELS, SIDE, SIDE);
	syncbn_tensor_t dz = syncbn_tensor_nchw(r->dz, N, CHANNELS, SIDE, SIDE);
	assert_ok(syncbn_batch_norm_forward(r->bn, &x, adds ? &z : NULL, &y, r->saved));
	assert_ok(syncbn_batch_norm_backward(r->bn, r->saved, &dy, &dx, adds ? &dz : NULL,
					     SYNCBN_WANT_ALL));
}

static uint64_t
count_wrong(const struct perf_bn_batch *batch, const struct results *r)
{
	struct perf_bn_outputs results = {
		.count = N,
		.y = r->y,
		.dx = r->dx,
		.dz = batch->act == PERF_BN_ADD_RELU ? r->dz : NULL,
		.dgamma = syncbn_batch_norm_param(r->bn, SYNCBN_DGAMMA),
		.dbeta = syncbn_batch_norm_param(r->bn, SYNCBN_DBETA),
	};
	struct perf_bn_oracle oracle;
	uint64_t wrong;

	assert_int_equal(perf_bn_oracle_make(batch, 0, N, true, &oracle), 0);
	wrong = perf_bn_wrong(&oracle, &results);
	perf_bn_oracle_free(&oracle);
	return wrong;
}

static void
free_results(struct results *r)
{
	syncbn_saved_free(r->saved);
	syncbn_batch_norm_free(r->bn);
}

static void
test_the_library_is_right_by_the_oracle(void **state)
{
	struct perf_bn_batch batch = usual;
	struct results r;

	make_results(*state, &batch, &r);
	assert_int_equal(count_wrong(&batch, &r), 0);
	free_results(&r);
	batch.act = PERF_BN_ADD_RELU;
	make_results(*state, &batch, &r);
	assert_int_equal(count_wrong(&batch, &r), 0);
	free_results(&r);
}

static void
test_every_planted_value_counts(void **state)
{
	struct results r;

	make_results(*state, &usual, &r);
	r.y[0] += 1e-3F;
	r.y[ELEMENTS - 1] = NAN;
	r.dx[7] += 1e-3F;
	((float *)syncbn_batch_norm_param(r.bn, SYNCBN_DGAMMA))[1] += 0.1F;
	((float *)syncbn_batch_norm_param(r.bn, SYNCBN_DBETA))[CHANNELS - 1] = NAN;
	assert_int_equal(count_wrong(&usual, &r), 5);
	free_results(&r);
}

static void
test_statistics_are_those_of_their_definition(void **state)
{
	struct perf_bn_batch batch = { .n = 1, .channels = 1, .spatial = 2 };
	struct perf_bn_oracle oracle;
	double a, b;

	(void)state;
	batch.dtype = SYNCBN_FLOAT64;
	batch.layout = SYNCBN_CHANNELS_FIRST;
	a = perf_bn_number(&batch, PERF_BN_X, 0, 0, 0);
	b = perf_bn_number(&batch, PERF_BN_X, 0, 0, 1);
	assert_int_equal(perf_bn_oracle_make(&batch, 0, 1, true, &oracle), 0);
	assert_true(fabs(oracle.mean[0] - (a + b) / 2) < 1e-15);
	assert_true(fabs(oracle.var[0] - (a - b) * (a - b) / 4) < 1e-14);
	perf_bn_oracle_free(&oracle);
}

static void
test_errors_are_measured_by_what_they_spoil(void **state)
{
	struct perf_bn_oracle oracle;
	struct results r;
	struct perf_bn_outputs results = { .count = N, .y = r.y, .dx = r.dx };
	double errors[PERF_BN_ERRORS];

	make_results(*state, &usual, &r);
	assert_int_equal(perf_bn_oracle_make(&usual, 0, N, true, &oracle), 0);
	perf_bn_errors_of(&oracle, &results, oracle.mean, oracle.var, errors);
	assert_true(errors[PERF_BN_MEAN_ERROR] <= 0 && errors[PERF_BN_VAR_ERROR] <= 0);
	assert_true(errors[PERF_BN_Y_ERROR] > 0 && errors[PERF_BN_Y_ERROR] < 1e-6);
	r.dx[3] = NAN;
	perf_bn_errors_of(&oracle, &results, oracle.mean, oracle.mean, errors);
	assert_true(isinf(errors[PERF_BN_DX_ERROR]) && errors[PERF_BN_VAR_ERROR] > 0.1);
	perf_bn_oracle_free(&oracle);
	free_results(&r);
}

/* ---- hot buffers ---- */

/* Over so many buffers calls that write as much as they read rotate; 0: not one is there. */
static size_t
hot(size_t all, size_t smallest, size_t nearer, size_t bytes, size_t n_ranks)
{
	const struct perf_cache cache = { all, smallest, nearer };
	bool fits;
	size_t n = perf_cache_hot(&cache, bytes, bytes, n_ranks, &fits);

	assert_true(n >= 1);
	return fits ? n : 0;
}

static void
test_hot_buffers_are_in_the_last_cache_only(void **state)
{
	const size_t mib = 1 << 20;

	(void)state;
	assert_int_equal(hot(32 * mib, 32 * mib, 2 * mib, 3 * mib, 1), 3);
	assert_int_equal(hot(32 * mib, 32 * mib, 2 * mib, 1 * mib, 2), 4);
	/* as far as there is room, for what is written, too */
	assert_int_equal(hot(32 * mib, 32 * mib, 8 * mib, 4 * mib, 1), 3);
	assert_int_equal(hot(32 * mib, 32 * mib, 8 * mib, 7 * mib, 1), 1);
	assert_int_equal(hot(32 * mib, 32 * mib, 8 * mib, 24 * mib, 1), 1);
	assert_int_equal(hot(32 * mib, 32 * mib, 8 * mib, 24 * mib + 1, 1), 0);
	/* two caches, a rank each or both at one */
	assert_int_equal(hot(64 * mib, 32 * mib, 8 * mib, 24 * mib, 2), 1);
	assert_int_equal(hot(64 * mib, 32 * mib, 8 * mib, 25 * mib, 1), 0);
	/* none is nearer than the last */
	assert_int_equal(hot(2 * mib, 1 * mib, 0, mib / 8, 2), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes_are_read_in_order),
		cmocka_unit_test(test_other_words_are_no_shapes),
		cmocka_unit_test(test_networks_have_no_shape_twice),
		cmocka_unit_test(test_every_half_is_its_own_rounding),
		cmocka_unit_test(test_halves_round_to_even),
		cmocka_unit_test(test_every_layout_has_a_place_of_its_own_for_each_element),
		cmocka_unit_test(test_the_library_is_right_by_the_oracle),
		cmocka_unit_test(test_every_planted_value_counts),
		cmocka_unit_test(test_statistics_are_those_of_their_definition),
		cmocka_unit_test(test_errors_are_measured_by_what_they_spoil),
		cmocka_unit_test(test_hot_buffers_are_in_the_last_cache_only),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
