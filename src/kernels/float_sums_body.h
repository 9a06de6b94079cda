/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums about 0 in float, of elements that have 8 digits, bfloat16's: a lane adds at most
 * FLOAT_STEPS of them, and of their squares, which are exact. Then neighbours' sums are added, or,
 * of short rows (positions_body.h), those of other rows, and go on as doubles: conversions of each
 * element cost more than all else.
 *
 * What that loses is little beside m2 itself, wherever the mean lies. Let M < 2^(e+1) be the
 * largest of the 16 elements whose squares come together. Their sum is less than 2^(2e+6), so it
 * has no digits below 2^(2e-18), and the squares of those from 2^(e-2) on have none there either:
 * unless another element is less than M / 4, and is not 0, nothing is rounded. If one is, these two
 * alone put (M * 3/4)^2 / 2 = 0.28 M^2 into m2, and what is rounded are two sums of up to 2 .. 8
 * M^2, and one of 16: 86 M^2 / 2^24, less than 2^-15.7 of that. In the same way nothing of a sum of
 * the elements is rounded unless one is below M / 2^12; then it is 86 M / 2^24 at most, and its
 * share of s1^2 / count less than 2^-16 of these two's share of m2. These are bounds: of random
 * numbers it is some 4e-8 altogether. The mean is off by 6e-6 deviations at most: by 86 M / 2^24 of
 * 16 elements' sum, of which two alone put 0.28 M^2 into m2. (Squares of float16 have 22 digits,
 * and sums of them lose more.)
 */
#ifndef SBN_KERNELS_FLOAT_SUMS_BODY_H
#define SBN_KERNELS_FLOAT_SUMS_BODY_H

#include "kernels/block.h"

enum {
	FLOAT_STEPS = 8, /* of 32 elements, or of a row's last ones */
	FLOAT_ELEMENTS = FLOAT_STEPS * 2 * SBN_LANES
};

/* Of how many rows a lane's float takes elements. */
static inline size_t
sbn_float_rows(size_t spatial)
{
	const size_t steps = (spatial + 2 * SBN_LANES - 1) / (2 * SBN_LANES);

	return steps >= FLOAT_STEPS ? 1 : FLOAT_STEPS / SBN_MAX(steps, (size_t)1);
}

#endif

/* Of 32 lanes, in the order of T(load_two). */
struct FLOATS {
	struct TWO s1, s2;
};

SBN_FORCE_INLINE void
T(clear_floats)(struct FLOATS *f)
{
	const struct VECTOR none = V(set1)(0);

	f->s1.a = f->s1.b = f->s2.a = f->s2.b = none;
}

SBN_FORCE_INLINE void
T(add_floats)(struct TWO x, struct FLOATS *f)
{
	f->s1.a = V(add)(f->s1.a, x.a);
	f->s1.b = V(add)(f->s1.b, x.b);
	f->s2.a = V(fma)(x.a, x.a, f->s2.a);
	f->s2.b = V(fma)(x.b, x.b, f->s2.b);
}

/* n elements of a row from i on, at most FLOAT_ELEMENTS. */
SBN_FORCE_INLINE void
T(row_floats)(const struct ROW *row, size_t i, size_t n, struct FLOATS *f)
{
	const size_t whole = n / (2 * SBN_LANES) * (2 * SBN_LANES);

	for (size_t j = 0; j < whole; j += 2 * SBN_LANES) {
		T(fetch_row)(row, i + j, 0);
		T(add_floats)(T(load_addends)(row->x + i + j), f);
	}
	if (whole < n) {
		T(fetch_row)(row, i + whole, 0);
		T(add_floats)(T(load_two_n)(row->x + i + whole, n - whole), f);
	}
}

/* To the doubles; begins anew. */
SBN_FORCE_INLINE void
T(widen_floats)(struct FLOATS *f, struct w16 *s1, struct w16 *s2)
{
	*s1 = w16_add(*s1, V_WIDEN(T(pairs_of_two)(f->s1)));
	*s2 = w16_add(*s2, V_WIDEN(T(pairs_of_two)(f->s2)));
	T(clear_floats)(f);
}

/* As T(block_powers) with a shift of 0. */
SBN_FORCE_INLINE void
T(block_floats)(const struct sbn_operands *at, const struct sbn_block *block, double sums[2],
		struct WALK *beside)
{
	const size_t most = sbn_float_rows(block->spatial), end = block->row + block->n;
	struct w16 s1 = w16_set1(0), s2 = s1;
	struct FLOATS floats;
	size_t left = most;

	T(clear_floats)(&floats);
	for (size_t row = block->row; row < end; row++) {
		struct ROW from = T(row_at)(at, row, block->column, 0);

		left--;
		for (size_t i = 0; i < block->spatial; i += FLOAT_ELEMENTS) {
			const size_t n = SBN_MIN(block->spatial - i, (size_t)FLOAT_ELEMENTS);

			T(row_floats)(&from, i, n, &floats);
			if (left == 0)
				T(widen_floats)(&floats, &s1, &s2);
			if (beside != NULL)
				T(walk_beside)(beside, n);
		}
		left = left == 0 ? most : left;
	}
	T(widen_floats)(&floats, &s1, &s2);
	sums[0] = T(fold)(s1);
	sums[1] = T(fold)(s2);
}

/* Of sums that are 0 because all squares are: whether the elements are, too. */
static inline bool
T(block_is_zero)(const struct sbn_operands *at, const struct sbn_block *block)
{
	const struct VECTOR none = V(set1)(0), large = V(set1)((REAL)0x1p64);
	struct VECTOR sum = none; /* of squares that are not 0 */

	for (size_t row = block->row; row < block->row + block->n; row++) {
		const ELEMENT *p = T(in)(at->x, row, block->column);

		for (size_t i = 0; i < block->spatial; i += SBN_LANES) {
			const size_t n = SBN_MIN(block->spatial - i, (size_t)SBN_LANES);
			struct VECTOR x = V(mul)(T(take)(p + i, n, none), large);

			sum = V(fma)(x, x, sum);
		}
	}
	return T(fold)(V_WIDEN(sum)) == 0;
}
