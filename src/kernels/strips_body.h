/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps of planes whose rows are short. Where every image's planes are cut alike into steps of
 * 16 elements, or of 32, a line, of 16-bit types, what coefficients a step needs is the same in
 * every image: they are spread out once for a strip of steps, in which the images are then mapped
 * two at a time, by a loop that knows of no planes and has no branch that a CPU could not foresee.
 */
#ifndef SBN_KERNELS_STRIPS_BODY_H
#define SBN_KERNELS_STRIPS_BODY_H

#include "kernels/block.h"

enum {
	STRIP_SPATIAL = 512,        /* elements: such rows lose where memory is fast */
	STRIP_HALF_DX = 4096,       /* of 16-bit types backward, where a vector is a line */
	STRIP_TURN = 8 * SBN_LANES, /* elements that are summed between maps */
	STRIP_IMAGES = 2,           /* fewer are not worth it */
	EDGES_AHEAD = 4,            /* images; their edges are asked for */
	RESIDUAL_AHEAD = 3072       /* bytes */
};

#endif

#define STEP T(strip_step)

/* A walk over the strips of all images. */
struct STRIPS {
	const struct sbn_operands *at;
	const struct sbn_coefficients *k; /* of all channels */
	int form;
	size_t c, n, spatial;
	size_t whole;           /* elements up to the last step's end */
	size_t begin, end;      /* the strip's elements */
	size_t image;           /* which is walked over; n: the walk is done */
	size_t abreast;         /* images that are walked over, at most: 2, or 1 in lockstep */
	struct ROW row, second; /* of the image, and of the one behind it */
	size_t i;               /* the next element */
	size_t due;             /* elements that have been summed meanwhile, but not walked over */
};

/*
 * Rows of fewer elements are mapped in strips. Backward longer ones are better off with their
 * coefficients in registers, but for 16-bit types: what else maps them stores halves of lines,
 * which costs a set that has whole ones. And beside strips those are summed by positions.
 */
SBN_FORCE_INLINE size_t
T(strip_spatial)(int form)
{
	if (IS_HALF)
		return form & SBN_FORM_DY && W16_COLUMNS >= 4 ? STRIP_HALF_DX : SBN_ABREAST_SPATIAL;
	return form & SBN_FORM_DY ? SBN_SHORT_SPATIAL : STRIP_SPATIAL;
}

/* What comes from memory may; long rows, and floats with a residual, are better off by planes. */
SBN_FORCE_INLINE bool
T(may_read_in_strips)(const struct sbn_operands *at, size_t spatial, int form)
{
	if (at->ahead == 0 || form & SBN_FORM_DY)
		return true;
	return spatial < SBN_ABREAST_SPATIAL &&
	       (IS_HALF || !(form & SBN_FORM_Z) || spatial >= SBN_SHORT_SPATIAL);
}

/*
 * Whether planes are mapped in strips: the lines of all images begin at the same element, and what
 * is read lies in the cache or may be read so, for strips go from image to image. (Backward it is
 * in the cache wherever dx depends on x, for sums come first.)
 */
SBN_FORCE_INLINE bool
T(in_strips)(const struct sbn_operands *at, size_t n, size_t spatial, int form)
{
	const bool is_stream = form & SBN_FORM_STREAM;
	const size_t stride = form & SBN_FORM_OUT ? at->out.stride : at->dz.stride;

	if (!sbn_form_is_usual(form))
		return false;
	return spatial > 0 && spatial < T(strip_spatial)(form) && n >= STRIP_IMAGES &&
	       T(may_read_in_strips)(at, spatial, form) &&
	       (!is_stream || stride * sizeof(ELEMENT) % SBN_STORE_LINE == 0);
}

/* Elements before the output's first line. */
SBN_FORCE_INLINE size_t
T(line_head)(const struct ROW *row, int form)
{
	uintptr_t anchor = (uintptr_t)(form & SBN_FORM_OUT ? row->out : row->dz);

	return form & SBN_FORM_STREAM ? (-anchor & (SBN_STORE_LINE - 1)) / sizeof(ELEMENT) : 0;
}

/*
 * Asks for the lines of an image's outputs in which element i stands. A line that is written in
 * part has to be read first, and stores are done in order: each would wait for memory.
 */
SBN_FORCE_INLINE void
T(fetch_edge)(const struct sbn_operands *at, size_t image, size_t i, int form)
{
	if (form & SBN_FORM_OUT)
		sbn_prefetch_to_write(T(out)(at->out, image, i));
	if (form & SBN_FORM_DZ)
		sbn_prefetch_to_write(T(out)(at->dz, image, i));
}

