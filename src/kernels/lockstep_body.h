/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes that are summed while others are mapped, a few lines of each in turn, in loops that store
 * nothing but outputs: one block's sums stay in registers, one image is written at a time, or two
 * in turn. A CPU does its stores in order, and those past the caches take their time; whatever else
 * is stored between them waits behind them, until there is no room for more and the sums have to
 * wait, too.
 */

#define STEP T(lockstep_step)

/* Of a block, so far. */
struct ADDED {
	struct w16 a, b;
#if HAS_FLOAT_SUMS
	struct FLOATS floats; /* forward: what is not in the doubles yet */
#endif
};

/* Rows of a block, from element i of the first one's part on. */
struct SUMMED {
	const struct sbn_operands *at;
	const struct GROUPS *groups;
	struct sbn_block block;
	size_t i;
};

/* The planes of an image, or of two in turn: elements i..n-1 of each, whole steps. */
struct MAPPED {
	struct ROW row, second;
	size_t images; /* 1 or 2 */
	size_t i, n;
	size_t c, end;  /* element i's channel, and its plane's end */
	size_t spatial; /* at least a step */
	size_t due;     /* elements that were summed while nothing was mapped */
};

SBN_FORCE_INLINE struct ADDED
T(added_nothing)(void)
{
	struct ADDED sums;

	sums.a = sums.b = w16_set1(0);
#if HAS_FLOAT_SUMS
	T(clear_floats)(&sums.floats);
#endif
	return sums;
}

SBN_FORCE_INLINE void
T(sum_steps)(const struct ROW *from, size_t at, size_t n, const struct SHIFT *shift,
	     struct ADDED *sums)
{
#pragma GCC unroll 4
	for (size_t step = 0; step < n; step += STEP) {
		const ELEMENT *p = from->x + at + step;

#if HAS_FLOAT_SUMS
		T(add_floats)(T(load_two)(p), &sums->floats);
		(void)shift;
#else
		for (size_t j = 0; j < STEP; j += SBN_LANES)
			T(step_moments)(p + j, SBN_LANES, shift, &sums->a, &sums->b);
#endif
	}
}

/* Where floats go together, up to there; else to the row's last whole step. */
SBN_FORCE_INLINE size_t
T(lockstep_part)(size_t i, size_t whole, int form)
{
#if HAS_FLOAT_SUMS
	if (!(form & SBN_FORM_DY))
		return SBN_MIN(whole, (i / FLOAT_ELEMENTS + 1) * FLOAT_ELEMENTS);
#endif
	(void)i;
	(void)form;
	return whole;
}

/* Elements i.. of a row come next: what floats go together up to there goes to the doubles. */
SBN_FORCE_INLINE void
T(end_part)(size_t i, struct ADDED *sums, int form)
{
#if HAS_FLOAT_SUMS
	if (!(form & SBN_FORM_DY) && i % FLOAT_ELEMENTS == 0)
		T(widen_floats)(&sums->floats, &sums->a, &sums->b);
#endif
	(void)i;
	(void)sums;
	(void)form;
}

/* Backward: adds g and g * (x - mean). */
SBN_FORCE_INLINE void
T(add_steps)(const struct ROW *from, size_t at, size_t n, const struct COEFFICIENTS *v, int form,
	     struct ADDED *sums)
{
#pragma GCC unroll 4
	for (size_t step = 0; step < n; step += SBN_LANES)
		T(plane_sums_at)(from, at + step, SBN_LANES, v, form, &sums->a, &sums->b);
}

SBN_FORCE_INLINE void
T(map_steps)(const struct ROW *row, size_t at, size_t n, const struct COEFFICIENTS *v, int form)
{
#pragma GCC unroll 4
	for (size_t step = 0; step < n; step += STEP) {
		const size_t i = at + step;

		if (IS_HALF) {
			struct RESULTS_OF_TWO r = T(map_two)(row, i, v, v, form);

			T(walk_fetch)(row, i, form);
			T(give_two)(row, i, &r, form);
		} else {
			struct RESULTS r = T(map)(row, i, SBN_LANES, v, form);

			T(walk_fetch)(row, i, form);
			T(give_whole)(row, i, &r, form);
		}
	}
}

/* A step over the plane's end; n: elements of it. */
SBN_FORCE_INLINE void
T(map_over_end)(const struct ROW *row, size_t at, size_t n, const struct COEFFICIENTS *v,
		const struct COEFFICIENTS *next, int form)
{
	for (size_t i = 0; i < STEP; i += SBN_LANES)
		T(walk_over_end)
	(row, at + i, SBN_MIN(n - SBN_MIN(i, n), (size_t)SBN_LANES), v, next, form);
}

