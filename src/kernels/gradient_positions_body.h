/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of short rows backward, by positions: the planes of an image lie side by side, a run of
 * elements, which is read a line at a time, the same line of each image, whatever planes meet in
 * it. So lines are read once and whole, no row has an end that is less than a vector, and nothing
 * is done for a plane but once, when its rows have been summed.
 *
 * A position's sums are of type REAL. What floats lose is no more than what rounding did to dy and
 * x already: of at most 16 terms each, they are off by 2^-24 of some of these.
 */
#ifndef SBN_KERNELS_GRADIENT_POSITIONS_BODY_H
#define SBN_KERNELS_GRADIENT_POSITIONS_BODY_H

#include <float.h>
#include <math.h>

#include "kernels/block.h"
#include "kernels/forms.h"

enum { GRADIENT_ROWS = 8 }; /* of a block are summed, and then as many more */

/*
 * Whether sums are of use, as far as their size goes: a float's product may have been too large, or
 * have lost digits below its least, up to 2^-150 of each, 2^-139 of a block's. Both may be 0 though
 * no g is: they cancel, and their products are too small.
 */
static inline bool
sbn_gradients_fit(const double sums[2], bool wide)
{
	if (wide)
		return isfinite(sums[0]) && isfinite(sums[1]);
	return fabs(sums[0]) <= (double)FLT_MAX && fabs(sums[1]) <= (double)FLT_MAX &&
	       fabs(sums[1]) >= 0x1p-100;
}

#endif

#define STEP T(gradient_step)

/* A line, but of float64 two. */
enum { STEP = (IS_HALF ? 2 : 1) * SBN_LANES };

/* What there is for each position of some planes of a run. */
struct GRADIENTS {
	_Alignas(SBN_STORE_LINE) REAL s0[PIECE_ELEMENTS], s1[PIECE_ELEMENTS];
	REAL mean_hi[PIECE_ELEMENTS], scale[PIECE_ELEMENTS], shift[PIECE_ELEMENTS];
	struct w16 lanes0[PIECE_CHANNELS], lanes1[PIECE_CHANNELS]; /* of planes, of more rows */
	size_t channel, n_channels;                                /* the run's */
	size_t begin;   /* element; where the line begins in which the first plane's begins */
	size_t skipped; /* which are another plane's */
};

/* The planes of channels c..c+n_channels-1, and what is added to; all of one call. */
struct GRADIENT_RUN {
	const struct sbn_operands *at;
	const struct sbn_coefficients *k;
	size_t n, spatial, c, n_channels;
	struct sbn_pair *sums;
};

/* Of 16 positions: sums of g and of g * (x - mean_hi). */
struct GRADIENT {
	struct VECTOR s0, s1;
};

/*
 * Each channel's number at all of its positions, the first one's before, the last one's behind, to
 * the last step's end: what is computed there is not used, but raises no exceptions either.
 */
SBN_FORCE_INLINE void
T(spread_channels)(REAL *to, const void *array, size_t c, const struct GRADIENTS *piece,
		   size_t spatial)
{
	const REAL *from = (const REAL *)array + c + piece->channel;
	size_t i = 0, end = piece->skipped;

	for (size_t channel = 0; channel < piece->n_channels; channel++) {
		const struct VECTOR v = V(set1)(from[channel]);

		end += spatial;
		for (; i < end; i += SBN_LANES)
			V(store)(to + i, v);
		if (channel + 1 < piece->n_channels)
			i = end;
	}
	for (const size_t last = i + STEP; i < last; i += SBN_LANES)
		V(store)(to + i, V(set1)(from[piece->n_channels - 1]));
}

SBN_FORCE_INLINE size_t
T(element_in_line)(const struct GRADIENT_RUN *run, size_t i)
{
	return (uintptr_t)T(in)(run->at->x, 0, i) % SBN_STORE_LINE / sizeof(ELEMENT);
}

/* From a channel on. */
SBN_FORCE_INLINE void
T(enter_gradients)(struct GRADIENTS *piece, const struct GRADIENT_RUN *run, size_t channel,
		   int form)
{
	const size_t most = (PIECE_ELEMENTS - 6 * SBN_LANES) / run->spatial;
	const size_t first = channel * run->spatial;

	piece->channel = channel;
	piece->n_channels =
		SBN_MIN(SBN_MIN(most, (size_t)PIECE_CHANNELS), run->n_channels - channel);
	piece->skipped = SBN_MIN(T(element_in_line)(run, first), first);
	piece->begin = first - piece->skipped;
	T(spread_channels)(piece->mean_hi, run->k->mean_hi, run->c, piece, run->spatial);
	if (!(form & SBN_FORM_ACT) || form & SBN_FORM_X_IS_Y)
		return;
	T(spread_channels)(piece->scale, run->k->scale, run->c, piece, run->spatial);
	T(spread_channels)(piece->shift, run->k->shift, run->c, piece, run->spatial);
}

