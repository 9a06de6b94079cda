/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of planes of long rows, unless they are in lockstep: blocks of some images are summed
 * abreast, a few lines of each in turn, while as much of other planes is mapped, if anything is. A
 * CPU with the registers for it reads several streams faster than one that begins anew with each
 * image.
 */

/* Blocks that are alike: the same part of rows that are `apart` rows apart. */
struct ABREAST {
	struct sbn_block first;
	size_t apart, n;
};

SBN_FORCE_INLINE struct sbn_block
T(block_abreast)(const struct ABREAST *blocks, size_t m)
{
	struct sbn_block block = blocks->first;

	block.row += m * blocks->apart;
	return block;
}

/* Whether a plane has such rows; its blocks' sums have room. */
SBN_FORCE_INLINE bool
T(is_abreast)(size_t spatial)
{
	return spatial >= SBN_ABREAST_SPATIAL && spatial <= (size_t)ABREAST_BLOCKS * SBN_BLOCK;
}

/* A plane's blocks: `whole` rows of them, `across` in each; the last rows may be a shorter one. */
struct GROUPS {
	size_t n, spatial;
	size_t rows; /* of a block */
	size_t whole, across;
	size_t blocks; /* all of them */
	size_t count;  /* of groups that are summed abreast */
	bool last_first;
	/* in lockstep: of planes that go together how many, which one, and how far on they ask */
	size_t planes, plane, far;
};

SBN_FORCE_INLINE struct GROUPS
T(groups_of)(const struct sbn_operands *at, size_t n, size_t spatial)
{
	const size_t rows = sbn_rows_of_block(spatial), whole = n / rows;
	const size_t across = sbn_ceil_div(spatial, (size_t)SBN_BLOCK);
	const size_t blocks = sbn_ceil_div(n, rows) * across;

	return (struct GROUPS){
		.n = n,
		.spatial = spatial,
		.rows = rows,
		.whole = whole,
		.across = across,
		.blocks = blocks,
		.count = sbn_ceil_div(whole, (size_t)SBN_ABREAST) + (n % rows != 0),
		.last_first = at->last_first && blocks <= REVERSED_BLOCKS,
		.planes = 1,
	};
}

/* The row of blocks that a group begins with. */
SBN_FORCE_INLINE size_t
T(group_begin)(const struct GROUPS *g, size_t group)
{
	return SBN_MIN(group * SBN_ABREAST, g->whole);
}

/* The first blocks of a group. */
SBN_FORCE_INLINE struct ABREAST
T(group_at)(const struct GROUPS *g, size_t group)
{
	const size_t begin = T(group_begin)(g, group), row = begin * g->rows;

	return (struct ABREAST){
		.first = { row, SBN_MIN(g->rows, g->n - row), 0,
			   SBN_MIN(g->spatial, (size_t)SBN_BLOCK) },
		.apart = g->rows,
		.n = SBN_MIN(SBN_MAX(g->whole - begin, (size_t)1), (size_t)SBN_ABREAST),
	};
}

/* To the blocks beside these; false: there are none. */
SBN_FORCE_INLINE bool
T(abreast_next)(struct ABREAST *blocks, size_t spatial)
{
	blocks->first.column += blocks->first.spatial;
	blocks->first.spatial = SBN_MIN((size_t)SBN_BLOCK, spatial - blocks->first.column);
	return blocks->first.spatial > 0;
}

/* A whole turn of a row from i on: a line's address is the turn's and a constant. */
SBN_FORCE_INLINE void
T(whole_turn_of_moments)(const struct ROW *row, size_t i, const struct SHIFT *shift, struct w16 *s1,
			 struct w16 *s2)
{
	const struct ROW from = { .x = row->x + i, .ahead = row->ahead };

#pragma GCC unroll 8
	for (size_t j = 0; j < ABREAST_TURN; j += SBN_LANES) {
		if (!IS_HALF || j % (2 * SBN_LANES) == 0)
			T(fetch_row)(&from, j, 0);
		T(row_moments_at)(&from, j, SBN_LANES, shift, s1, s2);
	}
}

/* Adds n elements of a row's part from i on. */
SBN_FORCE_INLINE void
T(turn_of_moments)(const struct ROW *from, size_t i, size_t n, const struct SHIFT *shift,
		   struct w16 *s1, struct w16 *s2)
{
#if HAS_FLOAT_SUMS
	struct FLOATS floats;

	(void)shift;
	T(clear_floats)(&floats);
	T(row_floats)(from, i, n, &floats);
	T(widen_floats)(&floats, s1, s2);
#else
	if (n == ABREAST_TURN)
		T(whole_turn_of_moments)(from, i, shift, s1, s2);
	else
		T(row_part_moments)(from, i, n, shift, s1, s2);
#endif
}

