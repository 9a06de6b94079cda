/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tile_work.h"

double
sbn_tile_positions(const struct sbn_tile *tile)
{
	return (double)(tile->n_images * tile->n_positions);
}

void
sbn_tile_add_moments(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
		     struct sbn_columns *sums)
{
	struct sbn_operands at = sbn_tile_take_x(pass, tile);
	double mean[SBN_LANES], m2[SBN_LANES], low[SBN_LANES] = { 0 };

	at.ahead = ahead;
	pass->kernels->rows_moments(&at, tile->n_positions, tile->n_channels, mean, m2, low);
	sbn_columns_add(sums, sbn_tile_positions(tile), mean, m2, low, tile->n_channels,
			pass->bn->wide);
}

void
sbn_tile_put_moments(const struct sbn_range *range, const struct sbn_tile *tile,
		     const struct sbn_columns *sums, const struct sbn_sums *out)
{
	for (size_t i = 0; i < tile->n_channels; i++) {
		const struct sbn_moments sum = sbn_columns_get(sums, i);

		sbn_sums_put(out, (uint32_t)(tile->c - range->begin + i), &sum);
	}
}

void
sbn_gradients_add(struct sbn_tile_gradients *sums, const struct sbn_tile_gradients *part, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sums->g[i] += part->g[i];
		sums->g_xmu[i] += part->g_xmu[i];
	}
}

void
sbn_tile_add_gradients(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
		       struct sbn_tile_gradients *sums)
{
	struct sbn_tile_copies copies;
	struct sbn_operands at = sbn_tile_take(pass, tile, &copies);
	struct sbn_tile_gradients part;

	at.ahead = ahead;
	pass->kernels->rows_sums(&at, tile->n_positions, tile->n_channels, &pass->k, tile->c,
				 part.g, part.g_xmu);
	sbn_gradients_add(sums, &part, tile->n_channels);
}

void
sbn_tile_put_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_tile *tile, const struct sbn_tile_gradients *sums,
		       const struct sbn_sums *out)
{
	for (size_t i = 0; i < tile->n_channels; i++)
		out->pair[tile->c - range->begin + i] =
			sbn_pair_of_sums(pass, (uint32_t)(tile->c + i), sums->g[i], sums->g_xmu[i]);
}

void
sbn_tile_map(const struct sbn_pass *pass, const struct sbn_tile *tile, sbn_map_kernel *run,
	     size_t ahead)
{
	struct sbn_tile_copies copies;
	struct sbn_operands at = sbn_tile_take(pass, tile, &copies);

	at.ahead = ahead;
	run(&at, tile->n_positions, tile->n_channels, &pass->k, tile->c);
	sbn_tile_give(pass, tile, &copies);
}
