/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/joined_rows.h"

#include <string.h>

static bool
is_joined(const struct sbn_view *view)
{
	return view->data == NULL ||
	       (view->order == SBN_BLOCKS && view->width == SBN_JOINED_CHANNELS &&
		view->position == view->width);
}

bool
sbn_pass_joins_sums(const struct sbn_pass *pass)
{
	return is_joined(&pass->x) && is_joined(&pass->dy) &&
	       (pass->dy.data == NULL || is_joined(&pass->z));
}

bool
sbn_pass_joins_all(const struct sbn_pass *pass)
{
	return is_joined(&pass->x) && is_joined(&pass->z) && is_joined(&pass->dy) &&
	       is_joined(&pass->out) && is_joined(&pass->dz);
}

bool
sbn_tile_begins_within_row(const struct sbn_pass *pass, const struct sbn_tile *tile)
{
	return (tile->c / SBN_JOINED_CHANNELS * pass->geometry.spatial + tile->s) % 2 != 0;
}

bool
sbn_tile_can_be_twins(const struct sbn_pass *pass, const struct sbn_range *range, size_t c)
{
	const size_t spatial = pass->geometry.spatial;

	return spatial % 2 == 1 && spatial <= SBN_BLOCK_POSITIONS && c % SBN_LANES == 0 &&
	       range->end - c >= SBN_LANES && sbn_pass_joins_all(pass);
}

/*
 * The tile's n positions from s on, of channels c..c+n_channels-1. By fields: a copy by vectors
 * would wait for what sbn_tile_next() has just stored.
 */
static struct sbn_tile_part
part_of(const struct sbn_tile *tile, size_t c, size_t n_channels, size_t s, size_t n,
	bool is_joined)
{
	return (struct sbn_tile_part){
		.tile = { .c = c,
			  .n_channels = n_channels,
			  .image = tile->image,
			  .n_images = tile->n_images,
			  .s = s,
			  .n_positions = n },
		.is_joined = is_joined,
		.block = (c - tile->c) / SBN_JOINED_CHANNELS,
	};
}

/* The first block's last position and the second one's first are one row; images are whole. */
static size_t
split_twins(const struct sbn_tile *tile, struct sbn_tile_part part[SBN_TILE_PARTS])
{
	const size_t second = tile->c + SBN_JOINED_CHANNELS, n = tile->n_positions - 1;

	part[0] = part_of(tile, tile->c, SBN_JOINED_CHANNELS, 0, n, true);
	part[1] = part_of(tile, tile->c, SBN_LANES, n, 1, false);
	part[2] = part_of(tile, second, SBN_JOINED_CHANNELS, 1, n, true);
	return SBN_TILE_PARTS;
}

static size_t
split_block(const struct sbn_pass *pass, const struct sbn_tile *tile,
	    struct sbn_tile_part part[SBN_TILE_PARTS])
{
	const size_t before = sbn_tile_begins_within_row(pass, tile);
	const size_t joined = (tile->n_positions - before) / 2 * 2;
	const size_t length[SBN_TILE_PARTS] = { before, joined,
						tile->n_positions - before - joined };
	size_t s = tile->s, n = 0;

	for (size_t i = 0; i < SBN_TILE_PARTS; s += length[i], i++)
		if (length[i] != 0)
			part[n++] = part_of(tile, tile->c, tile->n_channels, s, length[i], i == 1);
	return n;
}

size_t
sbn_tile_parts(const struct sbn_pass *pass, const struct sbn_tile *tile, bool join,
	       struct sbn_tile_part part[SBN_TILE_PARTS])
{
	if (join && tile->n_channels > SBN_JOINED_CHANNELS)
		return split_twins(tile, part);
	if (join)
		return split_block(pass, tile, part);
	part[0] = part_of(tile, tile->c, tile->n_channels, tile->s, tile->n_positions, false);
	return 1;
}

void
sbn_part_set_strides(const struct sbn_tile_part *part, struct sbn_operands *at)
{
	if (!part->is_joined && part->tile.n_positions != 1)
		return;
	at->x.stride *= 2;
	at->z.stride *= 2;
	at->dy.stride *= 2;
	at->out.stride *= 2;
	at->dz.stride *= 2;
}

static struct sbn_in
second(const struct sbn_pass *pass, struct sbn_in in)
{
	if (in.data != NULL)
		in.data = (const unsigned char *)in.data +
			  SBN_JOINED_CHANNELS * pass->geometry.element_bytes;
	return in;
}

void
sbn_part_take_second(const struct sbn_pass *pass, struct sbn_operands *at)
{
	at->x = second(pass, at->x);
	at->z = second(pass, at->z);
	at->dy = second(pass, at->dy);
}

/* An array's elements of a block from channel c on, into 16 of to from `first` on. */
static const void *
twice(const struct sbn_pass *pass, const void *from, size_t c, size_t first, void *to)
{
	const size_t real = pass->bn->wide ? sizeof(double) : sizeof(float);
	const size_t bytes = SBN_JOINED_CHANNELS * real;

	if (from == NULL)
		return NULL;
	for (size_t i = 0; i < 2; i++)
		memcpy((unsigned char *)to + first * real + i * bytes,
		       (const unsigned char *)from + c * real, bytes);
	return to;
}

static void
put_block(struct sbn_twice *to, const struct sbn_pass *pass, size_t c, size_t first)
{
	const struct sbn_coefficients *k = &pass->k;

	to->k.mean_hi = twice(pass, k->mean_hi, c, first, &to->of[0]);
	to->k.mean_lo = twice(pass, k->mean_lo, c, first, &to->of[1]);
	to->k.scale = twice(pass, k->scale, c, first, &to->of[2]);
	to->k.shift = twice(pass, k->shift, c, first, &to->of[3]);
	to->k.dy_hi = twice(pass, k->dy_hi, c, first, &to->of[4]);
	to->k.dy_lo = twice(pass, k->dy_lo, c, first, &to->of[5]);
	to->k.slope = twice(pass, k->slope, c, first, &to->of[6]);
	to->k.slope_lo = twice(pass, k->slope_lo, c, first, &to->of[7]);
}

void
sbn_twice_put(struct sbn_twice *to, const struct sbn_pass *pass, const struct sbn_tile *tile,
	      size_t first)
{
	to->k = pass->k;
	for (size_t c = 0; c < tile->n_channels; c += SBN_JOINED_CHANNELS, first += SBN_LANES)
		put_block(to, pass, tile->c + c, first);
}