/* Of what T(turn_of_moments) has added. */
SBN_FORCE_INLINE double
T(fold_turns)(struct w16 sum)
{
	return HAS_FLOAT_SUMS ? T(fold)(sum) : T(fold_mixed)(sum);
}

/* The elements that moments take in turn: of floats as many as go together. */
enum { T(moments_turn) = HAS_FLOAT_SUMS ? FLOAT_ELEMENTS : ABREAST_TURN };

SBN_FORCE_INLINE void
T(moments_of_turns)(const struct sbn_operands *at, const struct ABREAST *blocks,
		    const struct SHIFT shift[SBN_ABREAST], struct w16 s1[SBN_ABREAST],
		    struct w16 s2[SBN_ABREAST], struct WALK *beside)
{
	const struct sbn_block first = blocks->first;

	for (size_t row = first.row; row < first.row + first.n; row++)
		for (size_t i = 0; i < first.spatial; i += T(moments_turn)) {
			const size_t n = SBN_MIN(first.spatial - i, (size_t)T(moments_turn));

			for (size_t m = 0; m < blocks->n; m++) {
				const struct ROW from =
					T(row_at)(at, row + m * blocks->apart, first.column, 0);
				struct w16 t1 = s1[m], t2 = s2[m];

				T(turn_of_moments)
				(&from, i, n, IS_WIDE ? &shift[m] : NULL, &t1, &t2);
				s1[m] = t1;
				s2[m] = t2;
			}
			if (beside != NULL)
				T(walk_beside)(beside, n * blocks->n);
		}
}

/* out: of block m at m * across. */
SBN_FORCE_INLINE void
T(moments_abreast)(const struct sbn_operands *at, const struct ABREAST *blocks, size_t across,
		   struct sbn_moments *out, struct WALK *beside)
{
	const double count = (double)(blocks->first.n * blocks->first.spatial);
	struct w16 s1[SBN_ABREAST], s2[SBN_ABREAST];
	struct SHIFT shift[SBN_ABREAST];
	REAL about[SBN_ABREAST];

	for (size_t m = 0; m < blocks->n; m++) {
		const struct sbn_block block = T(block_abreast)(blocks, m);

		s1[m] = s2[m] = w16_set1(0);
		about[m] = IS_WIDE ? T(block_shift)(at->x, &block) : 0;
		shift[m] = T(shift_of)(V(set1)(about[m]));
	}
	T(moments_of_turns)(at, blocks, shift, s1, s2, beside);
	for (size_t m = 0; m < blocks->n; m++, out += across) {
		const double sums[2] = { T(fold_turns)(s1[m]), T(fold_turns)(s2[m]) };
		const struct sbn_block block = T(block_abreast)(blocks, m);

		*out = IS_WIDE ? sbn_moments_of_sums((double)about[m], sums[0], sums[1], count,
						     true) :
				 T(moments_of_powers)(at, &block, sums);
	}
}

SBN_FORCE_INLINE void
T(add_moments_of)(const struct sbn_moments *blocks, size_t n, struct sbn_moments *sum)
{
	for (size_t i = 0; i < n; i++)
		sbn_moments_add(sum, &blocks[i], IS_WIDE);
}

/* Of each block of a plane. */
SBN_FORCE_INLINE void
T(blocks_moments_abreast)(const struct sbn_operands *at, size_t n, size_t spatial,
			  struct sbn_moments *out)
{
	const struct GROUPS groups = T(groups_of)(at, n, spatial);

	for (size_t i = 0; i < groups.count; i++) {
		struct ABREAST blocks = T(group_at)(&groups, i);
		struct sbn_moments *first = out + T(group_begin)(&groups, i) * groups.across;

		do {
			T(moments_abreast)(at, &blocks, groups.across, first++, NULL);
		} while (T(abreast_next)(&blocks, spatial));
	}
}

/* Blocks are merged in their order, whatever order they are summed in. */
SBN_FORCE_INLINE struct sbn_moments
T(plane_moments_abreast)(const struct sbn_operands *at, size_t n, size_t spatial,
			 struct WALK *beside)
{
	const struct GROUPS groups = T(groups_of)(at, n, spatial);
	struct sbn_moments part[REVERSED_BLOCKS], sum = { 0 };

