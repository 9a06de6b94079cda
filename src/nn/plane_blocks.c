/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/plane_blocks.h"

#include "base/math.h"
#include "kernels/block.h"
#include "kernels/merge.h"
#include "nn/planes.h"

/* Blocks side by side in a row; 1 where a block is some whole rows. */
static size_t
across(const struct sbn_geometry *geometry)
{
	return sbn_ceil_div(geometry->spatial, (size_t)SBN_BLOCK);
}

size_t
sbn_plane_blocks(const struct sbn_geometry *geometry)
{
	const size_t rows = sbn_rows_of_block(geometry->spatial);

	return sbn_ceil_div(geometry->n, rows) * across(geometry);
}

/* Short rows have orders of their own, a row's short end has not. */
bool
sbn_plane_blocks_stand_alone(const struct sbn_geometry *geometry)
{
	const size_t last = geometry->spatial % SBN_BLOCK;

	return geometry->spatial < SBN_BLOCK || last == 0 || last >= SBN_ABREAST_SPATIAL;
}

static struct sbn_block
block_at(const struct sbn_geometry *geometry, size_t i)
{
	const size_t rows = sbn_rows_of_block(geometry->spatial), beside = across(geometry);
	const size_t row = i / beside * rows, column = i % beside * SBN_BLOCK;

	return (struct sbn_block){
		.row = row,
		.n = SBN_MIN(rows, geometry->n - row),
		.column = column,
		.spatial = SBN_MIN(geometry->spatial - column, (size_t)SBN_BLOCK),
	};
}

/*
 * A range of blocks as planes whose blocks they are: the end of a row, whole rows, and the
 * beginning of another, as there are; those without elements have no rows.
 */
struct parts {
	struct sbn_block part[3];
	size_t first[3]; /* the block that each begins with */
};

static struct parts
parts_of(const struct sbn_geometry *geometry, size_t begin, size_t end)
{
	const size_t beside = across(geometry), spatial = geometry->spatial;
	const size_t whole = SBN_MIN(sbn_ceil_div(begin, beside) * beside, end);
	const size_t rest = SBN_MAX(end / beside * beside, whole);
	const struct sbn_block head = block_at(geometry, begin);
	const size_t row = block_at(geometry, whole).row;
	const size_t end_row = SBN_MIN(block_at(geometry, rest).row, geometry->n);
	const size_t columns = SBN_MIN((whole - begin) * SBN_BLOCK, spatial - head.column);

	return (struct parts){
		{ { head.row, columns != 0, head.column, columns },
		  { row, end_row - row, 0, spatial },
		  { end_row, rest < end, 0, (end - rest) * SBN_BLOCK } },
		{ begin, whole, rest },
	};
}

static void
sum_moments(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end, void *sums)
{
	const struct parts parts = parts_of(&pass->geometry, begin, end);
	struct sbn_moments *moments = sums;

	for (int i = 0; i < 3; i++) {
		const struct sbn_block *part = &parts.part[i];
		struct sbn_operands at;

		sbn_planes_at(&at, pass, c, part->row, part->column);
		at.ahead = sbn_planes_ahead_of_moments(part->n, part->spatial);
		if (part->n != 0)
			pass->kernels->blocks_moments(&at, part->n, part->spatial,
						      moments + (parts.first[i] - begin));
	}
}

static void
merge_moments(const struct sbn_pass *pass, uint32_t c, const void *sums, const struct sbn_sums *out,
	      uint32_t i)
{
	const size_t n = sbn_plane_blocks(&pass->geometry);
	const struct sbn_moments *moments = sums;
	struct sbn_moments all = { 0 };

	(void)c;
	for (size_t b = 0; b < n; b++)
		sbn_moments_add(&all, &moments[b], pass->bn->wide);
	sbn_sums_put(out, i, &all);
}

static void
sum_gradients(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end, void *sums)
{
	const struct parts parts = parts_of(&pass->geometry, begin, end);
	struct sbn_pair *pairs = sums;

	for (int i = 0; i < 3; i++) {
		const struct sbn_block *part = &parts.part[i];
		struct sbn_operands at;

		sbn_planes_at(&at, pass, c, part->row, part->column);
		at.ahead = sbn_planes_ahead_of_gradients(part->n, part->spatial);
		if (part->n != 0)
			pass->kernels->blocks_sums(&at, part->n, part->spatial, &pass->k, c,
						   pairs + (parts.first[i] - begin));
	}
}

static void
merge_gradients(const struct sbn_pass *pass, uint32_t c, const void *sums,
		const struct sbn_sums *out, uint32_t i)
{
	const size_t n = sbn_plane_blocks(&pass->geometry);
	const struct sbn_pair *pairs = sums;
	double sum_g = 0, sum_g_xmu = 0;

	for (size_t b = 0; b < n; b++) {
		sum_g += pairs[b].a;
		sum_g_xmu += pairs[b].b;
	}
	out->pair[i] = sbn_pair_of_sums(pass, c, sum_g, sum_g_xmu);
}

typedef void map_fn(const struct sbn_operands *at, size_t n, size_t spatial,
		    const struct sbn_coefficients *k, size_t c, size_t n_channels);

/*
 * What was summed last is written first: it is in the cache still, and of what the cache does not
 * hold some has left it.
 */
static void
map_blocks(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end, map_fn *map)
{
	const struct parts parts = parts_of(&pass->geometry, begin, end);

	for (int i = 2; i >= 0; i--) {
		const struct sbn_block *part = &parts.part[i];
		struct sbn_operands at;

		sbn_planes_at(&at, pass, c, part->row, part->column);
		at.last_first = pass->sum != NULL;
		at.ahead = sbn_planes_ahead_to_write(pass, pass->share_fits);
		if (part->n != 0)
			map(&at, part->n, part->spatial, &pass->k, c, 1);
	}
}

static void
normalize(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end)
{
	map_blocks(pass, c, begin, end, pass->kernels->planes_normalize);
}

static void
write_dx(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end)
{
	map_blocks(pass, c, begin, end, pass->kernels->planes_dx);
}

const struct sbn_block_steps sbn_plane_blocks_forward = {
	sizeof(struct sbn_moments),
	sum_moments,
	merge_moments,
	normalize,
};
const struct sbn_block_steps sbn_plane_blocks_backward = {
	sizeof(struct sbn_pair),
	sum_gradients,
	merge_gradients,
	write_dx,
};
