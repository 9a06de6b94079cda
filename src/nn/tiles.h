/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline's steps for blocked layouts and for operands of different layouts, a tile at a
 * time: some positions of an image by the channels of a block. Operands whose channels lie side by
 * side are used where they are, planes through a small transposed copy of the tile.
 */
#ifndef SBN_NN_TILES_H
#define SBN_NN_TILES_H

#include "nn/pass.h"

/* x must not be planes. */
void sbn_tiles_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
			   const struct sbn_sums *out);
void sbn_tiles_normalize(const struct sbn_pass *pass, const struct sbn_range *range);
void sbn_tiles_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			     const struct sbn_sums *out);
void sbn_tiles_dx(const struct sbn_pass *pass, const struct sbn_range *range);

/*
 * Beside each other, or one after the other, and what will be summed is fetched meanwhile. Of some
 * chunks the first images are left for the rest, where `beyond`, which will be summed after `next`,
 * is fetched.
 */
void sbn_tiles_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
				 const struct sbn_sums *out, const struct sbn_range *range);
void sbn_tiles_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
			  const struct sbn_sums *out, const struct sbn_range *range);
void sbn_tiles_normalize_rest(const struct sbn_pass *pass, const struct sbn_range *range,
			      const struct sbn_range *beyond);
void sbn_tiles_dx_rest(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_range *beyond);

#endif
