/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of planes that lie side by side. An image's planes are one run of elements, which is
 * walked 16 at a time from a line's edge on; where a plane ends within 16, they are mapped with
 * both planes' coefficients, so that no line is written in two parts.
 */

/* A walk over one image's planes. */
struct WALK {
	struct ROW row;
	const struct sbn_coefficients *k;
	size_t c, spatial;
	size_t plane, end;  /* the plane that is walked over, and where it ends */
	size_t head, whole; /* elements before the first edge, and up to the last 16 */
	struct COEFFICIENTS v;
};

/* The output by whose address the lines are found. */
SBN_FORCE_INLINE uintptr_t
T(anchor)(const struct ROW *row, int form)
{
	return (uintptr_t)(form & SBN_FORM_OUT ? row->out : row->dz);
}

SBN_FORCE_INLINE void
T(find_edges)(struct WALK *w, size_t total, int form)
{
	const size_t line = SBN_MAX(SBN_STORE_LINE / sizeof(ELEMENT), (size_t)SBN_LANES);

	w->head = 0;
	w->whole = total / SBN_LANES * SBN_LANES;
	if (form & SBN_FORM_STREAM) {
		w->head = (-T(anchor)(&w->row, form) & (SBN_STORE_LINE - 1)) / sizeof(ELEMENT);
		w->head = SBN_MIN(w->head, total);
		w->whole = w->head + (total - w->head) / line * line;
	}
}

SBN_FORCE_INLINE void
T(load_plane)(struct WALK *w, int form)
{
	T(load_map)(&w->v, w->k, w->c + w->plane, 0, form);
	w->end = (w->plane + 1) * w->spatial;
}

/* Elements i to end, which may be less than 16 or stand at no edge. */
SBN_FORCE_INLINE size_t
T(walk_parts)(const struct WALK *w, size_t i, size_t end, int form)
{
	while (i < end) {
		size_t n = SBN_MIN(end - i, (size_t)SBN_LANES);
		struct RESULTS r = T(map)(&w->row, i, n, &w->v, form);

		T(fetch_row)(&w->row, i, form);
		T(give)(&w->row, i, n, &r, form);
		i += n;
	}
	return i;
}

/* 16 elements of the plane and of those that follow; ends in the last of these. */
SBN_FORCE_INLINE void
T(walk_across)(struct WALK *w, size_t i, int form)
{
	struct RESULTS r = T(map)(&w->row, i, SBN_LANES, &w->v, form);

	T(fetch_row)(&w->row, i, form);
	while (w->end < i + SBN_LANES) {
		const size_t n = w->end - i;
		struct RESULTS next;

		w->plane++;
		T(load_plane)(w, form);
		next = T(map)(&w->row, i, SBN_LANES, &w->v, form);
		r.out = V(blend)(n, r.out, next.out);
		r.dz = V(blend)(n, r.dz, next.dz);
	}
	T(give_whole)(&w->row, i, &r, form);
}

/* The walk's plane from element i on, and what shares its last 16 elements. */
SBN_FORCE_INLINE size_t
T(walk_plane)(struct WALK *w, size_t i, int form)
{
	const size_t whole = SBN_MIN(w->end, w->whole);

	i = T(walk_parts)(w, i, SBN_MIN(w->end, w->head), form);
	for (; i + SBN_LANES <= whole; i += SBN_LANES) {
		struct RESULTS r = T(map)(&w->row, i, SBN_LANES, &w->v, form);

		T(fetch_row)(&w->row, i, form);
		T(give_whole)(&w->row, i, &r, form);
	}
	if (i < w->end && i + SBN_LANES <= w->whole) {
		T(walk_across)(w, i, form);
		return i + SBN_LANES;
	}
	return T(walk_parts)(w, i, w->end, form);
}

SBN_FORCE_INLINE void
T(planes_map)(const struct sbn_operands *operands, size_t n, size_t spatial,
	      const struct sbn_coefficients *coefficients, size_t c, size_t n_channels, int form)
{
	const struct sbn_operands at = *operands; /* no store can change a copy */
	const struct sbn_coefficients k = *coefficients;

	for (size_t row = 0; row < n; row++) {
		struct WALK w = { .row = T(row_at)(&at, row, 0, form) };
		size_t i = 0;

		T(set_fetch)(&w.row, &at.fetch, row, 0);
		w.k = &k;
		w.c = c;
		w.spatial = spatial;
		T(find_edges)(&w, spatial * n_channels, form);
		while (i < spatial * n_channels) {
			T(load_plane)(&w, form);
			i = T(walk_plane)(&w, i, form);
			w.plane += i == w.end;
		}
	}
}

/* The form with SBN_FORM_STREAM if there are lines, and both outputs' edges fall together. */
static int
T(with_stream)(const struct sbn_operands *at, int form)
{
	const struct sbn_out *first = form & SBN_FORM_OUT ? &at->out : &at->dz;
	const struct sbn_out *second = form & SBN_FORM_DZ ? &at->dz : first;
	const uintptr_t apart = (uintptr_t)second->data - (uintptr_t)first->data;
	const uintptr_t grows = (second->stride - first->stride) * sizeof(ELEMENT);

	if (!at->stream || form & SBN_FORM_BACK || (uintptr_t)first->data % sizeof(ELEMENT) != 0 ||
	    (apart | grows) % SBN_STORE_LINE != 0)
		return form;
	return form | SBN_FORM_STREAM;
}

static void
T(planes_normalize)(const struct sbn_operands *at, size_t n, size_t spatial,
		    const struct sbn_coefficients *k, size_t c, size_t n_channels)
{
	SBN_SWITCH_FORWARD(T(with_stream)(at, sbn_forward_form(at, k)), T(planes_map), at, n,
			   spatial, k, c, n_channels);
}

static void
T(planes_dx)(const struct sbn_operands *at, size_t n, size_t spatial,
	     const struct sbn_coefficients *k, size_t c, size_t n_channels)
{
	SBN_SWITCH_DX(T(with_stream)(at, sbn_dx_form(at, k)), T(planes_map), at, n, spatial, k, c,
		      n_channels);
}