/* The state of a loop: what is summed, and what is mapped. */
struct LOCKSTEP {
	struct ADDED sums;
	struct ASKED asked;
	struct COEFFICIENTS v;     /* of what is mapped */
	struct COEFFICIENTS u;     /* backward: of what is summed */
	const struct SHIFT *shift; /* forward, of float64 */
	size_t i, m, c, end, due;
	bool is_paced;
};

/* What sums read of the operands that a map of that form has. */
SBN_FORCE_INLINE int
T(form_of_sums)(int form)
{
	return form & SBN_FORM_DY ? form & (SBN_FORM_DY | SBN_FORM_ACT | SBN_FORM_Z) : 0;
}

/* n elements of what is summed. */
SBN_FORCE_INLINE void
T(lockstep_sum)(struct LOCKSTEP *s, const struct ROW *from, size_t n, int form)
{
	if (form & SBN_FORM_DY)
		T(add_steps)(from, s->i, n, &s->u, T(form_of_sums)(form), &s->sums);
	else
		T(sum_steps)(from, s->i, n, s->shift, &s->sums);
	s->i += n;
}

/*
 * A sum goes by way of memory, and a turn's lines take some 18 cycles at least, as long as memory
 * takes for them. Else a CPU sums at once what is there, and then waits: requests, loads and stores
 * come in bursts, which memory serves more slowly. Backward each half of a turn does, if a line is
 * one vector; two take their time.
 */
SBN_FORCE_INLINE void
T(lockstep_pace)(struct LOCKSTEP *s, size_t images, int form)
{
	const bool may_be = !(form & SBN_FORM_DY) || W16_COLUMNS >= 4;

	if (!IS_HALF && images == 2 && may_be && s->is_paced)
		s->sums.b = w16_by_memory(s->sums.b);
}

/* A turn, or a step, of either; of two images the turn's steps are one's and the other's. */
SBN_FORCE_INLINE void
T(lockstep_steps)(struct LOCKSTEP *s, const struct ROW *from, const struct MAPPED *to, size_t n,
		  size_t images, bool near, int form)
{
	T(ask)(&s->asked, n, near, T(form_of_sums)(form));
	T(lockstep_sum)(s, from, n / images, form);
	T(lockstep_pace)(s, images, form);
	T(map_steps)(&to->row, s->m, n / images, &s->v, form);
	if (images == 2) {
		T(lockstep_sum)(s, from, n / images, form);
		if (form & SBN_FORM_DY)
			T(lockstep_pace)(s, images, form);
		T(map_steps)(&to->second, s->m, n / images, &s->v, form);
	}
	s->m += n / images;
}

/* Steps of both, until the part's or the plane's end, or that of what is mapped. */
SBN_FORCE_INLINE void
T(lockstep_run)(struct LOCKSTEP *s, const struct ROW *from, size_t part, const struct MAPPED *to,
		size_t end, size_t images, bool near, int form)
{
	const size_t left = SBN_MIN((part - s->i) / STEP, (end - s->m) / STEP * images);
	const size_t stop = s->i + left * STEP;

	while (s->i + T(lockstep_turn) <= stop)
		T(lockstep_steps)(s, from, to, T(lockstep_turn), images, near, form);
	if (s->i == stop)
		return;
	if (images == 1) {
		T(lockstep_steps)(s, from, to, STEP, images, near, form);
	} else {
		T(ask)(&s->asked, STEP, near, T(form_of_sums)(form));
		T(lockstep_sum)(s, from, STEP, form);
		s->due += STEP;
	}
}

/* To the next plane that is mapped; by a step over this one's end, if it does not end a step. */
SBN_FORCE_INLINE void
T(lockstep_next_plane)(struct LOCKSTEP *s, const struct MAPPED *mapped,
		       const struct sbn_coefficients *k, size_t images, int form)
{
	struct COEFFICIENTS next = { 0 };

	T(load_map)(&next, k, s->c + 1, 0, form);
	if (s->m < s->end) {
		T(map_over_end)(&mapped->row, s->m, s->end - s->m, &s->v, &next, form);
		if (images == 2)
			T(map_over_end)
		(&mapped->second, s->m, s->end - s->m, &s->v, &next, form);
		s->m += STEP;
	}
	s->v = next;
	s->c++;
	s->end += mapped->spatial;
}

/* The row's steps; s->i < whole: what is mapped has come to its end. */
SBN_FORCE_INLINE void
T(lockstep_row)(struct LOCKSTEP *s, const struct ROW *from, size_t whole,
		const struct MAPPED *mapped, const struct sbn_coefficients *k, size_t images,
		bool near, int form)
{
	for (;;) {
		const size_t part = T(lockstep_part)(s->i, whole, form);

		T(lockstep_run)
		(s, from, part, mapped, SBN_MIN(s->end, mapped->n), images, near, form);
		if (s->i == part)
			T(end_part)(part, &s->sums, form);
		if (s->i == whole || s->m == mapped->n)
			return;
		if (s->i < part)
			T(lockstep_next_plane)(s, mapped, k, images, form);
	}
}