	for (size_t i = 0; i < groups.count; i++) {
		const size_t group = groups.last_first ? groups.count - 1 - i : i;
		struct ABREAST blocks = T(group_at)(&groups, group);
		struct sbn_moments *out = part;

		if (groups.last_first)
			out += T(group_begin)(&groups, group) * groups.across;
		do {
			T(moments_abreast)(at, &blocks, groups.across, out++, beside);
		} while (T(abreast_next)(&blocks, spatial));
		if (!groups.last_first)
			T(add_moments_of)(part, blocks.n * groups.across, &sum);
	}
	if (groups.last_first)
		T(add_moments_of)(part, groups.blocks, &sum);
	return sum;
}

/* A turn of n elements. */
SBN_FORCE_INLINE void
T(turn_of_sums)(const struct ROW *from, size_t n, const struct COEFFICIENTS *v, int form,
		struct w16 *s0, struct w16 *s1)
{
	if (n != ABREAST_TURN) {
		T(row_sums)(from, n, v, form, s0, s1);
		return;
	}
#pragma GCC unroll 8
	for (size_t i = 0; i < ABREAST_TURN; i += SBN_LANES) {
		if (!IS_HALF || i % (2 * SBN_LANES) == 0)
			T(fetch_row)(from, i, form);
		T(plane_sums_at)(from, i, SBN_LANES, v, form, s0, s1);
	}
}

/* out: as above, sums of g and of g * (x - mean). */
SBN_FORCE_INLINE void
T(sums_abreast)(const struct sbn_operands *at, const struct ABREAST *blocks, size_t across,
		const struct COEFFICIENTS *v, int form, struct sbn_pair *out, struct WALK *beside)
{
	const struct sbn_block first = blocks->first;
	struct w16 s0[SBN_ABREAST], s1[SBN_ABREAST];

	for (size_t m = 0; m < blocks->n; m++)
		s0[m] = s1[m] = w16_set1(0);
	for (size_t row = first.row; row < first.row + first.n; row++)
		for (size_t i = 0; i < first.spatial; i += ABREAST_TURN) {
			const size_t n = SBN_MIN(first.spatial - i, ABREAST_TURN);

			for (size_t m = 0; m < blocks->n; m++) {
				const struct ROW from = T(row_at)(at, row + m * blocks->apart,
								  first.column + i, form);
				struct w16 t0 = s0[m], t1 = s1[m];

				T(turn_of_sums)(&from, n, v, form, &t0, &t1);
				s0[m] = t0;
				s1[m] = t1;
			}
			if (beside != NULL)
				T(walk_beside)(beside, n * blocks->n);
		}
	for (size_t m = 0; m < blocks->n; m++, out += across)
		*out = (struct sbn_pair){ T(fold_sums)(s0[m], form), T(fold_sums)(s1[m], form) };
}

/* Of each block of a plane. */
SBN_FORCE_INLINE void
T(blocks_sums_abreast)(const struct sbn_operands *at, size_t n, size_t spatial,
		       const struct COEFFICIENTS *v, int form, struct sbn_pair *out)
{
	const struct GROUPS groups = T(groups_of)(at, n, spatial);

	for (size_t i = 0; i < groups.count; i++) {
		struct ABREAST blocks = T(group_at)(&groups, i);
		struct sbn_pair *first = out + T(group_begin)(&groups, i) * groups.across;

		do {
			T(sums_abreast)(at, &blocks, groups.across, v, form, first++, NULL);
		} while (T(abreast_next)(&blocks, spatial));
	}
}

SBN_FORCE_INLINE void
T(add_pairs)(const struct sbn_pair *pairs, size_t n, double sums[2])
{
	for (size_t i = 0; i < n; i++) {
		sums[0] += pairs[i].a;
		sums[1] += pairs[i].b;
	}
}

SBN_FORCE_INLINE void
T(plane_sums_abreast)(const struct sbn_operands *at, size_t n, size_t spatial,
		      const struct COEFFICIENTS *v, int form, double sums[2], struct WALK *beside)
{
	const struct GROUPS groups = T(groups_of)(at, n, spatial);
	struct sbn_pair part[REVERSED_BLOCKS];

	for (size_t i = 0; i < groups.count; i++) {
		const size_t group = groups.last_first ? groups.count - 1 - i : i;
		struct ABREAST blocks = T(group_at)(&groups, group);
		struct sbn_pair *out = part;

		if (groups.last_first)
			out += T(group_begin)(&groups, group) * groups.across;
		do {
			T(sums_abreast)(at, &blocks, groups.across, v, form, out++, beside);
		} while (T(abreast_next)(&blocks, spatial));
		if (!groups.last_first)
			T(add_pairs)(part, blocks.n * groups.across, sums);
	}
	if (groups.last_first)
		T(add_pairs)(part, groups.blocks, sums);
}
