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

/* Whether one kernel can do both, and of pairs if there are any. */
static bool
are_alike(const struct sbn_pass *pass, const struct both *both)
{
	const struct sbn_tile *written = &both->written, *summed = &both->summed;

	if (!both->writes || !both->sums || written->n_channels != summed->n_channels)
		return false;
	return !sbn_tile_sums_have_pairs(pass) ||
	       (sbn_tile_map_has_pairs(pass, written) &&
		sbn_tile_begins_within_pair(pass, written) ==
			sbn_tile_begins_within_pair(pass, summed));
}

/* The parts of both, which are alike. */
struct parts {
	struct sbn_tile_part written[SBN_TILE_PARTS], summed[SBN_TILE_PARTS];
	size_t n;
};

static void
split(const struct sbn_pass *pass, const struct both *both, struct parts *parts)
{
	const bool pairs = sbn_tile_sums_have_pairs(pass);

	parts->n = sbn_tile_parts(pass, &both->written, pairs, parts->written);
	sbn_tile_parts(pass, &both->summed, pairs, parts->summed);
}

/* What a kernel takes: coefficients from c on of what is written, from c_summed of the other. */
struct work {
	struct sbn_tile_copies none;
	struct sbn_operands written, summed;
	struct sbn_twice twice;
	const struct sbn_coefficients *k;
	size_t n_rows, n_channels, c, c_summed;
};

static void
prepare(const struct sbn_pass *pass, const struct sbn_tile_part *written,
	const struct sbn_tile_part *summed, struct work *work)
{
	work->written = sbn_tile_take(pass, &written->tile, &work->none);
	work->summed = sbn_tile_take(pass, &summed->tile, &work->none);
	work->summed.ahead = AHEAD;
	work->n_rows = sbn_tile_rows(written);
	if (written->is_pairs) {
		sbn_tile_pair_rows(&work->written);
		sbn_tile_pair_rows(&work->summed);
		sbn_twice_put(&work->twice, pass, written->tile.c);
		sbn_twice_add(&work->twice, pass, summed->tile.c);
		work->k = &work->twice.k;
		work->n_channels = SBN_LANES;
		work->c = 0;
		work->c_summed = SBN_LANES;
	} else {
		work->k = &pass->k;
		work->n_channels = written->tile.n_channels;
		work->c = written->tile.c;
		work->c_summed = summed->tile.c;
	}
}

static void
normalize_and_sum(const struct sbn_pass *pass, const struct sbn_tile_part *written,
		  const struct sbn_tile_part *summed, struct sbn_tile_moments *sums)
{
	double mean[SBN_LANES], m2[SBN_LANES], low[SBN_LANES] = { 0 };
	struct sbn_rows_beside beside = { .sums = { mean, m2, low } };
	struct work work;

	prepare(pass, written, summed, &work);
	beside.at = &work.summed;
	beside.c = work.c_summed;
	pass->kernels->rows_normalize_beside(&beside, &work.written, work.n_rows, work.n_channels,
					     work.k, work.c);
	sbn_tile_add_part(pass, summed, mean, m2, low, sums);
	sbn_tile_give(pass, &written->tile, &work.none);
}

void
sbn_tiles_normalize_beside(const struct sbn_pass *pass, const struct sbn_range *next,
			   const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);
	struct parts parts;

	while (both_enter(pass, range, next, &both)) {
		struct sbn_tile_moments sums;

		sbn_tile_begin_moments(&sums);
		while (both_next(pass, &both)) {
			if (are_alike(pass, &both)) {
				split(pass, &both, &parts);
				for (size_t i = 0; i < parts.n; i++)
					normalize_and_sum(pass, &parts.written[i], &parts.summed[i],
							  &sums);
				continue;
			}
			if (both.writes)
				sbn_tile_map(pass, &both.written, pass->kernels->rows_normalize,
					     SBN_TILE_AHEAD);
			if (both.sums)
				sbn_tile_add_moments(pass, &both.summed, SBN_TILE_AHEAD, &sums);
		}
		if (both.sums)
			sbn_tile_put_moments(pass, next, &both.summed, &sums, out);
	}
}

static void
dx_and_sum(const struct sbn_pass *pass, const struct sbn_tile_part *written,
	   const struct sbn_tile_part *summed, struct sbn_tile_gradients *sums)
{
	double g[SBN_LANES], g_xmu[SBN_LANES];
	struct sbn_rows_beside beside = { .sums = { g, g_xmu, NULL } };
	struct work work;

	prepare(pass, written, summed, &work);
	beside.at = &work.summed;
	beside.c = work.c_summed;
	pass->kernels->rows_dx_beside(&beside, &work.written, work.n_rows, work.n_channels, work.k,
				      work.c);
	sbn_tile_add_sums(summed, 0, g, g_xmu, work.n_channels, sums);
	sbn_tile_give(pass, &written->tile, &work.none);
}

void
sbn_tiles_dx_beside(const struct sbn_pass *pass, const struct sbn_range *next,
		    const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);
	struct parts parts;

	while (both_enter(pass, range, next, &both)) {
		struct sbn_tile_gradients sums = { 0 };

		while (both_next(pass, &both)) {
			if (are_alike(pass, &both)) {
				split(pass, &both, &parts);
				for (size_t i = 0; i < parts.n; i++)
					dx_and_sum(pass, &parts.written[i], &parts.summed[i],
						   &sums);
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
