/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with one tile: its channels are summed, or mapped. */
#ifndef SBN_NN_TILE_WORK_H
#define SBN_NN_TILE_WORK_H

#include "nn/columns.h"
#include "nn/tile.h"

/* Bytes, from what is read to what is asked for, where nothing else says how far. */
enum { SBN_TILE_AHEAD = 4096 };

/* Sums of g and of g * (x - mean) of a tile's channels. */
struct sbn_tile_gradients {
	double g[SBN_LANES], g_xmu[SBN_LANES];
};

/* rows_normalize or rows_dx. */
typedef void sbn_map_kernel(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
			    const struct sbn_coefficients *k, size_t c);

double sbn_tile_positions(const struct sbn_tile *tile);

/* x must not be planes. */
void sbn_tile_add_moments(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
			  struct sbn_columns *sums);

/* What all of a tile's positions are summed to, as the range's sums. */
void sbn_tile_put_moments(const struct sbn_range *range, const struct sbn_tile *tile,
			  const struct sbn_columns *sums, const struct sbn_sums *out);

void sbn_gradients_add(struct sbn_tile_gradients *sums, const struct sbn_tile_gradients *part,
		       size_t n);
void sbn_tile_add_gradients(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
			    struct sbn_tile_gradients *sums);
void sbn_tile_put_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			    const struct sbn_tile *tile, const struct sbn_tile_gradients *sums,
			    const struct sbn_sums *out);

void sbn_tile_map(const struct sbn_pass *pass, const struct sbn_tile *tile, sbn_map_kernel *run,
		  size_t ahead);

#endif