/* Of 16 positions from i on. */
SBN_FORCE_INLINE void
T(take_channels)(struct COEFFICIENTS *v, const struct GRADIENTS *piece, size_t i, int form)
{
	v->mean_hi = V(load)(piece->mean_hi + i);
	if (!(form & SBN_FORM_ACT) || form & SBN_FORM_X_IS_Y)
		return;
	v->scale = V(load)(piece->scale + i);
	v->shift = V(load)(piece->shift + i);
}

/* Adds n <= 16 elements of a row from i on. */
SBN_FORCE_INLINE void
T(add_gradient)(struct GRADIENT *to, const struct ROW *row, size_t i, size_t n,
		const struct COEFFICIENTS *v, int form)
{
	const struct VECTOR none = V(set1)(0), x = T(take)(row->x + i, n, v->mean_hi);
	const struct VECTOR dy = T(take)(row->dy + i, n, none);
	const struct VECTOR z = form & SBN_FORM_Z ? T(take)(row->z + i, n, none) : none;
	const struct BEFORE before = T(before)(x, z, v, form);
	const bool gated = form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y);
	const struct VECTOR g = gated ? V(through)(before.v, dy, v->leak) : dy;

	to->s0 = V(add)(to->s0, g);
	to->s1 = V(fma)(g, V(sub)(before.x, v->mean_hi), to->s1);
}

/* The same of rows row..end-1, n <= STEP elements from i on. */
SBN_FORCE_INLINE void
T(add_gradients)(const struct sbn_operands *at, size_t row, size_t end, size_t i, size_t n,
		 const struct COEFFICIENTS v[2], int form, struct GRADIENT *f, struct GRADIENT *g)
{
	f->s0 = f->s1 = g->s0 = g->s1 = V(set1)(0);
	for (; row < end; row++) {
		const struct ROW from = T(row_at)(at, row, i, form);

		T(fetch_row)(&from, 0, form);
		T(add_gradient)(f, &from, 0, SBN_MIN(n, (size_t)SBN_LANES), &v[0], form);
		if (n > SBN_LANES)
			T(add_gradient)(g, &from, SBN_LANES, n - SBN_LANES, &v[1], form);
	}
}

SBN_FORCE_INLINE void
T(put_gradient)(struct GRADIENTS *piece, size_t to, const struct GRADIENT *a,
		const struct GRADIENT *b)
{
	V(store)(piece->s0 + to, V(add)(a->s0, b->s0));
	V(store)(piece->s1 + to, V(add)(a->s1, b->s1));
}

/* n <= STEP elements from i on of up to 16 rows, row..end-1; v: what all channels have alike. */
SBN_FORCE_INLINE void
T(sum_gradients_at)(struct GRADIENTS *piece, const struct GRADIENT_RUN *run, size_t row, size_t end,
		    size_t i, size_t n, const struct COEFFICIENTS *v, int form)
{
	const size_t to = i - piece->begin, middle = SBN_MIN(row + GRADIENT_ROWS, end);
	struct COEFFICIENTS of[2] = { *v, *v };
	struct GRADIENT a, b, c, d;

	T(take_channels)(&of[0], piece, to, form);
	if (n > SBN_LANES)
		T(take_channels)(&of[1], piece, to + SBN_LANES, form);
	T(add_gradients)(run->at, row, middle, i, n, of, form, &a, &b);
	T(add_gradients)(run->at, middle, end, i, n, of, form, &c, &d);
	T(put_gradient)(piece, to, &a, &c);
	if (n > SBN_LANES)
		T(put_gradient)(piece, to + SBN_LANES, &b, &d);
}

/* All of the piece's positions; what is behind its end is another plane's. */
SBN_FORCE_INLINE void
T(sum_gradients)(struct GRADIENTS *piece, const struct GRADIENT_RUN *run, size_t row, size_t end,
		 const struct COEFFICIENTS *v, int form)
{
	const size_t total = run->n_channels * run->spatial;
	const size_t last = (piece->channel + piece->n_channels) * run->spatial;
	size_t i = piece->begin;

	for (; i < last && i + STEP <= total; i += STEP)
		T(sum_gradients_at)(piece, run, row, end, i, STEP, v, form);
	if (i < last)
		T(sum_gradients_at)(piece, run, row, end, i, total - i, v, form);
}

SBN_FORCE_INLINE struct w16
T(take_gradients)(const REAL *p, size_t n)
{
	return V_WIDEN(n == SBN_LANES ? V(load)(p) : V(load_n)(p, n, V(set1)(0)));
}

