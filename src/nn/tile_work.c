/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tile_work.h"

#include "kernels/merge.h"

/* Where a kernel puts moments: of channels from the first on. */
struct moments {
	double mean[SBN_LANES], m2[SBN_LANES], low[SBN_LANES];
};

void
sbn_tile_add_part(const struct sbn_pass *pass, const struct sbn_tile_part *part, const double *mean,
		  const double *m2, const double *low, struct sbn_tile_moments *sums)
{
	const double count = (double)(part->tile.n_images * sbn_tile_rows(part));

	if (part->is_pairs)
		sbn_columns_add(&sums->pairs[part->block], count, mean, m2, low, SBN_LANES,
				pass->bn->wide);
	else
		sbn_columns_add(&sums->single, count, mean, m2, low, part->tile.n_channels,
				pass->bn->wide);
}

/* Of x, n_channels from channel c of `to` on. */
static void
sum_moments(const struct sbn_pass *pass, const struct sbn_operands *at, size_t n_rows,
	    size_t n_channels, size_t c, struct moments *to)
{
	pass->kernels->rows_moments(at, n_rows, n_channels, to->mean + c, to->m2 + c, to->low + c);
}

static void
add_moments(const struct sbn_pass *pass, const struct sbn_tile_part *part, size_t ahead,
	    struct sbn_tile_moments *sums)
{
	struct sbn_operands at = sbn_tile_take_x(pass, &part->tile);
	const size_t rows = sbn_tile_rows(part), n = part->tile.n_channels;
	struct moments moments = { { 0 }, { 0 }, { 0 } };

	at.ahead = ahead;
	if (part->is_pairs)
		sbn_tile_pair_rows(&at);
	if (part->is_pairs && sbn_tile_is_whole(&part->tile)) {
		sum_moments(pass, &at, rows, SBN_LANES, 0, &moments);
	} else {
		sum_moments(pass, &at, rows, n, 0, &moments);
		if (part->is_pairs) {
			at.x = sbn_tile_second(pass, at.x);
			sum_moments(pass, &at, rows, n, SBN_PAIR_CHANNELS, &moments);
		}
	}
	sbn_tile_add_part(pass, part, moments.mean, moments.m2, moments.low, sums);
}

void
sbn_tile_add_moments(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
		     struct sbn_tile_moments *sums)
{
	struct sbn_tile_part part[SBN_TILE_PARTS];
	const size_t n = sbn_tile_parts(pass, tile, sbn_tile_sums_have_pairs(pass), part);

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
		for (size_t j = i % SBN_PAIR_CHANNELS; j < SBN_LANES; j += SBN_PAIR_CHANNELS)
			add_columns(&sums->pairs[i / SBN_PAIR_CHANNELS], j, pass->bn->wide, &sum);
		sbn_sums_put(out, (uint32_t)(tile->c - range->begin + i), &sum);
	}
}

static void
add_sums(const struct sbn_tile_part *part, size_t first, const double *from, size_t n,
	 struct sbn_tile_sums *to)
{
	double *at = (part->is_pairs ? to->pairs[part->block] : to->single) + first;

	for (size_t i = 0; i < n; i++)
		at[i] += from[i];
}

void
sbn_tile_add_sums(const struct sbn_tile_part *part, size_t first, const double *g,
		  const double *g_xmu, size_t n, struct sbn_tile_gradients *sums)
{
	add_sums(part, first, g, n, &sums->g);
	add_sums(part, first, g_xmu, n, &sums->g_xmu);
}

/* Of n_channels from c on of k. */
static void
sum_gradients(const struct sbn_pass *pass, const struct sbn_tile_part *part,
	      const struct sbn_operands *at, size_t n_channels, const struct sbn_coefficients *k,
	      size_t c, size_t first, struct sbn_tile_gradients *sums)
{
	double g[SBN_LANES], g_xmu[SBN_LANES];

	pass->kernels->rows_sums(at, sbn_tile_rows(part), n_channels, k, c, g, g_xmu);
	sbn_tile_add_sums(part, first, g, g_xmu, n_channels, sums);
}

static void
add_gradients(const struct sbn_pass *pass, const struct sbn_tile_part *part, size_t ahead,
	      struct sbn_tile_gradients *sums)
{
	struct sbn_tile_copies copies;
	struct sbn_operands at = sbn_tile_take(pass, &part->tile, &copies);
	const size_t c = part->tile.c, n = part->tile.n_channels;

	at.ahead = ahead;
	if (part->is_pairs)
		sbn_tile_pair_rows(&at);
	if (part->is_pairs && sbn_tile_is_whole(&part->tile)) {
		struct sbn_twice twice;

		sbn_twice_put(&twice, pass, c);
		sum_gradients(pass, part, &at, SBN_LANES, &twice.k, 0, 0, sums);
		return;
	}
	sum_gradients(pass, part, &at, n, &pass->k, c, 0, sums);
	if (part->is_pairs) {
		at.x = sbn_tile_second(pass, at.x);
		at.z = sbn_tile_second(pass, at.z);
		at.dy = sbn_tile_second(pass, at.dy);
		sum_gradients(pass, part, &at, n, &pass->k, c, SBN_PAIR_CHANNELS, sums);
	}
}

void
sbn_tile_add_gradients(const struct sbn_pass *pass, const struct sbn_tile *tile, size_t ahead,
		       struct sbn_tile_gradients *sums)
{
	struct sbn_tile_part part[SBN_TILE_PARTS];
	const size_t n = sbn_tile_parts(pass, tile, sbn_tile_sums_have_pairs(pass), part);

	for (size_t i = 0; i < n; i++)
		add_gradients(pass, &part[i], ahead, sums);
}

/* Channel i's; without pairs theirs are zeros. */
static double
sum_of(const struct sbn_tile_sums *sums, size_t i)
{
	const double *pairs = sums->pairs[i / SBN_PAIR_CHANNELS];
	const size_t first = i % SBN_PAIR_CHANNELS;

	return sums->single[i] + (pairs[first] + pairs[first + SBN_PAIR_CHANNELS]);
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
map_part(const struct sbn_pass *pass, const struct sbn_tile_part *part, sbn_map_kernel *run,
	 size_t ahead)
{
	struct sbn_tile_copies copies;
	struct sbn_operands at = sbn_tile_take(pass, &part->tile, &copies);
	struct sbn_twice twice;

	at.ahead = ahead;
	if (part->is_pairs) {
		sbn_tile_pair_rows(&at);
		sbn_twice_put(&twice, pass, part->tile.c);
		run(&at, sbn_tile_rows(part), SBN_LANES, &twice.k, 0);
	} else {
		run(&at, sbn_tile_rows(part), part->tile.n_channels, &pass->k, part->tile.c);
	}
	sbn_tile_give(pass, &part->tile, &copies);
}

void
sbn_tile_map(const struct sbn_pass *pass, const struct sbn_tile *tile, sbn_map_kernel *run,
	     size_t ahead)
{
	struct sbn_tile_part part[SBN_TILE_PARTS];
	const size_t n = sbn_tile_parts(pass, tile, sbn_tile_map_has_pairs(pass, tile), part);

	for (size_t i = 0; i < n; i++)
		map_part(pass, &part[i], run, ahead);
}
