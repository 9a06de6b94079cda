/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tile: some positions by the channels of a block, or of two blocks of 8 (joined_rows.h). The
 * kernels of rows take its operands where they lie, or, of planes, a small transposed copy.
 */
#ifndef SBN_NN_TILE_H
#define SBN_NN_TILE_H

#include "nn/pass.h"

enum { SBN_TILE_COPIED = 64 }; /* positions of a tile that is copied; copies stay in the cache */

/* Several images only as a whole. */
struct sbn_tile {
	size_t c, n_channels;
	size_t image, n_images;
	size_t s, n_positions;
};

/* The copies of one tile's operands; a double is the widest element. */
struct sbn_tile_copies {
	double x[SBN_TILE_COPIED * SBN_LANES], z[SBN_TILE_COPIED * SBN_LANES];
	double dy[SBN_TILE_COPIED * SBN_LANES];
	double out[SBN_TILE_COPIED * SBN_LANES], dz[SBN_TILE_COPIED * SBN_LANES];
};

/* The channels of the narrowest block: a tile has no more, but twins, which have two blocks. */
size_t sbn_tile_width(const struct sbn_pass *pass);

/* The range's tile from channel c on, twins where they can be; of no position yet. */
void sbn_tile_begin(const struct sbn_pass *pass, const struct sbn_range *range, size_t c,
		    struct sbn_tile *tile);

/* The next at most `most` positions, of several images if they fit; begins with n_images 0. */
bool sbn_tile_next(const struct sbn_pass *pass, struct sbn_tile *tile, size_t most);

/*
 * The images before, down to `first`, of at most so many positions, or one; begins with image
 * behind the last one.
 */
bool sbn_tile_previous(const struct sbn_pass *pass, struct sbn_tile *tile, size_t first,
		       size_t most);

/* Where x lies, which is not copied. */
struct sbn_operands sbn_tile_take_x(const struct sbn_pass *pass, const struct sbn_tile *tile);

/* Where the operands lie; planes are copied, of at most SBN_TILE_COPIED positions. */
struct sbn_operands sbn_tile_take(const struct sbn_pass *pass, const struct sbn_tile *tile,
				  struct sbn_tile_copies *copies);

/* Puts copied outputs where they belong; the padding of a last block becomes zeros. */
void sbn_tile_give(const struct sbn_pass *pass, const struct sbn_tile *tile,
		   struct sbn_tile_copies *copies);

/* Whether there are inputs, or operands, that are planes. */
bool sbn_tile_inputs_are_copied(const struct sbn_pass *pass);
bool sbn_tile_is_copied(const struct sbn_pass *pass);

#endif
