/* SPDX-License-Identifier: Apache-2.0 */
/* The coefficients of a strip's steps, which may be of several channels, spread out. */
#ifndef SBN_KERNELS_SPREAD_BODY_H
#define SBN_KERNELS_SPREAD_BODY_H

#include "kernels/block.h"

enum {
	/* of each coefficient backward, twice as many forward; they stay in the innermost cache */
	STRIP_ELEMENTS = 32 * SBN_LANES,
	STRIP_STEPS = 256 /* at most */
};

#endif

#define STEP T(strip_step)

enum { STEP = (IS_HALF ? 2 : 1) * SBN_LANES };

/*
 * A step's coefficients, of STEP elements each, 32 of them in the order of T(load_two): one pointer
 * for all.
 */
enum {
	T(spread_mean_hi),
	T(spread_scale) = STEP,
	T(spread_shift) = 2 * STEP,
	T(spread_dy_hi) = 3 * STEP,
	T(spread_dy_lo) = 4 * STEP,
	T(spread_slope) = 5 * STEP,
	T(spread_forward) = 3 * STEP,
	T(spread_backward) = 6 * STEP,
	T(spread_size) = STRIP_ELEMENTS * 6
};

/* A strip's: a step's for a plane's inner steps, and a step's for each across its end. */
struct SPREAD {
	_Alignas(SBN_STORE_LINE) REAL steps[T(spread_size)];
	uint16_t at[STRIP_STEPS]; /* of each step, where they are */
};

SBN_FORCE_INLINE struct VECTOR
T(plain_set1)(const REAL *from)
{
	return T(plain_nans)(V(set1)(*from));
}

/* n <= 16 elements' coefficients: `left` of the first channel, and those of the ones behind it. */
SBN_FORCE_INLINE void
T(spread_few)(REAL *to, const REAL *from, size_t spatial, size_t left, size_t n)
{
	struct VECTOR v = T(plain_set1)(from);

	for (; left < n; left += spatial)
		v = V(blend)(left, v, T(plain_set1)(++from));
	V(store)(to, v);
}

/* Of 32 elements. */
SBN_FORCE_INLINE void
T(spread_two)(REAL *to, const REAL *from, size_t spatial, size_t left)
{
	struct TWO two;

	two.a = two.b = T(plain_set1)(from);
	for (; left < 2 * SBN_LANES; left += spatial)
		two = T(blend_two)(left, two, T(plain_set1)(++from));
	V(store)(to, two.a);
	V(store)(to + SBN_LANES, two.b);
}

SBN_FORCE_INLINE void
T(spread_array)(REAL *to, const void *array, size_t c, size_t spatial, size_t left, size_t n)
{
	const REAL *from = (const REAL *)array + c;

	if (n > SBN_LANES)
		T(spread_two)(to, from, spatial, left);
	else
		T(spread_few)(to, from, spatial, left, n);
}

/* Backward only an activation needs it. */
SBN_FORCE_INLINE bool
T(has_shift)(int form)
{
	return !(form & SBN_FORM_DY) || form & SBN_FORM_ACT;
}

SBN_FORCE_INLINE void
T(spread_step)(REAL *to, const struct sbn_coefficients *k, size_t c, size_t spatial, size_t left,
	       size_t n, int form)
{
	T(spread_array)(to + T(spread_mean_hi), k->mean_hi, c, spatial, left, n);
	T(spread_array)(to + T(spread_scale), k->scale, c, spatial, left, n);
	if (T(has_shift)(form))
		T(spread_array)(to + T(spread_shift), k->shift, c, spatial, left, n);
	if (!(form & SBN_FORM_DY))
		return;
	T(spread_array)(to + T(spread_dy_hi), k->dy_hi, c, spatial, left, n);
	T(spread_array)(to + T(spread_dy_lo), k->dy_lo, c, spatial, left, n);
	T(spread_array)(to + T(spread_slope), k->slope, c, spatial, left, n);
}

/* The coefficients of 16 elements; what is the same in all of them is there. */
SBN_FORCE_INLINE void
T(load_step)(struct COEFFICIENTS *v, const struct SPREAD *spread, size_t at, int form)
{
	const REAL *from = spread->steps + at;

	v->mean_hi = V(load)(from + T(spread_mean_hi));
	v->scale = V(load)(from + T(spread_scale));
	if (T(has_shift)(form))
		v->shift = V(load)(from + T(spread_shift));
	if (!(form & SBN_FORM_DY))
		return;
	v->dy_hi = V(load)(from + T(spread_dy_hi));
	v->dy_lo = V(load)(from + T(spread_dy_lo));
	v->slope = V(load)(from + T(spread_slope));
}

/*
 * Spreads the coefficients of the strip that begins at element i and ends at `whole` at the latest;
 * returns where it ends.
 */
SBN_RARELY static size_t
T(spread_strip)(struct SPREAD *spread, const struct sbn_coefficients *k, size_t c, size_t spatial,
		size_t i, size_t whole, int form)
{
	const size_t begin = i;
	const size_t size = form & SBN_FORM_DY ? T(spread_backward) : T(spread_forward);
	size_t plane = i / spatial, left = (plane + 1) * spatial - i;
	size_t to = 0, made = SIZE_MAX; /* the plane whose inner steps have a vector */

	for (; i < whole && i - begin < STRIP_STEPS * STEP; i += STEP) {
		if (left < STEP || made != plane) {
			if (to + size > T(spread_size))
				return i;
			T(spread_step)
			(spread->steps + to, k, c + plane, spatial, left, STEP, form);
			made = left < STEP ? SIZE_MAX : plane;
			to += size;
		}
		spread->at[(i - begin) / STEP] = (uint16_t)(to - size);
		for (; left <= STEP; left += spatial)
			plane++;
		left -= STEP;
	}
	return i;
}

#undef STEP
