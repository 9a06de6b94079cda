/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tile_pairs.h"

#include <string.h>

static bool
has_pairs(const struct sbn_view *view)
{
	return view->data == NULL ||
	       (view->order == SBN_BLOCKS && view->width == SBN_PAIR_CHANNELS &&
		view->position == view->width);
}

bool
sbn_tile_sums_have_pairs(const struct sbn_pass *pass)
{
	return has_pairs(&pass->x) && has_pairs(&pass->dy) &&
	       (pass->dy.data == NULL || has_pairs(&pass->z));
}

bool
sbn_tile_all_have_pairs(const struct sbn_pass *pass)
{
	return has_pairs(&pass->x) && has_pairs(&pass->z) && has_pairs(&pass->dy) &&
	       has_pairs(&pass->out) && has_pairs(&pass->dz);
}

bool
sbn_tile_begins_within_pair(const struct sbn_pass *pass, const struct sbn_tile *tile)
{
	return (tile->c / SBN_PAIR_CHANNELS * pass->geometry.spatial + tile->s) % 2 != 0;
}

bool
sbn_tile_can_be_twins(const struct sbn_pass *pass, const struct sbn_range *range, size_t c)
{
	const size_t spatial = pass->geometry.spatial;

	return spatial % 2 == 1 && spatial <= SBN_BLOCK_POSITIONS && c % SBN_LANES == 0 &&
	       range->end - c >= SBN_LANES && sbn_tile_all_have_pairs(pass);
}

/* The tile's n positions from s on, of channels c..c+n_channels-1. */
static struct sbn_tile_part
part_of(const struct sbn_tile *tile, size_t c, size_t n_channels, size_t s, size_t n, bool is_pairs)
{
	struct sbn_tile_part part = { *tile, is_pairs, (c - tile->c) / SBN_PAIR_CHANNELS };

	part.tile.c = c;
	part.tile.n_channels = n_channels;
	part.tile.s = s;
	part.tile.n_positions = n;
	return part;
}

/* Of images that are whole. */
static void
split_twins(const struct sbn_tile *tile, struct sbn_tile_part part[SBN_TILE_PARTS])
{
	const size_t second = tile->c + SBN_PAIR_CHANNELS, n = tile->n_positions - 1;

	part[0] = part_of(tile, tile->c, SBN_PAIR_CHANNELS, 0, n, true);
	part[1] = part_of(tile, tile->c, SBN_LANES, n, 1, false);
	part[2] = part_of(tile, second, SBN_PAIR_CHANNELS, 1, n, true);
}

size_t
sbn_tile_parts(const struct sbn_pass *pass, const struct sbn_tile *tile, bool pairs,
	       struct sbn_tile_part part[SBN_TILE_PARTS])
{
	const size_t before = pairs && sbn_tile_begins_within_pair(pass, tile);
	const size_t of_pairs = pairs ? (tile->n_positions - before) / 2 * 2 : 0;
	const size_t length[SBN_TILE_PARTS] = { before, of_pairs,
						tile->n_positions - before - of_pairs };
	size_t s = tile->s, n = 0;

	if (pairs && tile->n_channels > SBN_PAIR_CHANNELS) {
		split_twins(tile, part);
		return SBN_TILE_PARTS;
	}
	for (size_t i = 0; i < SBN_TILE_PARTS; s += length[i], i++)
		if (length[i] != 0)
			part[n++] = part_of(tile, tile->c, tile->n_channels, s, length[i], i == 1);
	return n;
}

void
sbn_tile_pair_rows(struct sbn_operands *at)
{
	at->x.stride *= 2;
	at->z.stride *= 2;
	at->dy.stride *= 2;
	at->out.stride *= 2;
	at->dz.stride *= 2;
}

struct sbn_in
sbn_tile_second(const struct sbn_pass *pass, struct sbn_in in)
{
	if (in.data != NULL)
		in.data = (const unsigned char *)in.data +
			  SBN_PAIR_CHANNELS * pass->geometry.element_bytes;
	return in;
}

/* An array's elements of a block, into 16 of to from `first` on. */
static const void *
twice(const struct sbn_pass *pass, const void *from, size_t c, size_t first, double *to)
{
	const size_t real = pass->bn->wide ? sizeof(double) : sizeof(float);
	const size_t bytes = SBN_PAIR_CHANNELS * real;

	if (from == NULL)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		memcpy((unsigned char *)to + first * real + i * bytes,
		       (const unsigned char *)from + c * real, bytes);
	return to;
}

static void
put_at(struct sbn_twice *to, const struct sbn_pass *pass, size_t c, size_t first)
{
	const struct sbn_coefficients *k = &pass->k;

	to->k.mean_hi = twice(pass, k->mean_hi, c, first, to->of[0]);
	to->k.mean_lo = twice(pass, k->mean_lo, c, first, to->of[1]);
	to->k.scale = twice(pass, k->scale, c, first, to->of[2]);
	to->k.shift = twice(pass, k->shift, c, first, to->of[3]);
	to->k.dy_hi = twice(pass, k->dy_hi, c, first, to->of[4]);
	to->k.dy_lo = twice(pass, k->dy_lo, c, first, to->of[5]);
	to->k.slope = twice(pass, k->slope, c, first, to->of[6]);
	to->k.slope_lo = twice(pass, k->slope_lo, c, first, to->of[7]);
}

void
sbn_twice_put(struct sbn_twice *to, const struct sbn_pass *pass, size_t c)
{
	to->k = pass->k;
	put_at(to, pass, c, 0);
}

void
sbn_twice_add(struct sbn_twice *to, const struct sbn_pass *pass, size_t c)
{
	put_at(to, pass, c, SBN_LANES);
}