/* Adds a plane's positions to its lanes, or to zeros. */
SBN_FORCE_INLINE void
T(lanes_of_gradients)(const struct GRADIENTS *piece, size_t i, size_t spatial, bool is_first,
		      struct w16 *s0, struct w16 *s1)
{
	const REAL *p0 = piece->s0 + piece->skipped + i * spatial;
	const REAL *p1 = piece->s1 + piece->skipped + i * spatial;
	size_t j = 0;

	*s0 = is_first ? w16_set1(0) : piece->lanes0[i];
	*s1 = is_first ? w16_set1(0) : piece->lanes1[i];
	for (; j + SBN_LANES <= spatial; j += SBN_LANES) {
		*s0 = w16_add(*s0, T(take_gradients)(p0 + j, SBN_LANES));
		*s1 = w16_add(*s1, T(take_gradients)(p1 + j, SBN_LANES));
	}
	if (j < spatial) {
		*s0 = w16_add(*s0, T(take_gradients)(p0 + j, spatial - j));
		*s1 = w16_add(*s1, T(take_gradients)(p1 + j, spatial - j));
	}
}

SBN_FORCE_INLINE void
T(keep_lanes)(struct GRADIENTS *piece, size_t spatial, bool is_first)
{
	for (size_t i = 0; i < piece->n_channels; i++)
		T(lanes_of_gradients)
	(piece, i, spatial, is_first, &piece->lanes0[i], &piece->lanes1[i]);
}

/* Of a block whose sums will not do: as those of longer rows, in double. */
SBN_RARELY static void
T(gradients_again)(const struct GRADIENT_RUN *run, size_t channel, const struct sbn_block *block,
		   int form, double sums[2])
{
	const size_t i = channel * run->spatial;
	struct COEFFICIENTS v = { 0 };
	struct sbn_operands at;

	sbn_set_operands(&at, run->at);
	at.x.data = T(in)(at.x, 0, i);
	at.dy.data = T(in)(at.dy, 0, i);
	if (form & SBN_FORM_Z)
		at.z.data = T(in)(at.z, 0, i);
	T(load_sums)(&v, run->k, run->c + channel, 0, form);
	sums[0] = sums[1] = 0;
	T(block_sums)(&at, block, &v, form, sums);
}

/* What mean_hi + mean_lo has beyond mean_hi; of float64 a low part is lost in that sum. */
SBN_FORCE_INLINE double
T(beyond_mean_hi)(const struct sbn_coefficients *k, size_t c)
{
	const double mean_hi = (double)((const REAL *)k->mean_hi)[c];

	return mean_hi + (double)((const REAL *)k->mean_lo)[c] - mean_hi;
}

/* Adds the block's sums to those of the piece's planes. */
SBN_FORCE_INLINE void
T(end_gradients)(const struct GRADIENTS *piece, const struct GRADIENT_RUN *run,
		 const struct sbn_block *block, bool is_first, int form)
{
	for (size_t i = 0; i < piece->n_channels; i++) {
		const size_t channel = piece->channel + i;
		struct w16 s0, s1;
		double sums[2];

		T(lanes_of_gradients)(piece, i, run->spatial, is_first, &s0, &s1);
		T(fold_two)(s0, s1, sums);
		if (sbn_gradients_fit(sums, IS_WIDE))
			sums[1] -= T(beyond_mean_hi)(run->k, run->c + channel) * sums[0];
		else
			T(gradients_again)(run, channel, block, form, sums);
		run->sums[channel].a += sums[0];
		run->sums[channel].b += sums[1];
	}
}

/* A block of rows, a piece of which is done; `first` is its first row. */
SBN_FORCE_INLINE void
T(block_gradients)(struct GRADIENTS *piece, const struct GRADIENT_RUN *run, size_t first, size_t n,
		   const struct COEFFICIENTS *v, int form)
{
	const struct sbn_block block = { first, n, 0, run->spatial };
	const size_t rows = 2 * GRADIENT_ROWS, end = first + n;
	size_t row = first;

	for (; row + rows < end; row += rows) {
		T(sum_gradients)(piece, run, row, row + rows, v, form);
		T(keep_lanes)(piece, run->spatial, row == first);
	}
	T(sum_gradients)(piece, run, row, end, v, form);
	T(end_gradients)(piece, run, &block, row == first, form);
}

/* Adds the sums of all planes of a run, from element 0 of its rows on. */
SBN_FORCE_INLINE void
T(gradients_of_run)(const struct GRADIENT_RUN *run, int form)
{
	const size_t most = sbn_rows_of_block(run->spatial);
	struct COEFFICIENTS v = { 0 };
	struct GRADIENTS piece;

	T(load_gate)(&v, run->k, run->c, 0, form);
	for (size_t channel = 0; channel < run->n_channels; channel += piece.n_channels) {
		T(enter_gradients)(&piece, run, channel, form);
		for (size_t row = 0; row < run->n; row += most)
			T(block_gradients)
		(&piece, run, row, SBN_MIN(most, run->n - row), &v, form);
	}
}

#undef STEP