/* Elements begin..end-1 of every image, fewer than a line: what is before and behind the steps. */
SBN_RARELY static void
T(strips_edge)(struct SPREAD *spread, const struct STRIPS *w, size_t begin, size_t end, int form)
{
	for (size_t i = begin; i < end; i += SBN_LANES) {
		const size_t n = SBN_MIN(end - i, (size_t)SBN_LANES), plane = i / w->spatial;
		const size_t left = (plane + 1) * w->spatial - i;
		struct COEFFICIENTS v = { 0 };

		T(spread_step)
		(spread->steps, w->k, w->c + plane, w->spatial, left, n, form);
		T(load_map)(&v, w->k, w->c, 0, form);
		T(load_step)(&v, spread, 0, form);
		for (size_t image = 0; image < SBN_MIN(w->n, (size_t)EDGES_AHEAD); image++)
			T(fetch_edge)(w->at, image, i, form);
		for (size_t image = 0; image < w->n; image++) {
			const struct ROW row = T(row_at)(w->at, image, 0, form);
			const struct RESULTS r = T(map)(&row, i, n, &v, form);

			if (image + EDGES_AHEAD < w->n)
				T(fetch_edge)(w->at, image + EDGES_AHEAD, i, form);
			T(give)(&row, i, n, &r, form);
		}
	}
}

/* Goes to two images, or to the last one. */
SBN_FORCE_INLINE void
T(strips_enter)(struct STRIPS *w, size_t image, int form)
{
	w->image = image;
	w->i = w->begin;
	T(set_row)(&w->row, T(row_at)(w->at, image, 0, form));
	if (!(form & SBN_FORM_DY))
		w->row.ahead = SBN_MAX(w->at->ahead, w->at->beyond);
	if (w->abreast == 1 || image + 1 >= w->n)
		return;
	T(set_row)(&w->second, T(row_at)(w->at, image + 1, 0, form));
	w->second.ahead = w->row.ahead;
}

static void
T(strips_begin)(struct SPREAD *spread, struct STRIPS *w, const struct sbn_operands *at, size_t n,
		size_t spatial, const struct sbn_coefficients *k, size_t c, size_t n_channels,
		int form)
{
	const size_t total = spatial * n_channels;
	const size_t line = SBN_MAX(SBN_STORE_LINE / sizeof(ELEMENT), (size_t)SBN_LANES);
	const struct ROW first = T(row_at)(at, 0, 0, form);
	const size_t head = SBN_MIN(T(line_head)(&first, form), total);

	w->at = at;
	w->k = k;
	w->form = form;
	w->c = c;
	w->n = n;
	w->spatial = spatial;
	w->abreast = at->lockstep ? 1 : 2;
	w->due = 0;
	w->whole =
		form & SBN_FORM_STREAM ? head + (total - head) / line * line : total / STEP * STEP;
	T(strips_edge)(spread, w, 0, head, form);
	T(strips_edge)(spread, w, w->whole, total, form);
	w->begin = head;
	w->end = T(spread_strip)(spread, k, c, spatial, head, w->whole, form);
	if (w->begin == w->end)
		w->image = n;
	else
		T(strips_enter)(w, 0, form);
}

/* To the strip's steps in the next images, or to the next strip. */
SBN_FORCE_INLINE void
T(strips_turn)(struct SPREAD *spread, struct STRIPS *w, int form)
{
	if (w->image + w->abreast < w->n) {
		T(strips_enter)(w, w->image + w->abreast, form);
	} else if (w->end < w->whole) {
		w->begin = w->end;
		w->end = T(spread_strip)(spread, w->k, w->c, w->spatial, w->begin, w->whole, form);
		T(strips_enter)(w, 0, form);
	} else {
		w->image = w->n;
	}
}

/*
 * Backward asks for what is summed next. Forward the sums beside do so, not in the order of memory
 * but from plane to plane, or what is beyond them is asked for here; what nobody has summed is
 * asked for before it is read. Of a residual what follows is, behind a part's end that of the chunk
 * written next.
 */
SBN_FORCE_INLINE void
T(strip_fetch)(const struct ROW *row, size_t i, int form)
{
	if (form & SBN_FORM_DY) {
		T(fetch_row)(row, i, form);
		return;
	}
	if (row->ahead != 0)
		T(fetch_near)(row->x + i, row->ahead);
	if (form & SBN_FORM_Z)
		T(fetch_near)(row->z + i, RESIDUAL_AHEAD);
}

