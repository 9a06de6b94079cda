/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planes of a chunk, summed in lockstep with others that are mapped, if there are any:
 * lockstep_body.h. Block by block: some of them abreast would not have the registers.
 */

/* ---- the blocks of a plane, in the order in which they are summed ---- */

/* Which block is summed as number k: rows of blocks may be gone through from the last one on. */
SBN_FORCE_INLINE size_t
T(block_number)(const struct GROUPS *g, size_t k)
{
	const size_t row = k / g->across, last = g->blocks / g->across - 1;

	return g->back ? (last - row) * g->across + k % g->across : k;
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

/* ---- what is mapped, a piece at a time ---- */

struct MAPPING {
	struct WALK walk;
	struct MAPPED piece;
};

/* An image, or two, as far as they are whole steps. */
SBN_FORCE_INLINE void
T(mapping_image)(struct MAPPING *to)
{
	const struct WALK *w = &to->walk;

	T(set_row)(&to->piece.row, w->row);
	if (w->abreast == 2 && w->image < w->n)
		T(set_row)(&to->piece.second, T(walk_row)(w, 1, w->form));
	to->piece.images = w->abreast;
	to->piece.i = w->i;
	to->piece.n = w->image < w->n ? SBN_MAX(w->whole, w->i) : w->i;
	to->piece.c = w->c + w->plane;
	to->piece.end = w->end;
}

/* From an image's last step on, to the next image's first one. */
SBN_RARELY static void
T(mapping_rarely)(struct WALK *w)
{
	w->due = T(lockstep_step) * w->abreast;
	T(walk_some)(w);
	w->due = 0;
}

/* From an image's end to the next image's first step. */
SBN_RARELY static void
T(mapping_leave_image)(struct WALK *w)
{
	const size_t head = T(walk_leave_image)(w, w->form);

	if (head != 0)
		T(walk_rarely)(w, head, w->form);
}

/* The next piece; false: all has been mapped. */
SBN_RARELY static bool
T(mapping_next)(struct MAPPING *to)
{
	struct WALK *w = &to->walk;

	if (to->piece.i < to->piece.n)
		return true;
	if (w->image >= w->n)
		return false;
	w->i = to->piece.i;
	T(walk_enter_plane)(w, to->piece.c - w->c);
	if (w->i == w->spatial * w->n_channels) {
		T(mapping_leave_image)(w);
		T(mapping_image)(to);
	}
	while (to->piece.i == to->piece.n && w->image < w->n) {
		T(mapping_rarely)(w);
		T(mapping_image)(to);
	}
	return w->image < w->n;
}

static void
T(mapping_begin)(struct MAPPING *to, const struct sbn_operands *at, size_t n, size_t spatial,
		 const struct sbn_coefficients *k, size_t c, size_t n_channels, int form)
{
	to->piece = (struct MAPPED){ .c = c, .spatial = spatial };
	T(walk_begin)(&to->walk, at, n, spatial, k, c, n_channels, form);
	if (to->walk.n != 0)
		T(mapping_image)(to);
}

/* What has not been mapped. */
static void
T(mapping_end)(struct MAPPING *to)
{
	struct WALK *w = &to->walk;

	if (!T(mapping_next)(to))
		return;
	w->i = to->piece.i;
	T(walk_enter_plane)(w, to->piece.c - w->c);
	T(walk_rest)(w);
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

/* Blocks are merged in their order, whatever order they are summed in. */
static struct sbn_moments
T(plane_moments_in_lockstep)(const struct sbn_operands *at, size_t n, size_t spatial,
			     struct MAPPING *to)
{
	const struct GROUPS g = T(groups_of)(at, n, spatial);
	struct sbn_moments part[BACKWARD_BLOCKS], sum = { 0 };

	for (size_t k = 0; k < g.blocks; k++) {
		const size_t i = T(block_number)(&g, k);
		const struct sbn_block block = T(block_at)(&g, i);
		const struct sbn_moments moments = T(block_moments_in_lockstep)(at, &g, &block, to);

		if (g.back)
			part[i] = moments;
		else
			sbn_moments_add(&sum, &moments, IS_WIDE);
	}
	if (g.back)
		T(add_moments_of)(part, g.blocks, &sum);
	return sum;
}

static void
T(moments_in_lockstep)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		       size_t spatial, const struct sbn_coefficients *k, size_t c,
		       size_t n_channels, int form)
{
	struct sbn_operands next;
	struct MAPPING to;

	sbn_set_operands(&next, beside->at);
	T(mapping_begin)(&to, at, n, spatial, k, c, n_channels, form);
	for (size_t i = 0; i < beside->n_channels; i++) {
		const struct sbn_moments sum = T(plane_moments_in_lockstep)(&next, n, spatial, &to);

		T(put_moments)(beside, i, &sum);
		T(next_plane)(&next, spatial);
	}
	T(mapping_end)(&to);
}

/* ---- backward ---- */

/* The next plane of what sums are made of. */
SBN_FORCE_INLINE void
T(next_inputs)(struct sbn_operands *at, size_t spatial)
{
	at->x.data = T(in)(at->x, 0, spatial);
	at->dy.data = T(in)(at->dy, 0, spatial);
	if (at->z.data != NULL)
		at->z.data = T(in)(at->z, 0, spatial);
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

/* Adds to sums. */
static void
T(plane_sums_in_lockstep)(const struct sbn_operands *at, size_t n, size_t spatial,
			  const struct sbn_coefficients *k, size_t c, double sums[2],
			  struct MAPPING *to)
{
	const int form = sbn_sums_form(at, k);
	const struct GROUPS g = T(groups_of)(at, n, spatial);
	struct sbn_pair part[BACKWARD_BLOCKS];

	for (size_t b = 0; b < g.blocks; b++) {
		const size_t i = T(block_number)(&g, b);
		const struct sbn_block block = T(block_at)(&g, i);
		const struct sbn_pair pair =
			T(block_sums_in_lockstep)(at, &g, &block, k, c, form, to);

		if (g.back)
			part[i] = pair;
		else
			T(add_pairs)(&pair, 1, sums);
	}
	if (g.back)
		T(add_pairs)(part, g.blocks, sums);
}

static void
T(sums_in_lockstep)(const struct sbn_beside *beside, const struct sbn_operands *at, size_t n,
		    size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		    int form)
{
	struct sbn_operands next;
	struct MAPPING to;

	sbn_set_operands(&next, beside->at);
	T(mapping_begin)(&to, at, n, spatial, k, c, n_channels, form);
	for (size_t i = 0; i < beside->n_channels; i++) {
		double sums[2] = { 0, 0 };

		T(plane_sums_in_lockstep)(&next, n, spatial, k, beside->c + i, sums, &to);
		beside->sums[i] = (struct sbn_pair){ sums[0], sums[1] };
		T(next_inputs)(&next, spatial);
	}
	T(mapping_end)(&to);
}
