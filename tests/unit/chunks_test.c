/* SPDX-License-Identifier: Apache-2.0 */
/* How many channels a chunk has, whatever caches this machine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/cache.h"
#include "nn/chunks.h"

enum { CHUNK_BYTES = 512 * 1024, NOT_SMALL = 96 * 1024 };

static unsigned char x[1], dy[1];
static struct sbn_process process = { .chunk_bytes = CHUNK_BYTES };
static struct syncbn_group group = { .process = &process };
static struct syncbn_batch_norm bn = { .group = &group };

static const size_t spatials[] = { 1, 9, 49, 127, 128, 144, 196, 225, 256, 784, 1600, 3136, 12544 };
static const uint32_t lanes[] = { 1, 2, 3, 16, 17, 63, 64, 1000, 1024, 8192 };
static const size_t images[] = { 1, 2, 4, 16, 31, 128 };

/* Channels-first, of floats: forward, or backward. */
static struct sbn_pass
pass_of(size_t n, size_t spatial, uint32_t channels, enum sbn_op op)
{
	struct sbn_pass pass = {
		.bn = &bn,
		.geometry = { n, channels, spatial, SBN_F32, sizeof(float) },
		.op = op,
		.exchange = true,
		.x = { .data = x, .order = SBN_PLANES, .image = channels * spatial },
	};

	if (op == SBN_OP_BACKWARD) {
		pass.dy = pass.x;
		pass.dy.data = dy;
	}
	return pass;
}

static size_t
channel_bytes(const struct sbn_pass *pass)
{
	return sbn_pass_inputs_kept(pass) * pass->geometry.n * pass->geometry.spatial *
	       pass->geometry.element_bytes;
}

static void
check(const struct sbn_pass *pass, uint32_t n)
{
	const struct sbn_chunks c = sbn_chunks_choose(pass, n);
	const size_t cache = sbn_cache_find().bytes, bytes = c.step * channel_bytes(pass);

	assert_in_range(c.step, 1, n);
	assert_in_range(c.whole, 1, SBN_STORE_LINE);
	assert_true(c.step >= n || c.step % c.whole == 0);
	assert_in_range(c.lookahead, 1, group.size > 1 ? 2 : 1);
	assert_true(c.lookahead_while_late >= c.lookahead);
	if (c.step == 1 || c.step <= c.whole)
		return;
	/* this one and the next stay where they are fast, and no setting is exceeded */
	assert_true(2 * bytes <= cache);
	assert_true(bytes <= CHUNK_BYTES);
}

static void
for_each_shape(void (*f)(const struct sbn_pass *, uint32_t))
{
	for (size_t s = 0; s < sizeof(spatials) / sizeof(spatials[0]); s++)
		for (size_t l = 0; l < sizeof(lanes) / sizeof(lanes[0]); l++)
			for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
				for (int back = 0; back < 2; back++) {
					const struct sbn_pass pass =
						pass_of(images[i], spatials[s], lanes[l],
							back ? SBN_OP_BACKWARD : SBN_OP_FORWARD);

					f(&pass, lanes[l]);
				}
}

static void
test_chunks_have_channels_that_end_with_lines_and_fit(void **state)
{
	(void)state;
	for (group.size = 1; group.size <= 2; group.size++)
		for_each_shape(check);
}

/* Each costs something by itself, whatever its size. */
static void
check_not_small(const struct sbn_pass *pass, uint32_t n)
{
	const struct sbn_chunks c = sbn_chunks_choose(pass, n);
	const size_t room = sbn_cache_find().bytes / 16 * 7;
	/* all chunks are alike: a sixteenth may be missing */
	const size_t least = SBN_MIN(room, (size_t)NOT_SMALL) / 16 * 15;

	if (pass->geometry.spatial < SBN_SHORT_SPATIAL || n / 16 * channel_bytes(pass) < room)
		return; /* or a lane had few of them */
	assert_true((c.step + c.whole) * channel_bytes(pass) > least);
}

static void
test_of_many_channels_of_long_rows_none_are_small(void **state)
{
	(void)state;
	for (group.size = 1; group.size <= 2; group.size++)
		for_each_shape(check_not_small);
}

static void
check_blocks_of_8(const struct sbn_pass *of, uint32_t n)
{
	struct sbn_pass pass = *of;
	struct sbn_chunks c;

	pass.x.order = SBN_BLOCKS;
	pass.x.width = pass.x.position = 8;
	pass.x.block = 8 * pass.geometry.spatial;
	if (pass.dy.data != NULL) {
		pass.dy = pass.x;
		pass.dy.data = dy;
	}
	c = sbn_chunks_choose(&pass, n);
	assert_int_equal(c.step % c.whole, 0);
	if (c.whole == SBN_LANES)
		return;
	assert_int_equal(c.whole, 8);
	assert_int_equal(pass.geometry.spatial % 2, 0);
	assert_true(SBN_LANES * channel_bytes(&pass) > sbn_cache_find().bytes);
}

static void
test_chunks_of_one_block_of_8_are_large_and_begin_with_a_joined_row(void **state)
{
	(void)state;
	for_each_shape(check_blocks_of_8);
}

/* What has been summed before travels at one go. */
static void
sums(const struct sbn_pass *pass, int threads)
{
	(void)pass;
	(void)threads;
}

static void
test_what_has_been_summed_before_is_one_chunk(void **state)
{
	struct sbn_pass pass = pass_of(16, 784, 512, SBN_OP_FORWARD);

	(void)state;
	group.size = 2;
	pass.before = sums;
	assert_int_equal(sbn_chunks_choose(&pass, 512).step, 512);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks_have_channels_that_end_with_lines_and_fit),
		cmocka_unit_test(test_of_many_channels_of_long_rows_none_are_small),
		cmocka_unit_test(
			test_chunks_of_one_block_of_8_are_large_and_begin_with_a_joined_row),
		cmocka_unit_test(test_what_has_been_summed_before_is_one_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
