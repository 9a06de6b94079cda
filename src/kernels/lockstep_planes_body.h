/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planes of a chunk, summed in lockstep with others that are mapped, if there are any:
 * lockstep_body.h. Block by block: some of them abreast would not have the registers. Where a block
 * is several rows, that of one plane is followed by the next plane's: each image is then read in
 * the order of memory, which of rows of some lines, one in each image, takes longer.
 */
#ifndef SBN_KERNELS_LOCKSTEP_PLANES_BODY_H
#define SBN_KERNELS_LOCKSTEP_PLANES_BODY_H

#include "kernels/block.h"

enum {
	PLANES_TOGETHER = 64,    /* at most */
	PLANES_AHEAD = 12 * 1024 /* bytes of all inputs, from what is summed to what is asked for */
};

#endif

/* ---- the blocks of a plane, in the order in which they are summed ---- */

/* Which block is summed as number k: rows of blocks may be gone through from the last one on. */
SBN_FORCE_INLINE size_t
T(block_number)(const struct GROUPS *g, size_t k)
{
	const size_t row = k / g->across, last = g->blocks / g->across - 1;

	return g->last_first ? (last - row) * g->across + k % g->across : k;
}

SBN_FORCE_INLINE struct sbn_block
T(block_at)(const struct GROUPS *g, size_t i)
{
	const size_t row = i / g->across * g->rows, column = i % g->across * SBN_BLOCK;

	return (struct sbn_block){
		.row = row,
		.n = SBN_MIN(g->rows, g->n - row),
		.column = column,
		.spatial = SBN_MIN(g->spatial - column, (size_t)SBN_BLOCK),
	};
}

/* By fields, for the reason of sbn_set_operands. */
SBN_FORCE_INLINE struct SUMMED
T(summed_at)(const struct sbn_operands *at, const struct GROUPS *groups,
	     const struct sbn_block *block)
{
	struct SUMMED summed;

	summed.at = at;
	summed.groups = groups;
	summed.block.row = block->row;
	summed.block.n = block->n;
	summed.block.column = block->column;
	summed.block.spatial = block->spatial;
	summed.i = 0;
	return summed;
}

/*
 * The planes of n_planes that go together: of blocks of several rows, as many as sums have room
 * for. They ask for what is summed some blocks later.
 */
SBN_FORCE_INLINE struct GROUPS
T(planes_together)(const struct sbn_operands *at, size_t n, size_t spatial, size_t n_planes,
		   size_t inputs)
{
	struct GROUPS g = T(groups_of)(at, n, spatial);
	const size_t block = g.rows * spatial * inputs * sizeof(ELEMENT);

	if (g.rows > 1 && at->ahead != 0) {
		g.planes = SBN_MIN(n_planes, (size_t)PLANES_TOGETHER);
		g.far = SBN_MAX((PLANES_AHEAD + block / 2) / block, (size_t)1);
	}
	if (g.last_first)
		g.planes = SBN_MIN(g.planes, REVERSED_BLOCKS / SBN_MAX(g.blocks, (size_t)1));
	return g;
}

/* To block number k of all of them, a row of blocks of each plane in turn; its number there. */
SBN_FORCE_INLINE size_t
T(enter_block)(struct GROUPS *g, size_t k)
{
	const size_t of_all = g->across * g->planes;

	g->plane = k % of_all / g->across;
	return T(block_number)(g, k / of_all * g->across + k % g->across);
}

/* Where the sums of the plane's block i are kept, if they are not added at once. */
SBN_FORCE_INLINE size_t
T(place_of_block)(const struct GROUPS *g, size_t i)
{
	return g->last_first ? g->plane * g->blocks + i : 0;
}

/* ---- forward ---- */

SBN_FORCE_INLINE void
T(moments_beside_planes)(struct SUMMED *summed, struct MAPPED *mapped,
			 const struct sbn_coefficients *k, const struct SHIFT *about,
			 struct ADDED *sums, int form)
{
	T(lockstep)(summed, mapped, k, 0, about, sums, form);
}

SBN_NOT_INLINE static void
T(moments_and_piece)(struct SUMMED *summed, struct MAPPED *mapped, const struct sbn_coefficients *k,
		     const struct SHIFT *about, struct ADDED *sums, int form)
{
	SBN_SWITCH_FORWARD_STREAM(form, T(moments_beside_planes), summed, mapped, k, about, sums);
}

SBN_NOT_INLINE static void
T(moments_of_rest)(const struct SUMMED *summed, const struct SHIFT *about, struct ADDED *sums)
{
	T(moments_of_rest_in)(summed, about, sums);
}

