/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tiles_beside.h"

#include "nn/tile_work.h"

/*
 * Bytes, from what is summed to what is asked for: beyond the end of an image's positions, of the
 * channels behind them, which are summed next.
 */
enum { AHEAD = 2048 };

/* A chunk's tile and the next one's: the same positions, as far as both have channels left. */
struct both {
	struct sbn_tile written, summed;
	bool writes, sums;
};

static struct both
both_begin(const struct sbn_range *range, const struct sbn_range *next)
{
	return (struct both){ .written.c = range->begin, .summed.c = next->begin };
}

/* The next channels of the range; begins without any. False: there are none. */
static bool
enter_channels(const struct sbn_pass *pass, const struct sbn_range *range, struct sbn_tile *tile)
{
	const size_t c = tile->c + tile->n_channels;

	if (c >= range->end)
		return false;
	sbn_tile_begin(pass, range, c, tile);
	return true;
}

static bool
both_enter(const struct sbn_pass *pass, const struct sbn_range *range, const struct sbn_range *next,
	   struct both *both)
{
	both->writes = enter_channels(pass, range, &both->written);
	both->sums = enter_channels(pass, next, &both->summed);
	return both->writes || both->sums;
}

static bool
both_next(const struct sbn_pass *pass, struct both *both)
{
	const bool writes =
		both->writes && sbn_tile_next(pass, &both->written, SBN_BLOCK_POSITIONS);
	const bool sums = both->sums && sbn_tile_next(pass, &both->summed, SBN_BLOCK_POSITIONS);

	return writes || sums;
}

static bool
are_alike(const struct both *both)
{
	return both->writes && both->sums && both->written.n_channels == both->summed.n_channels;
}

static void
normalize_and_sum(const struct sbn_pass *pass, const struct both *both, struct sbn_columns *sums)
{
	struct sbn_tile_copies none;
	struct sbn_operands x = sbn_tile_take_x(pass, &both->summed);
	const struct sbn_operands at = sbn_tile_take(pass, &both->written, &none);
	double mean[SBN_LANES], m2[SBN_LANES], low[SBN_LANES] = { 0 };
	const struct sbn_rows_beside beside = { &x, both->summed.c, { mean, m2, low } };

	x.ahead = AHEAD;
	pass->kernels->rows_normalize_beside(&beside, &at, both->written.n_positions,
					     both->written.n_channels, &pass->k, both->written.c);
	sbn_columns_add(sums, sbn_tile_positions(&both->summed), mean, m2, low,
			both->summed.n_channels, pass->bn->wide);
	sbn_tile_give(pass, &both->written, &none);
}

void
sbn_tiles_normalize_beside(const struct sbn_pass *pass, const struct sbn_range *next,
			   const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);

	while (both_enter(pass, range, next, &both)) {
		struct sbn_columns sums = { 0 };

		while (both_next(pass, &both)) {
			if (are_alike(&both)) {
				normalize_and_sum(pass, &both, &sums);
				continue;
			}
			if (both.writes)
				sbn_tile_map(pass, &both.written, pass->kernels->rows_normalize,
					     SBN_TILE_AHEAD);
			if (both.sums)
				sbn_tile_add_moments(pass, &both.summed, SBN_TILE_AHEAD, &sums);
		}
		if (both.sums)
			sbn_tile_put_moments(next, &both.summed, &sums, out);
	}
}

static void
dx_and_sum(const struct sbn_pass *pass, const struct both *both, struct sbn_tile_gradients *sums)
{
	struct sbn_tile_copies none;
	struct sbn_operands summed = sbn_tile_take(pass, &both->summed, &none);
	const struct sbn_operands at = sbn_tile_take(pass, &both->written, &none);
	struct sbn_tile_gradients part;
	const struct sbn_rows_beside beside = { &summed,
						both->summed.c,
						{ part.g, part.g_xmu, NULL } };

	summed.ahead = AHEAD;
	pass->kernels->rows_dx_beside(&beside, &at, both->written.n_positions,
				      both->written.n_channels, &pass->k, both->written.c);
	sbn_gradients_add(sums, &part, both->summed.n_channels);
	sbn_tile_give(pass, &both->written, &none);
}

void
sbn_tiles_dx_beside(const struct sbn_pass *pass, const struct sbn_range *next,
		    const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);

	while (both_enter(pass, range, next, &both)) {
		struct sbn_tile_gradients sums = { 0 };

		while (both_next(pass, &both)) {
			if (are_alike(&both)) {
				dx_and_sum(pass, &both, &sums);
				continue;
			}
			if (both.writes)
				sbn_tile_map(pass, &both.written, pass->kernels->rows_dx,
					     SBN_TILE_AHEAD);
			if (both.sums)
				sbn_tile_add_gradients(pass, &both.summed, SBN_TILE_AHEAD, &sums);
		}
		if (both.sums)
			sbn_tile_put_gradients(pass, next, &both.summed, &sums, out);
	}
}
