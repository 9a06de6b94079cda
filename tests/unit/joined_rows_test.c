/* SPDX-License-Identifier: Apache-2.0 */
/* How tiles of blocks of 8 channels are gone through: all elements once; which rows are joined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn/joined_rows.h"

enum { MOST_CHANNELS = 40, MOST_IMAGES = 5 };

/* How an element is counted; none is counted twice. */
enum { SINGLE = 1, PAIR = 16 };

static unsigned char data[1];
static struct syncbn_batch_norm bn;

static struct sbn_view
blocks_of(size_t width, size_t channels, size_t spatial)
{
	return (struct sbn_view){
		.data = data,
		.order = SBN_BLOCKS,
		.image = (channels + width - 1) / width * width * spatial,
		.position = width,
		.block = spatial * width,
		.width = width,
	};
}

static struct sbn_pass
pass_of(size_t n, size_t channels, size_t spatial, size_t width)
{
	struct sbn_pass pass = {
		.bn = &bn,
		.geometry = { n, channels, spatial, SBN_F32, sizeof(float) },
		.x = blocks_of(width, channels, spatial),
	};

	pass.out = pass.x;
	return pass;
}

/* How an element is in parts, in the order of memory: a row's lie side by side. */
static void
count(const struct sbn_pass *pass, const struct sbn_tile_part *part, unsigned char *times)
{
	const struct sbn_tile *tile = &part->tile;

	for (size_t i = tile->image; i < tile->image + tile->n_images; i++)
		for (size_t s = tile->s; s < tile->s + tile->n_positions; s++)
			for (size_t c = 0; c < tile->n_channels; c++)
				times[i * pass->x.image + tile->c / pass->x.width * pass->x.block +
				      s * pass->x.position + tile->c % pass->x.width + c] +=
					part->is_joined ? PAIR : SINGLE;
}

/* Of a joined row both lie in one block; single rows of two blocks lie side by side, too. */
static void
check_part(const struct sbn_pass *pass, const struct sbn_tile *of, const struct sbn_tile_part *part)
{
	const struct sbn_tile *tile = &part->tile;
	const size_t first = tile->c / SBN_JOINED_CHANNELS * pass->geometry.spatial + tile->s;

	assert_true(tile->n_positions > 0);
	assert_int_equal(tile->c - of->c, part->block * SBN_JOINED_CHANNELS);
	if (part->is_joined) {
		assert_int_equal(first % 2, 0);
		assert_int_equal(sbn_part_rows(part) * 2, tile->n_positions);
		assert_true(tile->c % SBN_JOINED_CHANNELS + tile->n_channels <=
			    SBN_JOINED_CHANNELS);
	} else if (tile->n_channels > SBN_JOINED_CHANNELS) {
		assert_int_equal(tile->c % SBN_JOINED_CHANNELS, 0);
		assert_int_equal(tile->s, pass->geometry.spatial - 1);
		assert_int_equal(tile->n_positions, 1);
	} else {
		assert_int_equal(tile->n_positions, 1);
	}
}

static void
check_range(const struct sbn_pass *pass, const struct sbn_range *range, unsigned char *times)
{
	struct sbn_tile_part part[SBN_TILE_PARTS];
	struct sbn_tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		sbn_tile_begin(pass, range, c, &tile);
		while (sbn_tile_next(pass, &tile, SBN_BLOCK_POSITIONS)) {
			const size_t n = sbn_tile_parts(pass, &tile, true, part);

			assert_in_range(n, 1, SBN_TILE_PARTS);
			for (size_t i = 0; i < n; i++) {
				check_part(pass, &tile, &part[i]);
				count(pass, &part[i], times);
			}
		}
	}
}

/* Of an element in memory; those of padding are behind the last one. */
static size_t
channel_of(const struct sbn_pass *pass, size_t element)
{
	return element % pass->x.image / pass->x.block * pass->x.width + element % pass->x.width;
}

/* By the layout alone: a pair where its neighbour is among the same 2048 positions. */
static unsigned char
expected(const struct sbn_pass *pass, size_t element)
{
	const size_t row = element % pass->x.image / pass->x.width;
	const size_t block = row / pass->geometry.spatial * pass->geometry.spatial;
	const size_t begin = block + (row - block) / SBN_BLOCK_POSITIONS * SBN_BLOCK_POSITIONS;
	const size_t end = SBN_MIN(begin + SBN_BLOCK_POSITIONS, block + pass->geometry.spatial);
	const size_t neighbour = row ^ 1;

	if (channel_of(pass, element) >= pass->geometry.channels)
		return 0;
	return neighbour >= begin && neighbour < end ? PAIR : SINGLE;
}

/* Channels in ranges of `step`, as chunks and threads cut them. */
static void
check(size_t n, size_t channels, size_t spatial, uint32_t step)
{
	const struct sbn_pass pass = pass_of(n, channels, spatial, SBN_JOINED_CHANNELS);
	const size_t elements = n * pass.x.image;
	unsigned char *times = calloc(elements, 1);

	assert_non_null(times);
	for (uint32_t c = 0; c < channels; c += step) {
		const struct sbn_range range = { .begin = c,
						 .end = SBN_MIN(c + step, (uint32_t)channels) };

		check_range(&pass, &range, times);
	}
	for (size_t i = 0; i < elements; i++)
		assert_int_equal(times[i], expected(&pass, i));
	free(times);
}