/* A line of 16-bit elements, and of a second image. */
SBN_FORCE_INLINE void
T(strip_line)(const struct ROW *row, const struct ROW *second, size_t i,
	      const struct SPREAD *spread, size_t at, struct COEFFICIENTS *v, int form)
{
	struct COEFFICIENTS w = *v;
	struct RESULTS_OF_TWO r, s;

	T(strip_fetch)(row, i, form);
	T(load_step)(v, spread, at, form);
	T(load_step)(&w, spread, at + SBN_LANES, form);
	r = T(map_two)(row, i, v, &w, form);
	if (second != NULL) {
		T(strip_fetch)(second, i, form);
		s = T(map_two)(second, i, v, &w, form);
	}
	T(give_two)(row, i, &r, form);
	if (second != NULL)
		T(give_two)(second, i, &s, form);
}

/* The elements from i to end of two images: what a step needs is loaded once for both. */
SBN_FORCE_INLINE void
T(strip_of_two)(const struct SPREAD *spread, const struct STRIPS *w, size_t end, int form)
{
	const struct ROW row = w->row, second = w->second;
	const uint16_t *at = spread->at + (w->i - w->begin) / STEP;
	struct COEFFICIENTS v = { 0 };
	size_t i = w->i;

	T(load_map)(&v, w->k, w->c, 0, form);
	for (; IS_HALF && i < end; i += STEP)
		T(strip_line)(&row, &second, i, spread, *at++, &v, form);
	for (; i < end; i += SBN_LANES) {
		struct RESULTS r, s;

		T(load_step)(&v, spread, *at++, form);
		T(strip_fetch)(&row, i, form);
		T(strip_fetch)(&second, i, form);
		r = T(map)(&row, i, SBN_LANES, &v, form);
		s = T(map)(&second, i, SBN_LANES, &v, form);
		T(give_whole)(&row, i, &r, form);
		T(give_whole)(&second, i, &s, form);
	}
}

SBN_FORCE_INLINE void
T(strip_of_one)(const struct SPREAD *spread, const struct STRIPS *w, size_t end, int form)
{
	const struct ROW row = w->row;
	const uint16_t *at = spread->at + (w->i - w->begin) / STEP;
	struct COEFFICIENTS v = { 0 };
	size_t i = w->i;

	T(load_map)(&v, w->k, w->c, 0, form);
	for (; IS_HALF && i < end; i += STEP)
		T(strip_line)(&row, NULL, i, spread, *at++, &v, form);
	for (; i < end; i += SBN_LANES) {
		struct RESULTS r;

		T(strip_fetch)(&row, i, form);
		T(load_step)(&v, spread, *at++, form);
		r = T(map)(&row, i, SBN_LANES, &v, form);
		T(give_whole)(&row, i, &r, form);
	}
}

/* As far as is due, to a step of two images. */
SBN_FORCE_INLINE void
T(strips_on)(struct SPREAD *spread, struct STRIPS *w, int form)
{
	while (w->due >= 2 * STEP && w->image < w->n) {
		const bool two = w->abreast == 2 && w->image + 1 < w->n;
		const size_t due = (two ? w->due / 2 : w->due) / STEP * STEP;
		const size_t end = w->i + SBN_MIN(w->end - w->i, due);

		if (two)
			T(strip_of_two)(spread, w, end, form);
		else
			T(strip_of_one)(spread, w, end, form);
		w->due -= (end - w->i) * (two ? 2 : 1);
		w->i = end;
		if (end == w->end)
			T(strips_turn)(spread, w, form);
	}
}

/* One copy for all loops of sums that strips go on beside. */
SBN_NOT_INLINE static void
T(strips_forward)(struct SPREAD *spread, struct STRIPS *w)
{
	SBN_SWITCH_FORWARD_USUAL(w->form, T(strips_on), spread, w);
}

SBN_NOT_INLINE static void
T(strips_backward)(struct SPREAD *spread, struct STRIPS *w)
{
	SBN_SWITCH_DX_USUAL(w->form, T(strips_on), spread, w);
}

/* As far as is due, after some sums. */
SBN_FORCE_INLINE void
T(strips_beside)(struct SPREAD *spread, struct STRIPS *w, size_t summed)
{
	w->due += summed;
	if (w->due >= (IS_HALF ? 4 : 1) * STRIP_TURN)
		T(strips_forward)(spread, w);
}

/* What is left. */
SBN_FORCE_INLINE void
T(strips_rest)(struct SPREAD *spread, struct STRIPS *w)
{
	w->due = SIZE_MAX;
	if (w->form & SBN_FORM_DY)
		T(strips_backward)(spread, w);
	else
		T(strips_forward)(spread, w);
}

static void
T(strips_map)(const struct sbn_operands *at, size_t n, size_t spatial,
	      const struct sbn_coefficients *k, size_t c, size_t n_channels, int form)
{
	struct SPREAD spread;
	struct STRIPS w;

	T(strips_begin)(&spread, &w, at, n, spatial, k, c, n_channels, form);
	T(strips_rest)(&spread, &w);
}

#undef STEP
