/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every combination of layouts: the same bits of y whatever the layouts of z and y, gradients to
 * rounding, zeros in the padding, nothing read from padding (it is NaN) nor written around it; and
 * the same bits whatever the threads, the chunks and the instruction set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/math.h"
#include "kernels/kernels.h"
#include "nn/cache.h"
#include "nn/layer.h"
#include "unit/near.h"
#include "unit/passes.h"
#include "unit/world_of_one.h"

/* One shape with its layer; the results of the passes that ran first, and of those that follow. */
struct bench {
	struct reference r;
	struct passes p;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	double *first; /* y, dx, dz of the reference run */
	size_t elements;
};

static void
open_bench(struct bench *b, syncbn_group_t *world, syncbn_tensor_t like)
{
	struct draw d = { like, 0.5, 2, true, 77 };
	syncbn_batch_norm_config_t config;

	b->r = draw_reference(&d);
	b->r.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	b->r.negative_slope = 0.2;
	b->elements = reference_elements(&b->r);
	config = draw_config(&b->r, like.dtype);
	config.momentum = 0;
	config.training = b->r.n * b->r.spatial != 1; /* one value has no spread */
	b->bn = new_layer(world, &config);
	b->saved = new_saved(b->bn);
	b->first = calloc(6 * b->elements + 1, sizeof(double));
	b->p = (struct passes){ .like = like, .x = b->r.x, .z = b->r.z, .dy = b->r.dy };
	b->p.y = b->first + 3 * b->elements;
	b->p.dx = b->p.y + b->elements;
	b->p.dz = b->p.dx + b->elements;
}

static void
close_bench(struct bench *b)
{
	syncbn_saved_free(b->saved);
	syncbn_batch_norm_free(b->bn);
	free(b->first);
	draw_free(&b->r);
}

static void
run(struct bench *b, unsigned want)
{
	const char *error;

	b->p.want = want;
	error = passes_run(&b->p, b->bn, b->saved);
	if (error != NULL)
		fail_msg("x %d z %d y %d dy %d dx %d dz %d: %s", b->p.in.x, b->p.in.z, b->p.in.y,
			 b->p.in.dy, b->p.in.dx, b->p.in.dz, error);
}

/* What has just been computed becomes what the rest is compared with. */
static void
keep(struct bench *b)
{
	memcpy(b->first, b->p.y, 3 * b->elements * sizeof(double));
}

static void
check_forward(struct bench *b)
{
	for (size_t x = 0; x < N_LAYOUTS; x++) {
		b->p.in.x = sbn_all_layouts[x];
		b->p.in.z = b->p.in.y = SYNCBN_CHANNELS_FIRST;
		run(b, 0);
		keep(b);
		for (size_t i = 0; i < N_LAYOUTS * N_LAYOUTS; i++) {
			b->p.in.z = sbn_all_layouts[i % N_LAYOUTS];
			b->p.in.y = sbn_all_layouts[i / N_LAYOUTS];
			run(b, 0);
			assert_same_f64(b->p.y, b->first, b->elements);
		}
	}
}

/* Sums of other layouts round otherwise, so what is made of them is equal to rounding only. */
static void
check_gradients(const struct bench *b)
{
	static const double tolerance[] = { 0, 1e-6, 1e-13, 8e-3, 1e-3 };
	double e = tolerance[b->p.like.dtype];

	for (size_t i = 0; i < b->elements; i++) {
		const double *dx = b->first + b->elements, *dz = dx + b->elements;

		assert_near(b->p.dx[i], dx[i], e * (1 + fabs(dx[i])));
		assert_near(b->p.dz[i], dz[i], 0);
	}
}

static void
check_backward(struct bench *b)
{
	b->p.in.x = b->p.in.z = b->p.in.y = b->p.in.dy = SYNCBN_CHANNELS_FIRST;
	b->p.in.dx = b->p.in.dz = SYNCBN_CHANNELS_FIRST;
	run(b, SYNCBN_WANT_ALL);
	keep(b);
	for (size_t i = 0; i < N_LAYOUTS * N_LAYOUTS * N_LAYOUTS; i++) {
		b->p.in.dy = sbn_all_layouts[i % 4];
		b->p.in.dx = sbn_all_layouts[i / 4 % 4];
		b->p.in.dz = sbn_all_layouts[i / 16];
		/* all 16 pairs of these come by, too */
		b->p.in.x = sbn_all_layouts[(i + i / 4) % 4];
		b->p.in.z = sbn_all_layouts[(i + i / 16) % 4];
		run(b, SYNCBN_WANT_ALL);
		check_gradients(b);
	}
}

