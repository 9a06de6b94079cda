/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same bits whatever the threads, the chunks, the stores, the instruction set and the ways
 * through memory; and which ways a layer's first calls go.
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
#include "unit/layout_bench.h"

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
 * Enough elements for five lanes; all operands' layouts are the same, and then differ; and both
 * again without a residual.
 */
static uint64_t
hash_passes(syncbn_group_t *world, syncbn_dtype_t dtype, syncbn_tensor_t like)
{
	uint64_t hash = SBN_HASH_START;
	struct bench b;

	like.dtype = dtype;
	open_bench(&b, world, like);
	for (size_t i = 0; i < 16; i++) {
		const bool differ = i / 4 % 2 == 1;

		b.p.z = i < 8 ? b.r.z : NULL;
		b.p.in.x = sbn_all_layouts[i % 4];
		b.p.in.z = sbn_all_layouts[differ ? i / 2 % 4 : i % 4];
		b.p.in.y = sbn_all_layouts[differ ? 3 - i % 4 : i % 4];
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
	static const int threads[] = { 1, 2, 5, 8, 1, 1 };
	static const char *const chunks[] = { "524288", "1", "30000", "5000", "100000", "20000" };
	static const char *const stores[] = { "ordinary",  "streaming", "auto",
					      "streaming", "streaming", "streaming" };
	static const char *const fetch[] = { "auto", "lines", "", "chunks", "lines", "chunks" };
	static const char *const split[] = {
		"auto", "blocks", "channels", "blocks", "auto", "auto"
	};
	static const char *const images[] = {
		"auto", "single", "pairs", "abreast", "pairs", "auto"
	};
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
		/* blocks of channels that are written beside others, and half a one */
		check_bits(sbn_all_dtypes[i], syncbn_tensor_nchw(NULL, 5, 72, 7, 7));
	}
	/* of so many positions blocks of rows are longer, and the last one shorter */
	check_bits(SYNCBN_FLOAT32, syncbn_tensor_nchw(NULL, 2, 24, 91, 101));
}

/* Calls of one way, at most. */
enum { MOST_TRIES = SBN_TRIES + SBN_CLOSE_TRIES };

/* Calls of the layer that have been tries, forward or backward. */
static uint32_t
tries_of(const struct syncbn_batch_norm *bn, size_t backward)
{
	return bn->images[0][backward].calls + bn->images[1][backward].calls +
	       bn->fetch[backward].calls + bn->sharing[backward].calls + bn->narrow[backward].calls;
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
	for (uint32_t done = 1; done < 14 * MOST_TRIES + 3; done++) {
		for (size_t i = 0; i < 2; i++)
			assert_in_range(tries_of(b.bn, i), SBN_MIN(done, SBN_TRIES * tried[i]),
					SBN_MIN(done, MOST_TRIES * tried[i]));
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

/* As a rank without samples has them: of chunks enough for one to be written beside another. */
static void
check_empty_batch(const char *fetch, const char *images, const syncbn_tensor_t *x,
		  const syncbn_tensor_t *y)
{
	const syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH((uint32_t)x->shape[1]);
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;

	join_with("", 1, "1", "streaming", fetch, "auto", images, &world);
	assert_ok(syncbn_batch_norm_new(world, &config, &bn));
	assert_ok(syncbn_saved_new(bn, &saved));
	for (int call = 0; call < 2 * SBN_TRIES; call++) {
		assert_ok(syncbn_batch_norm_forward(bn, x, NULL, y, saved));
		assert_ok(syncbn_batch_norm_backward(bn, saved, x, y, NULL, SYNCBN_WANT_ALL));
	}
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	assert_ok(syncbn_finalize(world));
	forget_environment();
}

/* In place; and x without memory, which lies in no blocks, beside outputs of other layouts. */
static void
test_an_empty_batch_goes_every_way(void **state)
{
	static const char *const fetches[] = { "auto", "lines", "chunks" };
	static float memory[1];
	syncbn_tensor_t x = syncbn_tensor_nchw(NULL, 0, 40, 7, 7);
	syncbn_tensor_t y = syncbn_tensor_nchw(memory, 0, 40, 7, 7);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		y.layout = sbn_all_layouts[i];
		check_empty_batch("lines", "single", &y, &y);
		for (size_t k = 0; k < 4 * 3; k++) {
			x.layout = sbn_all_layouts[k % 4];
			check_empty_batch(fetches[k / 4], "auto", &x, &y);
		}
	}
}

/* A layer whose calls have gone each way. */
static void
open_tried(struct bench *b, syncbn_group_t **world)
{
	join_with("scalar", 1, "1", "streaming", "auto", "channels", "auto", world);
	open_bench(b, *world, syncbn_tensor_nchw(NULL, 6, 64, 12, 12));
	b->p.in.x = b->p.in.z = b->p.in.y = SYNCBN_CHANNELS_FIRST;
	b->p.in.dy = b->p.in.dx = b->p.in.dz = SYNCBN_CHANNELS_FIRST;
	run(b, SYNCBN_WANT_ALL);
	keep(b);
	while (!sbn_trial_is_over(&b->bn->fetch[1]))
		run(b, SYNCBN_WANT_ALL);
}

static void
test_one_choice_that_is_tried_again_leaves_the_other(void **state)
{
	syncbn_group_t *world;
	struct bench b;

	(void)state;
	open_tried(&b, &world);
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

static void
test_ways_are_tried_again_where_calls_take_another_time(void **state)
{
	syncbn_group_t *world;
	struct sbn_pace *pace;
	struct bench b;

	(void)state;
	open_tried(&b, &world);
	pace = &b.bn->pace[1];
	assert_int_equal(pace->calls, 0);
	run(&b, SYNCBN_WANT_ALL);
	assert_int_equal(pace->calls, 1);
	/* as if many calls had taken no time at all */
	*pace = (struct sbn_pace){ .work = pace->work, .calls = SBN_PACE_LEAST };
	for (int call = 0; call < SBN_PACE_APART; call++) {
		assert_true(sbn_trial_is_over(&b.bn->images[0][1]));
		run(&b, SYNCBN_WANT_ALL);
	}
	for (uint32_t done = 1; done <= 2 * SBN_TRIES; done++) {
		run(&b, SYNCBN_WANT_ALL);
		assert_int_equal(b.bn->images[0][1].calls, done);
		assert_int_equal(pace->calls, 0);
		assert_same_f64(b.p.y, b.first, 3 * b.elements);
	}
	close_bench(&b);
	assert_ok(syncbn_finalize(world));
	forget_environment();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_threads_chunks_stores_and_ways_give_the_same_bits),
		cmocka_unit_test(test_one_choice_that_is_tried_again_leaves_the_other),
		cmocka_unit_test(test_first_calls_go_each_way_with_the_same_bits),
		cmocka_unit_test(test_an_empty_batch_goes_every_way),
		cmocka_unit_test(test_ways_are_tried_again_where_calls_take_another_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
