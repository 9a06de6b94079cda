/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over planes that lie side by side: where it stands, and how it gets on where planes and
 * images end. An image's planes are one run of elements, which is walked a step at a time from a
 * line's edge on; where a plane ends within a step, it is mapped with both planes' coefficients, so
 * that no line is written in two parts. Some images are walked abreast, a few lines of each in
 * turn: memory and the CPU's prefetcher have more to go on with.
 */

#define STEP T(walk_step)

/* At least a line. */
enum { STEP = (IS_HALF ? 2 : 1) * SBN_LANES };

/*
 * A walk over the planes of all images; it stands at the end of a plane only when it is done, or
 * where a loop in lockstep has left it. What a loop over whole steps needs of it is copied before,
 * as every store of a vector might change it. A plane's coefficients are loaded where the loop
 * begins, too, and not kept: so a compiler knows that the registers of 16 lanes are the same.
 */
struct WALK {
	const struct sbn_operands *at;
	const struct sbn_coefficients *k; /* of all channels */
	int form;
	size_t c, n_channels, n, spatial;
	size_t group;         /* of images that are walked over abreast */
	size_t image;         /* the first of them; n: the walk is done */
	size_t abreast;       /* how many they are */
	struct ROW row;       /* the first one's */
	size_t whole;         /* elements up to the last step's end */
	size_t i, plane, end; /* the next element, and its plane's number and end */
	size_t due;           /* elements that have been summed meanwhile, but not walked over */
};

/*
 * Without a distance x has been summed before, and is in the cache: to ask for it again would only
 * take the way there from sums and stores.
 */
SBN_FORCE_INLINE void
T(walk_fetch)(const struct ROW *row, size_t i, int form)
{
	if (form & SBN_FORM_DY) {
		if (row->ahead != 0)
			T(fetch_row)(row, i, form);
		return;
	}
	if (row->ahead != 0)
		T(fetch_near)(row->x + i, row->ahead);
	if (form & SBN_FORM_Z)
		T(fetch_near)(row->z + i, RESIDUAL_AHEAD);
}

SBN_FORCE_INLINE void
T(walk_enter_plane)(struct WALK *w, size_t plane)
{
	w->plane = plane;
	w->end = (plane + 1) * w->spatial;
}

/* The coefficients of the plane, or of one behind it; not returned, as a compiler copies them. */
SBN_FORCE_INLINE void
T(walk_load)(struct COEFFICIENTS *v, const struct WALK *w, size_t behind, int form)
{
	T(load_map)(v, w->k, w->c + w->plane + behind, 0, form);
}

/* Image m of those abreast. */
SBN_FORCE_INLINE struct ROW
T(walk_row)(const struct WALK *w, size_t m, int form)
{
	return m == 0 ? w->row : T(row_at)(w->at, w->image + m, 0, form);
}

/* 16 elements from i on, of the plane, whose coefficients are v, and of those that follow. */
SBN_FORCE_INLINE void
T(walk_across_at)(struct WALK *w, const struct ROW *row, size_t i, struct COEFFICIENTS *v, int form)
{
	struct RESULTS r = T(map)(row, i, SBN_LANES, v, form);

	T(walk_fetch)(row, i, form);
	while (w->end < i + SBN_LANES) {
		const size_t n = w->end - i;
		struct RESULTS next;

		T(walk_enter_plane)(w, w->plane + 1);
		T(walk_load)(v, w, 0, form);
		next = T(map)(row, i, SBN_LANES, v, form);
		r.out = V(blend)(n, r.out, next.out);
		r.dz = V(blend)(n, r.dz, next.dz);
	}
	T(give_whole)(row, i, &r, form);
}

/* Of planes so short that some may end within a step. */
SBN_FORCE_INLINE void
T(walk_across_some)(struct WALK *w, int form)
{
	const size_t plane = w->plane;

	for (size_t m = 0; m < w->abreast; m++) {
		const struct ROW row = T(walk_row)(w, m, form);
		struct COEFFICIENTS v = { 0 };

		T(walk_enter_plane)(w, plane);
		T(walk_load)(&v, w, 0, form);
		for (size_t i = w->i; i < w->i + STEP; i += SBN_LANES) {
			if (i == w->end) {
				T(walk_enter_plane)(w, w->plane + 1);
				T(walk_load)(&v, w, 0, form);
			}
			T(walk_across_at)(w, &row, i, &v, form);
		}
	}
	w->i += STEP;
}

/* 16 elements from i on, of two planes, of which n are the first one's. */
SBN_FORCE_INLINE void
T(walk_over_end)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *v,
		 const struct COEFFICIENTS *next, int form)
{
	struct RESULTS r = T(map)(row, i, SBN_LANES, v, form);
	const struct RESULTS s = T(map)(row, i, SBN_LANES, next, form);

	T(walk_fetch)(row, i, form);
	r.out = V(blend)(n, r.out, s.out);
	r.dz = V(blend)(n, r.dz, s.dz);
	T(give_whole)(row, i, &r, form);
}

/* A step over a plane's end. */
SBN_FORCE_INLINE void
T(walk_across)(struct WALK *w, int form)
{
	struct COEFFICIENTS v = { 0 }, next = { 0 };

	if (w->spatial < STEP) {
		T(walk_across_some)(w, form);
		return;
	}
	T(walk_load)(&v, w, 0, form);
	T(walk_load)(&next, w, 1, form);
	for (size_t m = 0; m < w->abreast; m++) {
		const struct ROW row = T(walk_row)(w, m, form);

		for (size_t i = w->i; i < w->i + STEP; i += SBN_LANES)
			T(walk_over_end)
		(&row, i, SBN_MIN(w->end - SBN_MIN(i, w->end), (size_t)SBN_LANES), &v, &next, form);
	}
	w->i += STEP;
	T(walk_enter_plane)(w, w->plane + 1);
}