static syncbn_tensor_t
shape_of(syncbn_dtype_t dtype, int64_t n, int64_t c, int64_t spatial)
{
	syncbn_tensor_t t = syncbn_tensor_nc(NULL, n, c);

	if (spatial == 7)
		t = syncbn_tensor_ncl(NULL, n, c, 7);
	else if (spatial == 64)
		t = syncbn_tensor_nchw(NULL, n, c, 8, 8);
	else if (spatial == 65)
		t = syncbn_tensor_nchw(NULL, n, c, 5, 13);
	else if (spatial == 130)
		t = syncbn_tensor_ncdhw(NULL, n, c, 2, 5, 13);
	t.dtype = dtype;
	return t;
}

static const int64_t all_channels[] = { 1, 3, 8, 13, 16, 17, 40 };
static const int64_t all_spatial[] = { 1, 7, 64, 65, 130 };
static const int64_t all_n[] = { 0, 1, 3 };

/* A sanitizer sees in some of the shapes what it would see in all. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 8 };
#else
enum { STEP = 1 };
#endif

static void
check_shapes(syncbn_group_t *world, void (*check)(struct bench *))
{
	for (size_t i = 0; i < 7 * 5 * 3; i += STEP) {
		struct bench b;

		open_bench(&b, world,
			   shape_of(SYNCBN_FLOAT32, all_n[i % 3], all_channels[i / 15],
				    all_spatial[i / 3 % 5]));
		check(&b);
		close_bench(&b);
	}
}

static void
test_y_has_the_same_bits_in_all_layouts_of_z_and_y(void **state)
{
	check_shapes(*state, check_forward);
}

static void
test_gradients_agree_in_all_layouts(void **state)
{
	check_shapes(*state, check_backward);
}

static void
test_so_they_do_in_the_other_types(void **state)
{
	static const syncbn_dtype_t dtypes[] = { SYNCBN_FLOAT64, SYNCBN_BFLOAT16, SYNCBN_FLOAT16 };
	static const int64_t channels[] = { 13, 17 }, spatial[] = { 1, 7, 65 };

	for (size_t i = 0; i < 3 * 2 * 3; i++) {
		struct bench b;

		open_bench(&b, *state,
			   shape_of(dtypes[i % 3], 3, channels[i / 9], spatial[i / 3 % 3]));
		check_forward(&b);
		check_backward(&b);
		close_bench(&b);
	}
}

static void
set_layouts(struct bench *b, syncbn_layout_t layout)
{
	b->p.in.x = b->p.in.z = b->p.in.y = layout;
	b->p.in.dy = b->p.in.dx = b->p.in.dz = layout;
}

/* (N, C, 1, 1) is (N, C), also where a position is a whole image's block. */
static void
test_one_position_is_like_no_position(void **state)
{
	struct bench flat, deep;

	open_bench(&flat, *state, syncbn_tensor_nc(NULL, 5, 17));
	open_bench(&deep, *state, syncbn_tensor_ncdhw(NULL, 5, 17, 1, 1, 1));
	for (size_t x = 0; x < N_LAYOUTS; x++) {
		flat.p.in.x = flat.p.in.z = flat.p.in.y = sbn_all_layouts[x];
		flat.p.in.dy = flat.p.in.dx = flat.p.in.dz = sbn_all_layouts[(x + 1) % 4];
		deep.p.in = flat.p.in;
		run(&flat, SYNCBN_WANT_ALL);
		run(&deep, SYNCBN_WANT_ALL);
		assert_same_f64(deep.p.y, flat.p.y, 3 * flat.elements);
	}
	close_bench(&flat);
	close_bench(&deep);
}

