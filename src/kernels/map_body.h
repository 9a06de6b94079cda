/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of planes that lie side by side: walks along whole steps, as far as is due or to the
 * end (walk_body.h), or strips (strips_body.h).
 */

#define STEP T(walk_step)

/* From the end of a plane to the next one; returns how many elements stand before its line. */
SBN_FORCE_INLINE size_t
T(walk_leave_plane)(struct WALK *w, int form)
{
	if (w->plane + 1 < w->n_channels)
		T(walk_enter_plane)(w, w->plane + 1);
	else
		return T(walk_leave_image)(w, form);
	return 0;
}

/* Elements i..end-1 of a plane, some steps. */
SBN_FORCE_INLINE void
T(walk_steps)(const struct ROW *row, size_t i, size_t end, const struct COEFFICIENTS *v, int form)
{
	for (; IS_HALF && i < end; i += STEP) {
		struct RESULTS_OF_TWO r;

		T(walk_fetch)(row, i, form);
		r = T(map_two)(row, i, v, v, form);
		T(give_two)(row, i, &r, form);
	}
	for (; i < end; i += STEP) {
		struct RESULTS r = T(map)(row, i, SBN_LANES, v, form);

		T(walk_fetch)(row, i, form);
		T(give_whole)(row, i, &r, form);
	}
}

/* A turn of each image. */
SBN_FORCE_INLINE void
T(walk_turn)(struct WALK *w, int form)
{
	const size_t at = w->i;
	struct COEFFICIENTS v = { 0 };

	T(walk_load)(&v, w, 0, form);
	for (size_t m = 0; m < w->abreast; m++) {
		const struct ROW row = T(walk_row)(w, m, form);

#pragma GCC unroll 8
		for (size_t i = 0; i < ABREAST_TURN; i += STEP) {
			if (IS_HALF) {
				struct RESULTS_OF_TWO r;

				T(walk_fetch)(&row, at + i, form);
				r = T(map_two)(&row, at + i, &v, &v, form);
				T(give_two)(&row, at + i, &r, form);
			} else {
				struct RESULTS r = T(map)(&row, at + i, SBN_LANES, &v, form);

				T(walk_fetch)(&row, at + i, form);
				T(give_whole)(&row, at + i, &r, form);
			}
		}
	}
	w->due -= ABREAST_TURN * w->abreast;
	w->i += ABREAST_TURN;
}

/* The plane's whole steps, as far as they are due. */
SBN_FORCE_INLINE void
T(walk_plane)(struct WALK *w, int form)
{
	const size_t left = SBN_MIN(w->end, w->whole) - w->i;
	const size_t turn = w->abreast > 1 ? SBN_MIN(left, ABREAST_TURN) : left;
	const size_t end = w->i + SBN_MIN(turn, w->due / w->abreast) / STEP * STEP;
	struct COEFFICIENTS v = { 0 };

	if (w->abreast > 1 && end == w->i + ABREAST_TURN) {
		T(walk_turn)(w, form);
		return;
	}
	T(walk_load)(&v, w, 0, form);
	for (size_t m = 0; m < w->abreast; m++) {
		const struct ROW row = T(walk_row)(w, m, form);

		T(walk_steps)(&row, w->i, end, &v, form);
	}
	w->due -= (end - w->i) * w->abreast;
	w->i = end;
}

/* As far as is due, to a step of each image. */
SBN_FORCE_INLINE void
T(walk_on)(struct WALK *w, int form)
{
	while (w->due >= STEP * w->abreast && w->image < w->n) {
		const size_t next = w->i + STEP;
		bool rare = next > w->whole;
		size_t head = 0;

		if (next <= SBN_MIN(w->end, w->whole)) {
			T(walk_plane)(w, form);
		} else {
			w->due -= STEP * w->abreast;
			if (!rare)
				T(walk_across)(w, form);
		}
		if (w->i == w->end)
			head = T(walk_leave_plane)(w, form);
		if (rare || head > 0)
			T(walk_rarely)(w, head, form);
	}
}

/* One copy for all loops of sums that a walk goes on beside. */
SBN_NOT_INLINE static void
T(walk_forward)(struct WALK *w)
{
	SBN_SWITCH_FORWARD(w->form, T(walk_on), w);
}

SBN_NOT_INLINE static void
T(walk_backward)(struct WALK *w)
{
	SBN_SWITCH_DX(w->form, T(walk_on), w);
}

SBN_FORCE_INLINE void
T(walk_some)(struct WALK *w)
{
	if (w->form & SBN_FORM_DY)
		T(walk_backward)(w);
	else
		T(walk_forward)(w);
}

/*
 * As many elements as have been summed, so that reading one chunk and writing another go on at the
 * same time: together they take as long as the slower, one after the other as long as both.
 */
SBN_FORCE_INLINE void
T(walk_beside)(struct WALK *w, size_t summed)
{
	w->due += summed;
	if (w->due >= SBN_MAX(TURN, ABREAST_TURN * w->abreast))
		T(walk_some)(w);
}

/* What is left. */
SBN_FORCE_INLINE void
T(walk_rest)(struct WALK *w)
{
	w->due = SIZE_MAX;
	T(walk_some)(w);
}

static void
T(planes_map)(const struct sbn_operands *at, size_t n, size_t spatial,
	      const struct sbn_coefficients *k, size_t c, size_t n_channels, int form)
{
	struct WALK w;

	if (T(in_strips)(at, n, spatial, form)) {
		T(strips_map)(at, n, spatial, k, c, n_channels, form);
		return;
	}
	T(walk_begin)(&w, at, n, spatial, k, c, n_channels, form);
	T(walk_rest)(&w);
}

/* The form with SBN_FORM_STREAM if there are lines, and both outputs' edges fall together. */
static int
T(with_stream)(const struct sbn_operands *at, int form)
{
	const struct sbn_out *first = form & SBN_FORM_OUT ? &at->out : &at->dz;
	const struct sbn_out *second = form & SBN_FORM_DZ ? &at->dz : first;
	const uintptr_t apart = (uintptr_t)second->data - (uintptr_t)first->data;
	const uintptr_t grows = (second->stride - first->stride) * sizeof(ELEMENT);

	if (!at->stream || form & (SBN_FORM_X_IS_Y | SBN_FORM_FEW) || first->data == NULL ||
	    (uintptr_t)first->data % sizeof(ELEMENT) != 0 || (apart | grows) % SBN_STORE_LINE != 0)
		return form;
	return form | SBN_FORM_STREAM;
}

/* The same, but that short rows whose lines do not begin alike stay in strips instead. */
static int
T(planes_form)(const struct sbn_operands *at, size_t n, size_t spatial, int form)
{
	const int streamed = T(with_stream)(at, form);

	if (spatial < LOCKSTEP_SPATIAL && !T(in_strips)(at, n, spatial, streamed) &&
	    T(in_strips)(at, n, spatial, form))
		return form;
	return streamed;
}

#undef STEP

static void
T(planes_normalize)(const struct sbn_operands *at, size_t n, size_t spatial,
		    const struct sbn_coefficients *k, size_t c, size_t n_channels)
{
	const int form = T(planes_form)(at, n, spatial, sbn_forward_form(at, k));

	T(planes_map)(at, n, spatial, k, c, n_channels, form);
}

static void
T(planes_dx)(const struct sbn_operands *at, size_t n, size_t spatial,
	     const struct sbn_coefficients *k, size_t c, size_t n_channels)
{
	const int form = T(planes_form)(at, n, spatial, sbn_dx_form(at, k));

	T(planes_map)(at, n, spatial, k, c, n_channels, form);
}