/* to: what is mapped meanwhile, or NULL. */
static struct sbn_moments
T(block_moments_in_lockstep)(const struct sbn_operands *at, const struct GROUPS *g,
			     const struct sbn_block *block, struct MAPPING *to)
{
	const REAL about = IS_WIDE ? T(block_shift)(at->x, block) : 0;
	const struct SHIFT shift = T(shift_of)(V(set1)(about));
	struct SUMMED summed = T(summed_at)(at, g, block);
	struct ADDED added = T(added_nothing)();
	double sums[2];

	while (to != NULL && summed.block.n > 0 && T(mapping_next)(to))
		T(moments_and_piece)
	(&summed, &to->piece, to->walk.k, &shift, &added, to->walk.form);
	if (summed.block.n > 0)
		T(moments_of_rest)(&summed, &shift, &added);
	sums[0] = T(fold_turns)(added.a);
	sums[1] = T(fold_turns)(added.b);
	return IS_WIDE ? sbn_moments_of_sums((double)about, sums[0], sums[1],
					     (double)(block->n * block->spatial), true) :
			 T(moments_of_powers)(at, block, sums);
}

/*
 * Of the planes that go together, from plane `first` of x on. Blocks are merged in their order,
 * whatever order they are summed in.
 */
static void
T(moments_of_planes)(const struct sbn_operands *at, struct GROUPS *g, size_t first,
		     struct sbn_moments *sum, struct MAPPING *to)
{
	struct sbn_moments part[REVERSED_BLOCKS];
	struct sbn_operands next;

	sbn_set_operands(&next, at);
	for (size_t k = 0; k < g->blocks * g->planes; k++) {
		const size_t i = T(enter_block)(g, k), place = T(place_of_block)(g, i);
		const struct sbn_block block = T(block_at)(g, i);
		struct sbn_moments moments;

		next.x.data = T(in)(at->x, 0, (first + g->plane) * g->spatial);
		moments = T(block_moments_in_lockstep)(&next, g, &block, to);
		if (g->last_first)
			sbn_moments_set(&part[place], &moments);
		else
			sbn_moments_add(&sum[g->plane], &moments, IS_WIDE);
	}
	for (size_t i = 0; g->last_first && i < g->planes; i++)
		T(add_moments_of)(part + i * g->blocks, g->blocks, &sum[i]);
}

static struct sbn_moments
T(plane_moments_in_lockstep)(const struct sbn_operands *at, size_t n, size_t spatial)
{
	struct GROUPS g = T(planes_together)(at, n, spatial, 1, 1);
	struct sbn_moments sum = { 0 };

	T(moments_of_planes)(at, &g, 0, &sum, NULL);
	return sum;
}

/* to: what is mapped meanwhile, or NULL. */
static void
T(planes_moments_in_lockstep)(const struct sbn_beside *beside, size_t n, size_t spatial,
			      struct MAPPING *to)
{
	struct GROUPS g = T(planes_together)(beside->at, n, spatial, beside->n_channels, 1);

	for (size_t c = 0; c < beside->n_channels; c += g.planes) {
		struct sbn_moments sum[PLANES_TOGETHER] = { { 0 } };

		g.planes = SBN_MIN(g.planes, beside->n_channels - c);
		T(moments_of_planes)(beside->at, &g, c, sum, to);
		for (size_t i = 0; i < g.planes; i++)
			T(put_moments)(beside, c + i, &sum[i]);
	}
}

static void
T(moments_in_lockstep)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		       size_t spatial, const struct sbn_coefficients *k, size_t c,
		       size_t n_channels, int form)
{
	struct MAPPING to;

	T(mapping_begin)(&to, at, n, spatial, k, c, n_channels, form);
	T(planes_moments_in_lockstep)(beside, n, spatial, &to);
	T(mapping_end)(&to);
}

/* ---- backward ---- */

/* What sums are made of, so many elements behind `from`. */
SBN_FORCE_INLINE void
T(set_inputs)(struct sbn_operands *at, const struct sbn_operands *from, size_t elements)
{
	at->x.data = T(in)(from->x, 0, elements);
	at->dy.data = T(in)(from->dy, 0, elements);
	if (from->z.data != NULL)
		at->z.data = T(in)(from->z, 0, elements);
}

/* The next plane of them. */
SBN_FORCE_INLINE void
T(next_inputs)(struct sbn_operands *at, size_t spatial)
{
	T(set_inputs)(at, at, spatial);
}

SBN_FORCE_INLINE void
T(sums_beside_planes)(struct SUMMED *summed, struct MAPPED *mapped,
		      const struct sbn_coefficients *k, size_t c, struct ADDED *sums, int form)
{
	T(lockstep)(summed, mapped, k, c, NULL, sums, form);
}