static void
test_every_element_is_in_one_part(void **state)
{
	static const size_t spatials[] = { 2, 3, 48, 49, 2047, 2048, 2049, 4097 };

	(void)state;
	for (size_t s = 0; s < sizeof(spatials) / sizeof(spatials[0]); s++)
		for (uint32_t step = 1; step <= MOST_CHANNELS; step += step < 18 ? 1 : 11)
			for (size_t n = 1; n <= MOST_IMAGES; n += 2)
				check(n, MOST_CHANNELS - step % 3, spatials[s], step);
}

/* Of 16 channels and an odd number of positions, which lie side by side, all are rows of 16. */
static void
test_of_twins_all_rows_are_whole(void **state)
{
	const struct sbn_pass pass = pass_of(3, 32, 49, SBN_JOINED_CHANNELS);
	const struct sbn_range range = { .begin = 16, .end = 32 };
	struct sbn_tile_part part[SBN_TILE_PARTS];
	struct sbn_tile tile;

	(void)state;
	sbn_tile_begin(&pass, &range, 16, &tile);
	assert_int_equal(tile.n_channels, SBN_LANES);
	assert_true(sbn_tile_next(&pass, &tile, SBN_BLOCK_POSITIONS));
	assert_int_equal(sbn_tile_parts(&pass, &tile, true, part), 3);
	assert_true(part[0].is_joined && !part[1].is_joined && part[2].is_joined);
	assert_int_equal(part[1].tile.n_channels, SBN_LANES);
	assert_int_equal(sbn_part_rows(&part[0]) + sbn_part_rows(&part[2]), 48);
}

static void
test_twins_are_two_blocks_that_end_with_a_line(void **state)
{
	const struct sbn_pass pass = pass_of(3, 32, 49, SBN_JOINED_CHANNELS);
	const struct sbn_range range = { .begin = 8, .end = 31 };
	struct sbn_tile tile;

	(void)state;
	sbn_tile_begin(&pass, &range, 8, &tile);
	assert_int_equal(tile.n_channels, SBN_JOINED_CHANNELS);
	sbn_tile_begin(&pass, &range, 16, &tile);
	assert_int_equal(tile.n_channels, SBN_JOINED_CHANNELS);
	sbn_tile_begin(&pass, &range, 24, &tile);
	assert_int_equal(tile.n_channels, 7);
}

static void
test_only_what_lies_side_by_side_is_joined(void **state)
{
	struct sbn_pass pass = pass_of(3, 32, 48, SBN_JOINED_CHANNELS);
	struct sbn_tile tile = { .n_channels = SBN_JOINED_CHANNELS };

	(void)state;
	assert_true(sbn_pass_joins_sums(&pass));
	assert_true(sbn_tile_joins_map(&pass, &tile));
	tile.n_channels--;
	assert_false(sbn_tile_joins_map(&pass, &tile));
	tile.n_channels++;
	pass.out = blocks_of(SBN_LANES, 32, 48);
	assert_true(sbn_pass_joins_sums(&pass));
	assert_false(sbn_tile_joins_map(&pass, &tile));
	pass = pass_of(3, 32, 48, SBN_JOINED_CHANNELS);
	pass.dy = blocks_of(SBN_LANES, 32, 48);
	assert_false(sbn_pass_joins_sums(&pass));
	pass = pass_of(1, 32, 3, SBN_JOINED_CHANNELS);
	pass.x.position = 32; /* of images of one position: they are apart */
	assert_false(sbn_pass_joins_sums(&pass));
	pass = pass_of(3, 32, 48, SBN_LANES);
	assert_false(sbn_pass_joins_sums(&pass));
}

static double
number_at(const struct sbn_twice *twice, uint32_t i)
{
	return sbn_number_get(bn.wide, twice->k.scale, i);
}

/* Of twins from channel 8 on, behind those of another tile. */
static void
check_twice(void)
{
	const struct sbn_tile one = { .c = 24, .n_channels = SBN_JOINED_CHANNELS };
	const struct sbn_tile twins = { .c = 8, .n_channels = SBN_LANES };
	struct sbn_pass pass = pass_of(3, MOST_CHANNELS, 48, SBN_JOINED_CHANNELS);
	double numbers[MOST_CHANNELS];
	struct sbn_twice twice;

	for (uint32_t i = 0; i < MOST_CHANNELS; i++)
		sbn_number_set(bn.wide, numbers, i, (double)i);
	pass.k.scale = numbers;
	sbn_twice_put(&twice, &pass, &one, 0);
	sbn_twice_put(&twice, &pass, &twins, SBN_TWICE_COLUMNS);
	assert_null(twice.k.slope);
	for (uint32_t i = 0; i < SBN_LANES; i++) {
		const double first = (double)(i % SBN_JOINED_CHANNELS);

		assert_true(number_at(&twice, i) == 24 + first);
		assert_true(number_at(&twice, SBN_TWICE_COLUMNS + i) == 8 + first);
		assert_true(number_at(&twice, SBN_TWICE_COLUMNS + SBN_LANES + i) == 16 + first);
	}
}

static void
test_coefficients_stand_twice(void **state)
{
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		bn.wide = wide;
		check_twice();
	}
	bn.wide = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_element_is_in_one_part),
		cmocka_unit_test(test_of_twins_all_rows_are_whole),
		cmocka_unit_test(test_twins_are_two_blocks_that_end_with_a_line),
		cmocka_unit_test(test_only_what_lies_side_by_side_is_joined),
		cmocka_unit_test(test_coefficients_stand_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
