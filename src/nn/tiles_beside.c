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

/* Whether one kernel can do both: joined rows are of whole blocks that begin alike. */
static bool
are_alike(const struct sbn_pass *pass, const struct both *both)
{
	const struct sbn_tile *written = &both->written, *summed = &both->summed;

	if (!both->writes || !both->sums || written->n_channels != summed->n_channels)
		return false;
	return !sbn_pass_joins_sums(pass) ||
	       (sbn_tile_is_whole(written) && sbn_tile_begins_within_row(pass, written) ==
						      sbn_tile_begins_within_row(pass, summed));
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
	const bool join = sbn_pass_joins_sums(pass);

	work->pass = pass;
	work->n_parts = sbn_tile_parts(pass, &both->written, join, work->written);
	sbn_tile_parts(pass, &both->summed, join, work->summed);
	if (!join)
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
	if (part->is_joined) {
		work->k = &work->twice.k;
		work->c = part->block * SBN_LANES;
		work->beside.c = SBN_TWICE_COLUMNS + work->c;
	} else {
		work->k = &work->pass->k;
		work->c = part->tile.c;
		work->beside.c = of_sums->tile.c;
	}
}

/* Of a tile: forward its moments, backward its gradients. */
union sums {
	struct sbn_tile_moments moments;
	struct sbn_tile_gradients gradients;
};

static bool
is_backward(const struct sbn_pass *pass)
{
	return pass->dy.data != NULL;
}

static void
begin_sums(const struct sbn_pass *pass, union sums *sums)
{
	if (is_backward(pass))
		sums->gradients = (struct sbn_tile_gradients){ 0 };
	else
		sbn_tile_begin_moments(&sums->moments);
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
}

/* Both tiles by one kernel, part by part. */
static void
map_and_sum(const struct sbn_pass *pass, const struct both *both, union sums *sums)
{
	struct work work;

	begin_work(&work, pass, both);
	for (size_t i = 0; i < work.n_parts; i++) {
		take_part(&work, i);
		if (is_backward(pass))
			dx_and_sum(&work, &sums->gradients);
		else
			normalize_and_sum(&work, &sums->moments);
		sbn_tile_give(pass, &work.part->tile, &work.unused_copies);
	}
}

static void
map_tile(const struct sbn_pass *pass, const struct sbn_tile *tile)
{
	sbn_tile_map(pass, tile,
		     is_backward(pass) ? pass->kernels->rows_dx : pass->kernels->rows_normalize,
		     SBN_TILE_AHEAD);
}

static void
sum_tile(const struct sbn_pass *pass, const struct sbn_tile *tile, union sums *sums)
{
	if (is_backward(pass))
		sbn_tile_add_gradients(pass, tile, SBN_TILE_AHEAD, &sums->gradients);
	else
		sbn_tile_add_moments(pass, tile, SBN_TILE_AHEAD, &sums->moments);
}

static void
put_sums(const struct sbn_pass *pass, const struct sbn_range *range, const struct sbn_tile *tile,
	 const union sums *sums, const struct sbn_sums *out)
{
	if (is_backward(pass))
		sbn_tile_put_gradients(pass, range, tile, &sums->gradients, out);
	else
		sbn_tile_put_moments(pass, range, tile, &sums->moments, out);
}

void
sbn_tiles_map_beside(const struct sbn_pass *pass, const struct sbn_range *next,
		     const struct sbn_sums *out, const struct sbn_range *range)
{
	struct both both = both_begin(range, next);
	union sums sums;

	while (both_enter(pass, range, next, &both)) {
		begin_sums(pass, &sums);
		while (both_next(pass, &both)) {
			if (are_alike(pass, &both)) {
				map_and_sum(pass, &both, &sums);
				continue;
			}
			if (both.writes)
				map_tile(pass, &both.written);
			if (both.sums)
				sum_tile(pass, &both.summed, &sums);
		}
		if (both.sums)
			put_sums(pass, next, &both.summed, &sums, out);
	}
}