/* n <= 16 elements of one plane, wherever they stand. */
SBN_FORCE_INLINE void
T(walk_part)(struct WALK *w, size_t n, int form)
{
	struct COEFFICIENTS v = { 0 };

	T(walk_load)(&v, w, 0, form);
	for (size_t m = 0; m < w->abreast; m++) {
		const struct ROW row = T(walk_row)(w, m, form);
		const struct RESULTS r = T(map)(&row, w->i, n, &v, form);

		T(walk_fetch)(&row, w->i, form);
		T(give)(&row, w->i, n, &r, form);
	}
	w->i += n;
}

/* Asks for the lines that an image's planes share with their neighbours, if there is the image. */
SBN_FORCE_INLINE void
T(walk_fetch_edges)(const struct WALK *w, size_t image, int form)
{
	const size_t total = w->spatial * w->n_channels;
	uintptr_t begin;

	if (!(form & SBN_FORM_STREAM) || image >= w->n)
		return;
	begin = (uintptr_t)(form & SBN_FORM_OUT ? T(out)(w->at->out, image, 0) :
						  T(out)(w->at->dz, image, 0));
	if (begin % SBN_STORE_LINE != 0)
		T(fetch_edge)(w->at, image, 0, form);
	if ((begin + total * sizeof(ELEMENT)) % SBN_STORE_LINE != 0)
		T(fetch_edge)(w->at, image, total - 1, form);
}

/* How many images can be walked abreast: as many as their lines begin alike. */
SBN_FORCE_INLINE size_t
T(walk_group)(const struct WALK *w, int form)
{
	const size_t stride = form & SBN_FORM_OUT ? w->at->out.stride : w->at->dz.stride;

	if (form & SBN_FORM_STREAM && stride * sizeof(ELEMENT) % SBN_STORE_LINE != 0)
		return 1;
	return !w->at->lockstep ? SBN_ABREAST : w->at->pairs ? 2 : 1;
}

/* Where the walk begins. */
SBN_FORCE_INLINE size_t
T(walk_first)(const struct WALK *w)
{
	return w->at->last_first ? (w->n - 1) / w->group * w->group : 0;
}

/* The image behind those that are walked over, or the one before them; n: there is none. */
SBN_FORCE_INLINE size_t
T(walk_next)(const struct WALK *w)
{
	if (!w->at->last_first)
		return w->image + w->abreast;
	return w->image == 0 ? w->n : w->image - w->group;
}

/* Goes to an image; returns how many elements stand before its first line. */
SBN_FORCE_INLINE size_t
T(walk_enter_image)(struct WALK *w, size_t image, int form)
{
	const size_t total = w->spatial * w->n_channels;
	size_t head;

	w->image = image;
	w->abreast = SBN_MIN(w->n - image, w->group);
	for (size_t m = 0; m < w->group; m++) {
		const size_t ahead = image + EDGES_AHEAD + m, before = image - EDGES_AHEAD + m;

		T(walk_fetch_edges)(w, w->at->last_first ? before : ahead, form);
	}
	T(set_row)(&w->row, T(row_at)(w->at, image, 0, form));
	head = SBN_MIN(T(line_head)(&w->row, form), total);
	w->whole = head + (total - head) / STEP * STEP;
	w->i = 0;
	T(walk_enter_plane)(w, 0);
	return head;
}

/* From an image to the next one; as above. */
SBN_FORCE_INLINE size_t
T(walk_leave_image)(struct WALK *w, int form)
{
	const size_t next = T(walk_next)(w);

	if (next < w->n)
		return T(walk_enter_image)(w, next, form);
	w->image = w->n;
	return 0;
}

/*
 * What is rare where chunks begin and end at lines: up to 16 elements before an image's first line
 * (`head` of them) or behind its last one, and from there to the next plane. It takes its form at
 * run time, so that there is one copy of it.
 */
SBN_RARELY static void
T(walk_rarely)(struct WALK *w, size_t head, int form)
{
	do {
		size_t stop = w->i < head ? SBN_MIN(head, w->end) : w->end;

		if (w->i < stop)
			T(walk_part)(w, SBN_MIN(stop - w->i, (size_t)SBN_LANES), form);
		if (w->i < w->end)
			continue;
		if (w->plane + 1 < w->n_channels)
			T(walk_enter_plane)(w, w->plane + 1);
		else
			head = T(walk_leave_image)(w, form);
	} while (w->i < head && w->image < w->n);
}

static void
T(walk_begin)(struct WALK *w, const struct sbn_operands *at, size_t n, size_t spatial,
	      const struct sbn_coefficients *k, size_t c, size_t n_channels, int form)
{
	size_t head, first;

	w->at = at;
	w->k = k;
	w->form = form;
	w->c = c;
	w->n_channels = n_channels;
	w->n = spatial * n_channels == 0 ? 0 : n;
	w->spatial = spatial;
	w->image = w->i = w->whole = w->due = 0;
	w->group = w->abreast = 1;
	T(walk_enter_plane)(w, 0);
	if (w->n == 0)
		return;
	w->group = T(walk_group)(w, form);
	first = T(walk_first)(w);
	for (size_t m = 0; m < EDGES_AHEAD; m++)
		T(walk_fetch_edges)
	(w, at->last_first && w->group == 1 ? first - m : first + m, form);
	head = T(walk_enter_image)(w, first, form);
	if (head != 0)
		T(walk_rarely)(w, head, form);
}

#undef STEP
