/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short rows that are summed while strips of others are mapped: a step of either in turn, in one
 * loop that keeps the sums in registers, for the reason of lockstep_body.h. Rows go by without a
 * look at the strip as long as it has room for all of them.
 */

/* What is summed, and the strip of an image that is mapped meanwhile, elements i..end-1. */
struct ROWS_AND_STRIP {
	const ELEMENT *x; /* of the row */
	size_t stride, ahead, whole, rest;
	bool near;
	struct w16 s1, s2;
	const struct SPREAD *spread;
	const uint16_t *at; /* the step's coefficients */
	struct ROW row;
	size_t i, end;
	size_t due; /* elements that were summed in rows' ends while nothing was mapped */
	struct COEFFICIENTS v;
};

SBN_FORCE_INLINE void
T(enter_strip)(struct ROWS_AND_STRIP *s, const struct STRIPS *w)
{
	s->at = s->spread->at + (w->i - w->begin) / SBN_LANES;
	s->i = w->i;
	s->end = w->image < w->n ? w->end : w->i;
	T(set_row)(&s->row, w->row);
}

SBN_RARELY static void
T(turn_strips)(struct SPREAD *spread, struct STRIPS *w)
{
	T(strips_turn)(spread, w, w->form);
}

/* At a strip's end: on to the next image or strip, if there is one. */
SBN_FORCE_INLINE void
T(leave_strip)(struct ROWS_AND_STRIP *s, struct SPREAD *spread, struct STRIPS *w)
{
	w->i = s->i;
	if (w->image < w->n)
		T(turn_strips)(spread, w);
	T(enter_strip)(s, w);
}

SBN_FORCE_INLINE void
T(map_step)(struct ROWS_AND_STRIP *s, int form)
{
	struct RESULTS r;

	T(strip_fetch)(&s->row, s->i, form);
	T(load_step)(&s->v, s->spread, *s->at++, form);
	r = T(map)(&s->row, s->i, SBN_LANES, &s->v, form);
	T(give_whole)(&s->row, s->i, &r, form);
	s->i += SBN_LANES;
}

/* Elements i.. of the row. */
SBN_FORCE_INLINE void
T(step_of_row)(struct ROWS_AND_STRIP *s, size_t i, bool near, const struct SHIFT *shift, int form)
{
	T(fetch_as)(s->x + i, s->ahead, near);
	T(step_moments)(s->x + i, SBN_LANES, shift, &s->s1, &s->s2);
	T(map_step)(s, form);
}

/* What is behind the row's whole steps; and the step that such ends have added up to. */
SBN_FORCE_INLINE void
T(end_of_row)(struct ROWS_AND_STRIP *s, const struct SHIFT *shift, int form)
{
	const struct ROW from = { .x = s->x, .ahead = s->ahead };

	T(fetch)(s->x + s->whole, s->ahead);
	T(powers_of_tail)(&from, s->whole, s->rest, shift, &s->s1, &s->s2);
	s->due += s->rest;
	if (s->due < SBN_LANES || s->i == s->end)
		return;
	s->due -= SBN_LANES;
	T(map_step)(s, form);
}

/* n rows, for all of which the strip has room. */
SBN_FORCE_INLINE void
T(rows_in_strip)(struct ROWS_AND_STRIP *s, size_t n, bool near, const struct SHIFT *shift, int form)
{
	for (; n > 0; n--, s->x += s->stride) {
		for (size_t i = 0; i < s->whole; i += SBN_LANES)
			T(step_of_row)(s, i, near, shift, form);
		if (s->rest != 0)
			T(end_of_row)(s, shift, form);
	}
}

/*
 * Of so few steps, a constant, that a loop over them would cost as much as they do. Asked for into
 * the first-level cache they leave it before they are read.
 */
