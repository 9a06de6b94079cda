/* SPDX-License-Identifier: Apache-2.0 */
/* Which ways through memory a layer's first calls go, and when they are tried out again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/math.h"
#include "kernels/kernels.h"
#include "nn/cache.h"
#include "nn/layer.h"
#include "unit/layout_bench.h"
#include "unit/world_of_ways.h"

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
		cmocka_unit_test(test_one_choice_that_is_tried_again_leaves_the_other),
		cmocka_unit_test(test_first_calls_go_each_way_with_the_same_bits),
		cmocka_unit_test(test_an_empty_batch_goes_every_way),
		cmocka_unit_test(test_ways_are_tried_again_where_calls_take_another_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
