/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tile_work.h"

#include "kernels/merge.h"

void
sbn_part_add_moments(const struct sbn_pass *pass, const struct sbn_tile_part *part,
		     const double *mean, const double *m2, const double *low,
		     struct sbn_tile_moments *sums)
{
	const double count = (double)(part->tile.n_images * sbn_part_rows(part));

	sbn_columns_add(part->is_joined ? &sums->joined[part->block] : &sums->single, count, mean,
			m2, low, sbn_part_columns(part), pass->bn->wide);
}

static void
add_moments(const struct sbn_pass *pass, const struct sbn_tile_part *part, size_t ahead,
	    struct sbn_tile_moments *sums)
{
	const bool apart = part->is_joined && !sbn_part_lies_joined(part);
	const size_t rows = sbn_part_rows(part);
	const size_t n = apart ? part->tile.n_channels : sbn_part_columns(part);
	double mean[SBN_LANES] = { 0 }, m2[SBN_LANES] = { 0 }, low[SBN_LANES] = { 0 };
	struct sbn_operands at = sbn_tile_take_x(pass, &part->tile);

	at.ahead = ahead;
	sbn_part_set_strides(part, &at);
	pass->kernels->rows_moments(&at, rows, n, mean, m2, low);
	if (apart) {
		sbn_part_take_second(pass, &at);
		pass->kernels->rows_moments(&at, rows, n, mean + SBN_JOINED_CHANNELS,
					    m2 + SBN_JOINED_CHANNELS, low + SBN_JOINED_CHANNELS);
	}
	sbn_part_add_moments(pass, part, mean, m2, low, sums);
}

void
sbn_tile_add_moments(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
		     struct sbn_tile_moments *sums)
{
	struct sbn_tile_part part[SBN_TILE_PARTS];
	const size_t n = sbn_tile_parts(pass, tile, sbn_pass_joins_sums(pass), part);

	for (size_t i = 0; i < n; i++)
		add_moments(pass, &part[i], ahead, sums);
}

static void
add_columns(const struct sbn_columns *columns, size_t i, bool wide, struct sbn_moments *sum)
{
	struct sbn_moments more;

	if (columns->count == 0)
		return;
	more = sbn_columns_get(columns, i);
	sbn_moments_add(sum, &more, wide);
}

void
sbn_tile_put_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		     const struct sbn_tile *tile, const struct sbn_tile_moments *sums,
		     const struct sbn_sums *out)
{
	for (size_t i = 0; i < tile->n_channels; i++) {
		struct sbn_moments sum = { 0 };

		add_columns(&sums->single, i, pass->bn->wide, &sum);
		for (size_t j = i % SBN_JOINED_CHANNELS; j < SBN_LANES; j += SBN_JOINED_CHANNELS)
			add_columns(&sums->joined[i / SBN_JOINED_CHANNELS], j, pass->bn->wide,
				    &sum);
		sbn_sums_put(out, (uint32_t)(tile->c - range->begin + i), &sum);
	}
}

static void
add_sums(const struct sbn_tile_part *part, const double *from, struct sbn_tile_sums *to)
{
	double *at = part->is_joined ? to->joined[part->block] : to->single;

	for (size_t i = 0; i < sbn_part_columns(part); i++)
		at[i] += from[i];
}

void
sbn_part_add_gradients(const struct sbn_tile_part *part, const double *g, const double *g_xmu,
		       struct sbn_tile_gradients *sums)
{
	add_sums(part, g, &sums->g);
	add_sums(part, g_xmu, &sums->g_xmu);
}

/* twice: of whole blocks. */
static void
add_gradients(const struct sbn_pass *pass, const struct sbn_tile_part *part,
	      const struct sbn_twice *twice, size_t ahead, struct sbn_tile_gradients *sums)
{
	const bool together = sbn_part_lies_joined(part), apart = part->is_joined && !together;
	const size_t rows = sbn_part_rows(part);
	const size_t n = apart ? part->tile.n_channels : sbn_part_columns(part);
	const struct sbn_coefficients *k = together ? &twice->k : &pass->k;
	const size_t c = together ? part->block * SBN_LANES : part->tile.c;
	double g[SBN_LANES] = { 0 }, g_xmu[SBN_LANES] = { 0 };
	struct sbn_tile_copies copies;
	struct sbn_operands at = sbn_tile_take(pass, &part->tile, &copies);

	at.ahead = ahead;
	sbn_part_set_strides(part, &at);
	pass->kernels->rows_sums(&at, rows, n, k, c, g, g_xmu);
	if (apart) {
		sbn_part_take_second(pass, &at);
		pass->kernels->rows_sums(&at, rows, n, k, c, g + SBN_JOINED_CHANNELS,
					 g_xmu + SBN_JOINED_CHANNELS);
	}
	sbn_part_add_gradients(part, g, g_xmu, sums);
}

/* Once for all parts: vectors wait for what has just been stored by words. */
static void
put_twice(struct sbn_twice *to, const struct sbn_pass *pass, const struct sbn_tile *tile, bool join)
{
	if (join && sbn_tile_is_whole(tile))
		sbn_twice_put(to, pass, tile, 0);
}

void
sbn_tile_add_gradients(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
		       struct sbn_tile_gradients *sums)
{
	const bool join = sbn_pass_joins_sums(pass);
	struct sbn_tile_part part[SBN_TILE_PARTS];
	const size_t n = sbn_tile_parts(pass, tile, join, part);
	struct sbn_twice twice;

	put_twice(&twice, pass, tile, join);
	for (size_t i = 0; i < n; i++)
		add_gradients(pass, &part[i], &twice, ahead, sums);
}

/* Channel i's; if no rows are joined theirs are zeros. */
static double
sum_of(const struct sbn_tile_sums *sums, size_t i)
{
	const double *joined = sums->joined[i / SBN_JOINED_CHANNELS];
	const size_t first = i % SBN_JOINED_CHANNELS;

	return sums->single[i] + (joined[first] + joined[first + SBN_JOINED_CHANNELS]);
}

void
sbn_tile_put_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_tile *tile, const struct sbn_tile_gradients *sums,
		       const struct sbn_sums *out)
{
	for (size_t i = 0; i < tile->n_channels; i++)
		out->pair[tile->c - range->begin + i] =
			sbn_pair_of_sums(pass, (uint32_t)(tile->c + i), sum_of(&sums->g, i),
					 sum_of(&sums->g_xmu, i));
}

static void
map_part(const struct sbn_pass *pass, const struct sbn_tile_part *part,
	 const struct sbn_twice *twice, sbn_map_kernel *run, size_t ahead)
{
	struct sbn_tile_copies copies;
	struct sbn_operands at = sbn_tile_take(pass, &part->tile, &copies);

	at.ahead = ahead;
	sbn_part_set_strides(part, &at);
	if (part->is_joined)
		run(&at, sbn_part_rows(part), SBN_LANES, &twice->k, part->block * SBN_LANES);
	else
		run(&at, sbn_part_rows(part), part->tile.n_channels, &pass->k, part->tile.c);
	sbn_tile_give(pass, &part->tile, &copies);
}

void
sbn_tile_map(const struct sbn_pass *pass, const struct sbn_tile *tile, sbn_map_kernel *run,
	     size_t ahead)
{
	const bool join = sbn_tile_joins_map(pass, tile);
	struct sbn_tile_part part[SBN_TILE_PARTS];
	const size_t n = sbn_tile_parts(pass, tile, join, part);
	struct sbn_twice twice;

	put_twice(&twice, pass, tile, join);
	for (size_t i = 0; i < n; i++)
		map_part(pass, &part[i], &twice, run, ahead);
}
