/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with one tile: its channels are summed, or mapped. */
#ifndef SBN_NN_TILE_WORK_H
#define SBN_NN_TILE_WORK_H

#include "nn/columns.h"
#include "nn/joined_rows.h"

/* Bytes, from what is read to what is asked for, where nothing else says how far. */
enum { SBN_TILE_AHEAD = 4096 };

/*
 * A tile's moments: of single rows by channel; of each block's joined ones by column, channel i's
 * first positions in column i, the second ones in i + 8.
 */
struct sbn_tile_moments {
	struct sbn_columns single, joined[SBN_TILE_BLOCKS];
};

/* Sums of a tile's single rows and of each block's joined ones, likewise. */
struct sbn_tile_sums {
	double single[SBN_LANES], joined[SBN_TILE_BLOCKS][SBN_LANES];
};

/* Of g and of g * (x - mean). */
struct sbn_tile_gradients {
	struct sbn_tile_sums g, g_xmu;
};

/* rows_normalize or rows_dx. */
typedef void sbn_map_kernel(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
			    const struct sbn_coefficients *k, size_t c);

/* Of no positions. Only the counts: the rest, 4 KB, is not read before it is written. */
static inline void
sbn_tile_begin_moments(struct sbn_tile_moments *sums)
{
	sums->single.count = 0;
	for (size_t i = 0; i < SBN_TILE_BLOCKS; i++)
		sums->joined[i].count = 0;
}

/* Columns of a part's sums: its channels, or of joined rows both positions'. */
static inline size_t
sbn_part_columns(const struct sbn_tile_part *part)
{
	return part->is_joined ? SBN_LANES : part->tile.n_channels;
}

/* Adds what a kernel has made of a part: the moments of its columns, or their sums. */
void sbn_part_add_moments(const struct sbn_pass *pass, const struct sbn_tile_part *part,
			  const double *mean, const double *m2, const double *low,
			  struct sbn_tile_moments *sums);
void sbn_part_add_gradients(const struct sbn_tile_part *part, const double *g, const double *g_xmu,
			    struct sbn_tile_gradients *sums);

/* x must not be planes. */
void sbn_tile_add_moments(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
			  struct sbn_tile_moments *sums);

/* What all of a tile's positions are summed to, as the range's sums. */
void sbn_tile_put_moments(const struct sbn_pass *pass, const struct sbn_range *range,
			  const struct sbn_tile *tile, const struct sbn_tile_moments *sums,
			  const struct sbn_sums *out);

void sbn_tile_add_gradients(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
			    struct sbn_tile_gradients *sums);
void sbn_tile_put_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			    const struct sbn_tile *tile, const struct sbn_tile_gradients *sums,
			    const struct sbn_sums *out);

void sbn_tile_map(const struct sbn_pass *pass, const struct sbn_tile *tile, sbn_map_kernel *run,
		  size_t ahead);

#endif