static void
test_one_channel_has_the_same_bits_in_either_order(void **state)
{
	const syncbn_tensor_t shapes[] = {
		syncbn_tensor_nc(NULL, 5, 1),
		syncbn_tensor_nchw(NULL, 3, 1, 5, 13),
		syncbn_tensor_nchw(NULL, 2, 1, 60, 70),
	};
	static const syncbn_dtype_t types[] = { SYNCBN_FLOAT32, SYNCBN_FLOAT64, SYNCBN_BFLOAT16,
						SYNCBN_FLOAT16 };

	for (size_t i = 0; i < 12; i++) {
		syncbn_tensor_t like = shapes[i % 3];
		struct bench b;

		like.dtype = types[i / 3];
		open_bench(&b, *state, like);
		set_layouts(&b, SYNCBN_CHANNELS_FIRST);
		run(&b, SYNCBN_WANT_ALL);
		keep(&b);
		set_layouts(&b, SYNCBN_CHANNELS_LAST);
		run(&b, SYNCBN_WANT_ALL);
		assert_same_f64(b.p.y, b.first, 3 * b.elements);
		close_bench(&b);
	}
}

/* ---- threads, chunks and instruction sets ---- */

/* Of whole doubles: bytes one by one would take longer than the passes. */
static uint64_t
hash_values(uint64_t hash, const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		memcpy(&bits, &values[i], sizeof(bits));
		hash = (hash ^ bits ^ bits >> 29) * 0x9e3779b97f4a7c15ull;
	}
	return hash ^ hash >> 32;
}

/*
 * Enough elements for five lanes; the layouts of each operand differ from round to round, and at
 * last all are the same, and there is no residual.
 */
static uint64_t
hash_passes(syncbn_group_t *world, syncbn_dtype_t dtype, syncbn_tensor_t like)
{
	uint64_t hash = SBN_HASH_START;
	struct bench b;

	like.dtype = dtype;
	open_bench(&b, world, like);
	for (size_t i = 0; i < 12; i++) {
		const bool differ = i / 4 == 1;

		b.p.z = i < 8 ? b.r.z : NULL;
		b.p.in.x = sbn_all_layouts[i % 4];
		b.p.in.z = sbn_all_layouts[differ ? i / 2 % 4 : i % 4];
		b.p.in.y = sbn_all_layouts[differ ? 7 - i : i % 4];
		b.p.in.dy = b.p.in.z;
		b.p.in.dx = b.p.in.y;
		b.p.in.dz = b.p.in.x;
		run(&b, SYNCBN_WANT_ALL);
		hash = hash_values(hash, b.p.y, 3 * b.elements);
		hash = sbn_hash(hash, param_f32(b.bn, SYNCBN_DGAMMA),
				b.r.channels * sbn_dtype_bytes(sbn_param_dtype(dtype)));
	}
	close_bench(&b);
	return hash;
}

static void
join_with(const char *isa, int threads, const char *chunk_bytes, const char *stores,
	  const char *fetch, const char *split, const char *images, syncbn_group_t **world)
{
	syncbn_config_t config = SYNCBN_CONFIG;

	forget_launchers();
	config.threads = threads;
	setenv("SYNCBN_ISA", isa, 1);
	setenv("SYNCBN_CHUNK_BYTES", chunk_bytes, 1);
	setenv("SYNCBN_STORES", stores, 1);
	setenv("SYNCBN_FETCH", fetch, 1);
	setenv("SYNCBN_SPLIT", split, 1);
	setenv("SYNCBN_IMAGES", images, 1);
	assert_ok(syncbn_init(&config, world));
}

static void
forget_environment(void)
{
	unsetenv("SYNCBN_ISA");
	unsetenv("SYNCBN_CHUNK_BYTES");
	unsetenv("SYNCBN_STORES");
	unsetenv("SYNCBN_FETCH");
	unsetenv("SYNCBN_SPLIT");
	unsetenv("SYNCBN_IMAGES");
}

