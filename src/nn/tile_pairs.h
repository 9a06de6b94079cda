/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of 8 channels: two positions lie side by side, and are one row of 16. Pairs begin at the
 * even ones of a block's positions, counted over all blocks of an image, where lines of floats
 * begin; what is left of a tile before and behind them is single rows. Of images of an odd number
 * of positions two blocks are one tile, twins, where they can be: the last row of the one and the
 * first of the other lie side by side, and are a row of 16 channels.
 */
#ifndef SBN_NN_TILE_PAIRS_H
#define SBN_NN_TILE_PAIRS_H

#include "nn/tile.h"

enum {
	SBN_PAIR_CHANNELS = SBN_LANES / 2,
	SBN_TILE_BLOCKS = 2, /* of a tile, at most */
	SBN_TILE_PARTS = 3   /* of a tile: a row, pairs, and a row; or pairs, a row, and pairs */
};

/* Some positions of a tile; pairs are of one block. */
struct sbn_tile_part {
	struct sbn_tile tile;
	bool is_pairs;
	size_t block; /* which of the tile's */
};

/* Channels' coefficients twice, side by side, as rows of two positions have them. */
struct sbn_twice {
	double of[8][2 * SBN_LANES]; /* room for real of any type */
	struct sbn_coefficients k;
};

/* Whether what is summed lies so: by the layouts alone, as the same sums come of any chunks. */
bool sbn_tile_sums_have_pairs(const struct sbn_pass *pass);

/* Whether all operands lie so. */
bool sbn_tile_all_have_pairs(const struct sbn_pass *pass);

/* Whether the tile has all channels of its blocks, so that two rows are one. */
static inline bool
sbn_tile_is_whole(const struct sbn_tile *tile)
{
	return tile->n_channels % SBN_PAIR_CHANNELS == 0;
}

/* Whether the tile's rows can be mapped two by two. */
static inline bool
sbn_tile_map_has_pairs(const struct sbn_pass *pass, const struct sbn_tile *tile)
{
	return sbn_tile_is_whole(tile) && sbn_tile_all_have_pairs(pass);
}

/* Whether the tile of the range's channels from c on, which begin a block, can be of twins. */
bool sbn_tile_can_be_twins(const struct sbn_pass *pass, const struct sbn_range *range, size_t c);

/* Whether a tile's first position is the second one of a pair. */
bool sbn_tile_begins_within_pair(const struct sbn_pass *pass, const struct sbn_tile *tile);

/* The parts of a tile; without pairs it is one. Returns how many there are. */
size_t sbn_tile_parts(const struct sbn_pass *pass, const struct sbn_tile *tile, bool pairs,
		      struct sbn_tile_part part[SBN_TILE_PARTS]);

static inline size_t
sbn_tile_rows(const struct sbn_tile_part *part)
{
	return part->tile.n_positions / (part->is_pairs ? 2 : 1);
}

/* Rows of two positions: so many elements from one to the next. */
void sbn_tile_pair_rows(struct sbn_operands *at);

/* The pairs' second positions. */
struct sbn_in sbn_tile_second(const struct sbn_pass *pass, struct sbn_in first);

/* The coefficients of a whole block's channels from c on, as those of 0 .. 15 of twice->k. */
void sbn_twice_put(struct sbn_twice *twice, const struct sbn_pass *pass, size_t c);

/* And as those of 16 .. 31. */
void sbn_twice_add(struct sbn_twice *twice, const struct sbn_pass *pass, size_t c);

#endif