SBN_FORCE_INLINE void
T(few_steps_in_strip)(struct ROWS_AND_STRIP *s, size_t n, size_t steps, const struct SHIFT *shift,
		      int form)
{
	for (; n > 0; n--, s->x += s->stride) {
#pragma GCC unroll 4
		for (size_t i = 0; i < steps; i++)
			T(step_of_row)(s, i * SBN_LANES, false, shift, form);
		if (s->rest != 0)
			T(end_of_row)(s, shift, form);
	}
}

SBN_FORCE_INLINE void
T(rows_that_fit)(struct ROWS_AND_STRIP *s, size_t n, const struct SHIFT *shift, int form)
{
	switch (s->whole / SBN_LANES) {
	case 1:
		T(few_steps_in_strip)(s, n, 1, shift, form);
		break;
	case 2:
		T(few_steps_in_strip)(s, n, 2, shift, form);
		break;
	case 3:
		T(few_steps_in_strip)(s, n, 3, shift, form);
		break;
	case 4:
		T(few_steps_in_strip)(s, n, 4, shift, form);
		break;
	default:
		if (s->near)
			T(rows_in_strip)(s, n, true, shift, form);
		else
			T(rows_in_strip)(s, n, false, shift, form);
	}
}

/* A row for which it may have none. */
SBN_FORCE_INLINE void
T(row_over_end)(struct ROWS_AND_STRIP *s, struct SPREAD *spread, struct STRIPS *w,
		const struct SHIFT *shift, int form)
{
	const struct ROW from = { .x = s->x, .ahead = s->ahead };
	size_t i = 0;

	for (;;) {
		const size_t n = SBN_MIN(s->whole - i, s->end - s->i);

		for (size_t end = i + n; i < end; i += SBN_LANES)
			T(step_of_row)(s, i, false, shift, form);
		if (s->i < s->end)
			break;
		T(leave_strip)(s, spread, w);
		if (s->i < s->end)
			continue;
		T(part_powers)(&from, i, s->whole - i, 0, shift, &s->s1, &s->s2);
		break;
	}
	if (s->rest != 0)
		T(end_of_row)(s, shift, form);
	s->x += s->stride;
}

SBN_FORCE_INLINE void
T(rows_beside_strips)(struct SPREAD *spread, struct STRIPS *w, const struct sbn_operands *at,
		      size_t row, size_t n, size_t spatial, const struct SHIFT *shift,
		      struct w16 sums[2], int form)
{
	struct ROWS_AND_STRIP s = {
		.x = T(in)(at->x, row, 0),
		.stride = at->x.stride,
		.ahead = at->ahead,
		.near = at->near,
		.whole = spatial / SBN_LANES * SBN_LANES,
		.rest = spatial % SBN_LANES,
		.s1 = sums[0],
		.s2 = sums[1],
		.spread = spread,
		.due = w->due,
	};

	T(load_map)(&s.v, w->k, w->c, 0, form);
	T(enter_strip)(&s, w);
	while (n > 0) {
		const size_t left = SBN_MAX(s.end - s.i, s.due) - s.due;
		const size_t fit = SBN_MIN(left / spatial, n);

		T(rows_that_fit)(&s, fit, IS_WIDE ? shift : NULL, form);
		n -= fit;
		if (n == 0)
			break;
		T(row_over_end)(&s, spread, w, IS_WIDE ? shift : NULL, form);
		n--;
	}
	w->due = s.due;
	w->i = s.i;
	if (s.i == s.end)
		T(leave_strip)(&s, spread, w);
	sums[0] = s.s1;
	sums[1] = s.s2;
}

/* Adds n rows from `row` on to sums[0], and their squares to sums[1]. */
SBN_NOT_INLINE static void
T(rows_and_strips)(struct SPREAD *spread, struct STRIPS *w, const struct sbn_operands *at,
		   size_t row, size_t n, size_t spatial, const struct SHIFT *shift,
		   struct w16 sums[2])
{
	SBN_SWITCH_FORWARD_USUAL(w->form, T(rows_beside_strips), spread, w, at, row, n, spatial,
				 shift, sums);
}