static void
check_bits(syncbn_dtype_t dtype, syncbn_tensor_t like)
{
	static const int threads[] = { 1, 2, 5, 8, 1 };
	static const char *const chunks[] = { "524288", "1", "30000", "5000", "100000" };
	static const char *const stores[] = { "ordinary", "streaming", "auto", "streaming",
					      "streaming" };
	static const char *const fetch[] = { "auto", "lines", "", "chunks", "lines" };
	static const char *const split[] = { "auto", "blocks", "channels", "blocks", "auto" };
	static const char *const images[] = { "auto", "single", "pairs", "abreast", "pairs" };
	uint64_t expected = 0;

	for (const char *const *isa = sbn_kernels_names; *isa != NULL; isa++) {
		const struct sbn_kernels *kernels;

		for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
			syncbn_group_t *world;
			uint64_t hash;

			if (sbn_kernels_choose(*isa, &kernels) != SYNCBN_OK)
				continue; /* not on this CPU */
			join_with(*isa, threads[i], chunks[i], stores[i], fetch[i], split[i],
				  images[i], &world);
			hash = hash_passes(world, dtype, like);
			expected = expected == 0 ? hash : expected;
			assert_int_equal(hash, expected);
			assert_ok(syncbn_finalize(world));
		}
	}
	forget_environment();
}

static void
test_sets_threads_chunks_stores_and_ways_give_the_same_bits(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		/* fewer channels than threads, which share them; a block is a part of a row */
		check_bits(sbn_all_dtypes[i], syncbn_tensor_nchw(NULL, 5, 3, 41, 101));
		/* parts of an image a block, and some images */
		check_bits(sbn_all_dtypes[i], syncbn_tensor_nchw(NULL, 3, 23, 20, 35));
		check_bits(sbn_all_dtypes[i], syncbn_tensor_nchw(NULL, 23, 41, 7, 7));
		check_bits(sbn_all_dtypes[i], syncbn_tensor_nchw(NULL, 23, 24, 14, 14));
	}
}

/* As a rank without samples has them; with chunks enough for one to be written beside another. */
static void
check_no_samples(syncbn_layout_t layout)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(40);
	syncbn_tensor_t none = syncbn_tensor_nchw(NULL, 0, 40, 7, 7);
	float memory[1];
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_group_t *world;

	none.data = memory;
	none.layout = layout;
	join_with("scalar", 1, "1", "streaming", "lines", "auto", "single", &world);
	assert_ok(syncbn_batch_norm_new(world, &config, &bn));
	assert_ok(syncbn_saved_new(bn, &saved));
	assert_ok(syncbn_batch_norm_forward(bn, &none, NULL, &none, saved));
	assert_ok(syncbn_batch_norm_backward(bn, saved, &none, &none, NULL, SYNCBN_WANT_ALL));
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	assert_ok(syncbn_finalize(world));
	forget_environment();
}

static void
test_no_samples_in_any_layout(void **state)
{
	(void)state;
	check_no_samples(SYNCBN_CHANNELS_FIRST);
	check_no_samples(SYNCBN_CHANNELS_LAST);
	check_no_samples(SYNCBN_BLOCKED_16);
}

/* Calls of the layer that have been tries, forward or backward. */
static uint32_t
tries_of(const struct syncbn_batch_norm *bn, size_t backward)
{
	return bn->images[0][backward].calls + bn->images[1][backward].calls +
	       bn->fetch[backward].calls + bn->sharing[backward].calls +
	       bn->narrow[backward].calls;
}

/* In that layout and shape; tried: how many ways there are in forward and backward calls. */
static void
check_first_calls(const char *isa, syncbn_layout_t layout, syncbn_tensor_t like,
		  const uint32_t tried[2])
{
	syncbn_group_t *world;
	struct bench b;

	join_with(isa, 2, "1", "streaming", "auto", "auto", "auto", &world);
	open_bench(&b, world, like);
	b.p.in.x = b.p.in.z = b.p.in.y = b.p.in.dy = b.p.in.dx = b.p.in.dz = layout;
	run(&b, SYNCBN_WANT_ALL);
	keep(&b);
	for (uint32_t done = 1; done < 14 * SBN_TRIES + 3; done++) {
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(tries_of(b.bn, i), SBN_MIN(done, SBN_TRIES * tried[i]));
		run(&b, SYNCBN_WANT_ALL);
		assert_same_f64(b.p.y, b.first, 3 * b.elements);
	}
	close_bench(&b);
	assert_ok(syncbn_finalize(world));
	forget_environment();
}

