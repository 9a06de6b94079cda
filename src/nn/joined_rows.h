/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of 8 channels: two positions lie side by side, and are joined, one row of 16. Joined rows
 * begin at even positions, counted over all blocks of an image: there lines of floats begin, if the
 * image begins with one. A tile's first and last position may be left without a neighbour: single
 * rows of 8. Of images of an odd number of positions an even block ends with such a row and the
 * next one begins with one, side by side. Where a range has both blocks, they are one tile, twins,
 * and these two rows are one of 16 channels.
 */
#ifndef SBN_NN_JOINED_ROWS_H
#define SBN_NN_JOINED_ROWS_H

#include "nn/tile.h"

enum {
	SBN_JOINED_CHANNELS = SBN_LANES / 2,
	SBN_TILE_BLOCKS = 2, /* of a tile, at most */
	SBN_TILE_PARTS = 3   /* a single row, joined ones, a single one; or the other way round */
};

/*
 * A tile's positions that one call of a kernel takes. Joined rows are of one block, single rows may
 * be of two.
 */
struct sbn_tile_part {
	struct sbn_tile tile;
	bool is_joined;
	size_t block; /* which of the tile's */
};

enum {
	SBN_TWICE_ARRAYS = 8,                           /* those of sbn_coefficients */
	SBN_TWICE_COLUMNS = SBN_TILE_BLOCKS * SBN_LANES /* of a tile */
};

/* Channels' coefficients twice, side by side, as rows of two positions have them; of two tiles. */
struct sbn_twice {
	union {
		float narrow[2 * SBN_TWICE_COLUMNS];
		double wide[2 * SBN_TWICE_COLUMNS];
	} of[SBN_TWICE_ARRAYS];
	struct sbn_coefficients k;
};

/*
 * Whether what is summed has positions side by side. Of the layouts alone: a channel's sums must
 * not depend on how channels are cut.
 */
bool sbn_pass_joins_sums(const struct sbn_pass *pass);

/* The same of all operands. */
bool sbn_pass_joins_all(const struct sbn_pass *pass);

/* Whether the tile has all channels of its blocks, which are of 8, so that two rows are one. */
static inline bool
sbn_tile_is_whole(const struct sbn_tile *tile)
{
	return tile->n_channels % SBN_JOINED_CHANNELS == 0;
}

/* Whether the tile's rows can be mapped two by two. */
static inline bool
sbn_tile_joins_map(const struct sbn_pass *pass, const struct sbn_tile *tile)
{
	return sbn_tile_is_whole(tile) && sbn_pass_joins_all(pass);
}

/* Whether the tile of the range's channels from c on, which begin a block, can be of twins. */
bool sbn_tile_can_be_twins(const struct sbn_pass *pass, const struct sbn_range *range, size_t c);

/* Whether a tile's first position is the second one of a joined row. */
bool sbn_tile_begins_within_row(const struct sbn_pass *pass, const struct sbn_tile *tile);

/* The parts of a tile; if no rows are joined it is one. Returns how many there are. */
size_t sbn_tile_parts(const struct sbn_pass *pass, const struct sbn_tile *tile, bool join,
		      struct sbn_tile_part part[SBN_TILE_PARTS]);

/* How many rows a kernel is given. */
static inline size_t
sbn_part_rows(const struct sbn_tile_part *part)
{
	return part->tile.n_positions / (part->is_joined ? 2 : 1);
}

/* Whether a kernel takes two positions as one row; some of a block's channels lie apart. */
static inline bool
sbn_part_lies_joined(const struct sbn_tile_part *part)
{
	return part->is_joined && sbn_tile_is_whole(&part->tile);
}

/*
 * The operands' elements from row to row: twice as many of joined ones, and of one row as many as
 * its lines have, which go past the caches then.
 */
void sbn_part_set_strides(const struct sbn_tile_part *part, struct sbn_operands *at);

/* The inputs of the joined rows' second positions. */
void sbn_part_take_second(const struct sbn_pass *pass, struct sbn_operands *at);

/* A whole tile's coefficients: those of its block i as columns first + 16 * i .. of to->k. */
void sbn_twice_put(struct sbn_twice *to, const struct sbn_pass *pass, const struct sbn_tile *tile,
		   size_t first);

#endif