/* A row's end: fewer elements than a step. */
SBN_FORCE_INLINE void
T(sum_tail)(const struct ROW *from, size_t at, size_t n, const struct SHIFT *shift,
	    struct ADDED *sums)
{
#if HAS_FLOAT_SUMS
	T(add_floats)(T(load_two_n)(from->x + at, n), &sums->floats);
	(void)shift;
#else
	if (n >= SBN_LANES) {
		T(row_moments_at)(from, at, SBN_LANES, shift, &sums->a, &sums->b);
		at += SBN_LANES;
		n -= SBN_LANES;
	}
	if (n > 0)
		T(powers_of_tail)(from, at, n, shift, &sums->a, &sums->b);
#endif
}

/* Backward rest is less than 16: 16-bit types have only the forward form. */
SBN_FORCE_INLINE void
T(lockstep_tail)(struct LOCKSTEP *s, const struct ROW *from, size_t whole, size_t rest, int form)
{
	if (form & SBN_FORM_DY) {
		T(plane_sums_at)
		(from, whole, rest, &s->u, T(form_of_sums)(form), &s->sums.a, &s->sums.b);
	} else {
		T(sum_tail)(from, whole, rest, s->shift, &s->sums);
	}
	s->due += rest;
}

/* What is due of steps that rows' ends have added up to. */
SBN_FORCE_INLINE void
T(lockstep_catch_up)(struct LOCKSTEP *s, const struct MAPPED *mapped, size_t images, int form)
{
	if (s->due < images * STEP || s->m + STEP > SBN_MIN(s->end, mapped->n))
		return;
	s->due -= images * STEP;
	T(map_steps)(&mapped->row, s->m, STEP, &s->v, form);
	if (images == 2)
		T(map_steps)(&mapped->second, s->m, STEP, &s->v, form);
	s->m += STEP;
}

/* Rows, until they or what is mapped have come to an end; returns the first that is not summed. */
SBN_FORCE_INLINE size_t
T(lockstep_rows)(struct LOCKSTEP *s, const struct SUMMED *summed, const struct MAPPED *mapped,
		 const struct sbn_coefficients *k, size_t images, bool near, int form)
{
	const struct sbn_block block = summed->block;
	const size_t rest = block.spatial % STEP, whole = block.spatial - rest;
	size_t row = block.row;

	for (; row < block.row + block.n; row++, s->i = 0) {
		const int sums_form = T(form_of_sums)(form);
		const struct ROW from = T(row_at)(summed->at, row, block.column, sums_form);

		T(asked_beside)
		(&s->asked, summed->at, summed->groups, row, block.column, s->i, sums_form);
		T(lockstep_row)(s, &from, whole, mapped, k, images, near, form);
		if (s->i < whole)
			break;
		if (rest != 0) {
			T(ask_for_end)
			(summed->at, summed->groups, row, block.column + whole, sums_form);
			T(lockstep_tail)(s, &from, whole, rest, form);
		}
		T(end_part)(0, &s->sums, form);
		T(lockstep_catch_up)(s, mapped, images, form);
	}
	return row;
}

/* Until what is summed or what is mapped has come to its end. c: backward, the summed channel. */
SBN_FORCE_INLINE void
T(lockstep)(struct SUMMED *summed, struct MAPPED *mapped, const struct sbn_coefficients *k,
	    size_t c, const struct SHIFT *about, struct ADDED *sums, int form)
{
	const struct MAPPED all = *mapped;
	struct LOCKSTEP s = {
		.sums = *sums,
		.shift = IS_WIDE ? about : NULL,
		.i = summed->i,
		.m = all.i,
		.c = all.c,
		.end = all.end,
		.due = all.due,
		.is_paced = summed->groups->across > 1,
	};
	size_t row;

	T(load_map)(&s.v, k, all.c, 0, form);
	if (form & SBN_FORM_DY)
		T(load_sums)(&s.u, k, c, 0, T(form_of_sums)(form));
	if (all.images == 2)
		row = T(lockstep_rows)(&s, summed, &all, k, 2, true, form);
	else if (summed->at->near)
		row = T(lockstep_rows)(&s, summed, &all, k, 1, true, form);
	else
		row = T(lockstep_rows)(&s, summed, &all, k, 1, false, form);
	*sums = s.sums;
	summed->block.n -= row - summed->block.row;
	summed->block.row = row;
	summed->i = s.i;
	mapped->i = s.m;
	mapped->c = s.c;
	mapped->end = s.end;
	mapped->due = s.due;
}

#undef STEP
