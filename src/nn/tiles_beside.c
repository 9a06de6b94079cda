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

/* Whether one kernel can do both: with pairs whole blocks that begin alike. */
static bool
are_alike(const struct sbn_pass *pass, const struct both *both)
{
	const struct sbn_tile *written = &both->written, *summed = &both->summed;

	if (!both->writes || !both->sums || written->n_channels != summed->n_channels)
		return false;
	return !sbn_pass_sums_have_pairs(pass) ||
	       (sbn_tile_is_whole(written) && sbn_tile_begins_within_pair(pass, written) ==
						      sbn_tile_begins_within_pair(pass, summed));
}

/* What kernels are given of both tiles, part by part. */
struct work {
	const struct sbn_pass *pass;
	struct sbn_tile_part written[SBN_TILE_PARTS], summed[SBN_TILE_PARTS];
	size_t n_parts;
	struct sbn_twice twice; /* of what is written, and behind it of what is summed */
	struct sbn_tile_copies unused_copies; /* nothing is copied here: goes_beside() */
	/* of one part */
	const struct sbn_tile_part *part, *of_sums;
	struct sbn_operands at, at_sums;
	struct sbn_rows_beside beside;
	const struct sbn_coefficients *k;
	size_t n_channels, c;
};

static void
begin_work(struct work *work, const struct sbn_pass *pass, const struct both *both)
{
	const bool pairs = sbn_pass_sums_have_pairs(pass);

	work->pass = pass;
	work->n_parts = sbn_tile_parts(pass, &both->written, pairs, work->written);
	sbn_tile_parts(pass, &both->summed, pairs, work->summed);
	if (!pairs)
		return;
	sbn_twice_put(&work->twice, pass, &both->written, 0);
	if (pass->dy.data != NULL) /* forward sums need none, which are not made yet */
		sbn_twice_put(&work->twice, pass, &both->summed, SBN_TWICE_COLUMNS);
}

static void
take_part(struct work *work, size_t i)
{
	const struct sbn_tile_part *part = &work->written[i], *of_sums = &work->summed[i];

	work->part = part;
	work->of_sums = of_sums;
	work->at = sbn_tile_take(work->pass, &part->tile, &work->unused_copies);
	work->at_sums = sbn_tile_take(work->pass, &of_sums->tile, &work->unused_copies);
	work->at_sums.ahead = AHEAD;
	sbn_part_set_strides(part, &work->at);
	sbn_part_set_strides(of_sums, &work->at_sums);
	work->n_channels = sbn_part_columns(part);
	work->beside.at = &work->at_sums;
	if (part->is_pairs) {
		work->k = &work->twice.k;
		work->c = part->block * SBN_LANES;
		work->beside.c = SBN_TWICE_COLUMNS + work->c;
	} else {
		work->k = &work->pass->k;
		work->c = part->tile.c;
		work->beside.c = of_sums->tile.c;
	}
}

static void
normalize_and_sum(struct work *work, struct sbn_tile_moments *sums)
{
	double mean[SBN_LANES], m2[SBN_LANES], low[SBN_LANES] = { 0 };

	work->beside.sums[0] = mean;
	work->beside.sums[1] = m2;
	work->beside.sums[2] = low;
	work->pass->kernels->rows_normalize_beside(&work->beside, &work->at,
						   sbn_part_rows(work->part), work->n_channels,
						   work->k, work->c);
	sbn_part_add_moments(work->pass, work->of_sums, mean, m2, low, sums);
	sbn_tile_give(work->pass, &work->part->tile, &work->unused_copies);
}

void
sbn_tiles_normalize_beside(const struct sbn_pass *pass, const struct sbn_range *next,
			   const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);
	struct sbn_tile_moments sums;
	struct work work;

	while (both_enter(pass, range, next, &both)) {
		sbn_tile_begin_moments(&sums);
		while (both_next(pass, &both)) {
			if (are_alike(pass, &both)) {
				begin_work(&work, pass, &both);
				for (size_t i = 0; i < work.n_parts; i++) {
					take_part(&work, i);
					normalize_and_sum(&work, &sums);
				}
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
dx_and_sum(struct work *work, struct sbn_tile_gradients *sums)
{
	double g[SBN_LANES], g_xmu[SBN_LANES];

	work->beside.sums[0] = g;
	work->beside.sums[1] = g_xmu;
	work->beside.sums[2] = NULL;
	work->pass->kernels->rows_dx_beside(&work->beside, &work->at, sbn_part_rows(work->part),
					    work->n_channels, work->k, work->c);
	sbn_part_add_gradients(work->of_sums, g, g_xmu, sums);
	sbn_tile_give(work->pass, &work->part->tile, &work->unused_copies);
}

void
sbn_tiles_dx_beside(const struct sbn_pass *pass, const struct sbn_range *next,
		    const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);
	struct work work;

	while (both_enter(pass, range, next, &both)) {
		struct sbn_tile_gradients sums = { 0 };

		while (both_next(pass, &both)) {
			if (are_alike(pass, &both)) {
				begin_work(&work, pass, &both);
				for (size_t i = 0; i < work.n_parts; i++) {
					take_part(&work, i);
					dx_and_sum(&work, &sums);
				}
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