static void
test_first_calls_go_each_way_with_the_same_bits(void **state)
{
	(void)state;
	const syncbn_tensor_t like = syncbn_tensor_nchw(NULL, 6, 64, 12, 12);
	/* a channel is more than half of a thread's cache */
	const int64_t rows = (int64_t)(sbn_cache_find().bytes / (2 * 4 * 256 * sizeof(float))) + 1;
	const syncbn_tensor_t large = syncbn_tensor_nchw(NULL, 4, 2, rows, 256);
	/* the best set, and where there is a narrower one, that one, too */
	const uint32_t narrow = sbn_kernels_narrower(NULL) != NULL;

	check_first_calls("scalar", SYNCBN_BLOCKED_16, like, (const uint32_t[]){ 2, 2 });
	check_first_calls("scalar", SYNCBN_CHANNELS_FIRST, like, (const uint32_t[]){ 6, 6 });
	check_first_calls("scalar", SYNCBN_CHANNELS_LAST, like, (const uint32_t[]){ 0, 0 });
	check_first_calls("scalar", SYNCBN_CHANNELS_LAST, syncbn_tensor_nchw(NULL, 3, 65, 12, 12),
			  (const uint32_t[]){ 2, 2 });
	check_first_calls("scalar", SYNCBN_CHANNELS_FIRST, large, (const uint32_t[]){ 5, 10 });
	check_first_calls("", SYNCBN_CHANNELS_LAST, like,
			  (const uint32_t[]){ 2 * narrow, 2 * narrow });
	check_first_calls("", SYNCBN_BLOCKED_16, like,
			  (const uint32_t[]){ 2 + 2 * narrow, 2 + 2 * narrow });
	check_first_calls("", SYNCBN_CHANNELS_FIRST, like,
			  (const uint32_t[]){ 6 + 2 * narrow, 6 + 2 * narrow });
	check_first_calls("", SYNCBN_CHANNELS_FIRST, large,
			  (const uint32_t[]){ 5 + 2 * narrow, 10 + 4 * narrow });
}

static void
test_one_choice_that_is_tried_again_leaves_the_other(void **state)
{
	syncbn_group_t *world;
	struct bench b;

	(void)state;
	join_with("scalar", 1, "1", "streaming", "auto", "channels", "auto", &world);
	open_bench(&b, world, syncbn_tensor_nchw(NULL, 6, 64, 12, 12));
	b.p.in.x = b.p.in.z = b.p.in.y = SYNCBN_CHANNELS_FIRST;
	b.p.in.dy = b.p.in.dx = b.p.in.dz = SYNCBN_CHANNELS_FIRST;
	run(&b, SYNCBN_WANT_ALL);
	keep(&b);
	while (!sbn_trial_is_over(&b.bn->fetch[1]))
		run(&b, SYNCBN_WANT_ALL);
	b.bn->images[0][1].since = SBN_TRIAL_LASTS;
	b.bn->images[1][1].since = b.bn->fetch[1].since = SBN_TRIAL_LASTS - 9; /* not meanwhile */
	for (uint32_t done = 1; done <= 2 * SBN_TRIES; done++) {
		run(&b, SYNCBN_WANT_ALL);
		assert_int_equal(b.bn->images[0][1].calls, done);
		assert_true(sbn_trial_is_over(&b.bn->images[1][1]));
		assert_true(sbn_trial_is_over(&b.bn->fetch[1]));
		assert_same_f64(b.p.y, b.first, 3 * b.elements);
	}
	close_bench(&b);
	assert_ok(syncbn_finalize(world));
	forget_environment();
}

#define in_a_world(test) cmocka_unit_test_setup_teardown(test, join_world, leave_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(test_y_has_the_same_bits_in_all_layouts_of_z_and_y),
		in_a_world(test_gradients_agree_in_all_layouts),
		in_a_world(test_so_they_do_in_the_other_types),
		in_a_world(test_one_position_is_like_no_position),
		in_a_world(test_one_channel_has_the_same_bits_in_either_order),
		cmocka_unit_test(test_sets_threads_chunks_stores_and_ways_give_the_same_bits),
		cmocka_unit_test(test_no_samples_in_any_layout),
		cmocka_unit_test(test_one_choice_that_is_tried_again_leaves_the_other),
		cmocka_unit_test(test_first_calls_go_each_way_with_the_same_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