SBN_NOT_INLINE static void
T(sums_and_piece)(struct SUMMED *summed, struct MAPPED *mapped, const struct sbn_coefficients *k,
		  size_t c, struct ADDED *sums, int form)
{
	SBN_SWITCH_DX_STREAM(form, T(sums_beside_planes), summed, mapped, k, c, sums);
}

SBN_NOT_INLINE static void
T(sums_of_rest)(const struct SUMMED *summed, const struct sbn_coefficients *k, size_t c,
		struct ADDED *sums, int form)
{
	SBN_SWITCH_SUMS(form, T(sums_of_rest_in), summed, k, c, sums);
}

/* form: of the sums. to: as above. */
static struct sbn_pair
T(block_sums_in_lockstep)(const struct sbn_operands *at, const struct GROUPS *g,
			  const struct sbn_block *block, const struct sbn_coefficients *k, size_t c,
			  int form, struct MAPPING *to)
{
	struct SUMMED summed = T(summed_at)(at, g, block);
	struct ADDED s = T(added_nothing)();

	while (to != NULL && summed.block.n > 0 && T(mapping_next)(to))
		T(sums_and_piece)(&summed, &to->piece, k, c, &s, to->walk.form);
	if (summed.block.n > 0)
		T(sums_of_rest)(&summed, k, c, &s, form);
	return (struct sbn_pair){ T(fold_sums)(s.a, form), T(fold_sums)(s.b, form) };
}

SBN_FORCE_INLINE void
T(add_to_pair)(const struct sbn_pair *pairs, size_t n, struct sbn_pair *to)
{
	double sums[2] = { to->a, to->b };

	T(add_pairs)(pairs, n, sums);
	*to = (struct sbn_pair){ sums[0], sums[1] };
}

/* Adds those of the planes that go together, from plane `first` and channel c on. */
static void
T(sums_of_planes)(const struct sbn_operands *at, struct GROUPS *g, size_t first,
		  const struct sbn_coefficients *k, size_t c, struct sbn_pair *sums,
		  struct MAPPING *to)
{
	const int form = sbn_sums_form(at, k);
	struct sbn_pair part[REVERSED_BLOCKS];
	struct sbn_operands next;

	sbn_set_operands(&next, at);
	for (size_t j = 0; j < g->blocks * g->planes; j++) {
		const size_t i = T(enter_block)(g, j), place = T(place_of_block)(g, i);
		const struct sbn_block block = T(block_at)(g, i);

		T(set_inputs)(&next, at, (first + g->plane) * g->spatial);
		part[place] =
			T(block_sums_in_lockstep)(&next, g, &block, k, c + g->plane, form, to);
		if (!g->last_first)
			T(add_to_pair)(part, 1, &sums[g->plane]);
	}
	for (size_t i = 0; g->last_first && i < g->planes; i++)
		T(add_to_pair)(part + i * g->blocks, g->blocks, &sums[i]);
}

static void
T(plane_sums_in_lockstep)(const struct sbn_operands *at, size_t n, size_t spatial,
			  const struct sbn_coefficients *k, size_t c, double sums[2])
{
	struct GROUPS g = T(planes_together)(at, n, spatial, 1, 2);
	struct sbn_pair pair = { sums[0], sums[1] };

	T(sums_of_planes)(at, &g, 0, k, c, &pair, NULL);
	sums[0] = pair.a;
	sums[1] = pair.b;
}

/* Adds to the sums. */
static void
T(planes_sums_in_lockstep)(const struct sbn_beside *beside, size_t n, size_t spatial,
			   const struct sbn_coefficients *k, struct MAPPING *to)
{
	const size_t inputs = 2 + (beside->at->z.data != NULL);
	struct GROUPS g = T(planes_together)(beside->at, n, spatial, beside->n_channels, inputs);

	for (size_t c = 0; c < beside->n_channels; c += g.planes) {
		g.planes = SBN_MIN(g.planes, beside->n_channels - c);
		T(sums_of_planes)
		(beside->at, &g, c, k, beside->c + c, beside->sums + c, to);
	}
}

static void
T(sums_in_lockstep)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		    size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		    int form)
{
	struct MAPPING to;

	memset(beside->sums, 0, beside->n_channels * sizeof(*beside->sums));
	T(mapping_begin)(&to, at, n, spatial, k, c, n_channels, form);
	T(planes_sums_in_lockstep)(beside, n, spatial, k, &to);
	T(mapping_end)(&to);
}
