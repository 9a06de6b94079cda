/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of a plane. A tail's unused lanes hold what makes their share of every sum an exact
 * zero.
 */
#include "kernels/merge.h"

/* The mean of a block's head, which is shorter than 16 or in several rows. */
SBN_RARELY static REAL
T(block_shift_of_short)(struct sbn_in x, const struct sbn_block *block)
{
	double head[SBN_LANES] = { 0 }; /* gcc cannot follow that n_head of it are set */
	size_t taken = 0, n_head = sbn_head_of(block->n * block->spatial);

	for (size_t row = 0; row < block->n && taken < SBN_LANES; row++) {
		const ELEMENT *p = T(in)(x, block->row + row, block->column);
		size_t n = SBN_MIN(SBN_LANES - taken, block->spatial);

		w16_store_n(head + taken, n, V_WIDEN(T(load_n)(p, n, V(set1)(0))));
		taken += n;
	}
	for (size_t half = n_head / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			head[i] += head[i + half];
	return (REAL)(head[0] / (double)n_head);
}

/* The mean of a block's head. */
SBN_FORCE_INLINE REAL
T(block_shift)(struct sbn_in x, const struct sbn_block *block)
{
	const ELEMENT *p = T(in)(x, block->row, block->column);

	if (block->spatial < SBN_LANES)
		return T(block_shift_of_short)(x, block);
	return (REAL)(T(fold_mixed)(T(load_mixed)(p)) / SBN_LANES);
}

/* Of up to 16 elements; shift: NULL for 0. */
SBN_FORCE_INLINE void
T(step_moments)(const ELEMENT *p, size_t n, const struct SHIFT *shift, struct w16 *s1,
		struct w16 *s2)
{
	if (shift != NULL)
		T(mixed_moments_at)(p, n, shift, s1, s2);
	else
		T(powers_at)(p, n, s1, s2);
}

/* Of a row's n elements from i on. */
SBN_FORCE_INLINE void
T(row_moments_at)(const struct ROW *from, size_t i, size_t n, const struct SHIFT *shift,
		  struct w16 *s1, struct w16 *s2)
{
	T(step_moments)(from->x + i, n, shift, s1, s2);
}

/*
 * The end of a row: lanes that have no elements need not be computed, for what they would add is
 * an exact zero, or a NaN where there is one already.
 */
SBN_FORCE_INLINE void
T(powers_of_tail)(const struct ROW *row, size_t i, size_t n, const struct SHIFT *shift,
		  struct w16 *s1, struct w16 *s2)
{
	struct w16 t1 = *s1, t2 = *s2;

	if (T(tail_is_first)(n)) { /* a copy of its own, of which a compiler leaves the rest out */
		T(row_moments_at)(row, i, n, shift, &t1, &t2);
		*s1 = w16_first_part(t1, *s1);
		*s2 = w16_first_part(t2, *s2);
		return;
	}
	T(row_moments_at)(row, i, n, shift, &t1, &t2);
	*s1 = T(tail_is_low)(n) ? w16_halves(t1, *s1) : t1;
	*s2 = T(tail_is_low)(n) ? w16_halves(t2, *s2) : t2;
}

/* Adds a row's elements from i on: `whole` in steps, and then `rest`. */
SBN_FORCE_INLINE void
T(part_powers)(const struct ROW *from, size_t i, size_t whole, size_t rest,
	       const struct SHIFT *shift, struct w16 *s1, struct w16 *s2)
{
	const size_t end = i + whole;

	for (; i < end; i += SBN_LANES) {
		T(fetch_row)(from, i, 0);
		T(row_moments_at)(from, i, SBN_LANES, shift, s1, s2);
	}
	if (rest != 0) {
		T(fetch_row)(from, end, 0);
		T(powers_of_tail)(from, end, rest, shift, s1, s2);
	}
}

/* n elements of a row's part from i on; shift: NULL for 0. */
SBN_FORCE_INLINE void
T(row_part_moments)(const struct ROW *from, size_t i, size_t n, const struct SHIFT *shift,
		    struct w16 *s1, struct w16 *s2)
{
	const size_t end = i + n;

	for (; IS_HALF && i + 2 * SBN_LANES <= end; i += 2 * SBN_LANES) {
		T(fetch_row)(from, i, 0);
		T(row_moments_at)(from, i, SBN_LANES, shift, s1, s2);
		T(row_moments_at)(from, i + SBN_LANES, SBN_LANES, shift, s1, s2);
	}
	for (; i + SBN_LANES <= end; i += SBN_LANES) {
		T(fetch_row)(from, i, 0);
		T(row_moments_at)(from, i, SBN_LANES, shift, s1, s2);
	}
	if (i < end) {
		T(fetch_row)(from, i, 0);
		T(row_moments_at)(from, i, end - i, shift, s1, s2);
	}
}

/* Elements 0 .. n-1; beside: a walk that goes on meanwhile, or NULL. */
SBN_FORCE_INLINE void
T(row_moments)(const struct ROW *from, size_t n, const struct SHIFT *shift, struct w16 *s1,
	       struct w16 *s2, struct WALK *beside)
{
	for (size_t i = 0; i < n; i += TURN) {
		const size_t turn = SBN_MIN(n - i, TURN);

		T(row_part_moments)(from, i, turn, shift, s1, s2);
		if (beside != NULL)
			T(walk_beside)(beside, turn);
	}
}

/* sums[0] of the distances from shift, sums[1] of their squares */
SBN_FORCE_INLINE void
T(block_powers)(const struct sbn_operands *at, const struct sbn_block *block,
		const struct SHIFT *shift, double sums[2], struct WALK *beside)
{
	struct w16 s1 = w16_set1(0), s2 = s1;

	for (size_t row = block->row; row < block->row + block->n; row++) {
		struct ROW from = T(row_at)(at, row, block->column, 0);

		T(row_moments)(&from, block->spatial, shift, &s1, &s2, beside);
	}
	sums[0] = T(fold_mixed)(s1);
	sums[1] = T(fold_mixed)(s2);
}

SBN_FORCE_INLINE struct sbn_moments
T(block_moments_shifted)(const struct sbn_operands *at, const struct sbn_block *block,
			 struct WALK *beside)
{
	const REAL about = T(block_shift)(at->x, block);
	const struct SHIFT shift = T(shift_of)(V(set1)(about));
	double sums[2];

	T(block_powers)(at, block, &shift, sums, beside);
	return sbn_moments_of_sums((double)about, sums[0], sums[1],
				   (double)(block->n * block->spatial), IS_WIDE);
}

/* Of a block whose sums about 0 will not do: it is in the cache now. */
SBN_RARELY static struct sbn_moments
T(block_moments_again)(const struct sbn_operands *at, const struct sbn_block *block)
{
	return T(block_moments_shifted)(at, block, NULL);
}

/* The same where the sums were made of floats; squares: their sum. */
SBN_RARELY static struct sbn_moments
T(float_moments_again)(const struct sbn_operands *at, const struct sbn_block *block, double squares)
{
	if (squares == 0 && T(block_is_zero)(at, block))
		return (struct sbn_moments){ .count = (double)(block->n * block->spatial) };
	return T(block_moments_shifted)(at, block, NULL);
}

/* Of a block's sums about 0, unless they will not do. */
SBN_FORCE_INLINE struct sbn_moments
T(moments_of_powers)(const struct sbn_operands *at, const struct sbn_block *block,
		     const double sums[2])
{
	const double count = (double)(block->n * block->spatial);
	const struct sbn_moments moments = sbn_moments_of_sums(0, sums[0], sums[1], count, false);
	const bool cancel = sbn_moments_cancel(moments.m2, sums[1]);

	if (HAS_FLOAT_SUMS && (cancel || !sbn_squares_fit(sums[1])))
		return T(float_moments_again)(at, block, sums[1]);
	return cancel ? T(block_moments_again)(at, block) : moments;
}

SBN_FORCE_INLINE struct sbn_moments
T(block_moments)(const struct sbn_operands *at, const struct sbn_block *block, struct WALK *beside)
{
	double sums[2];

	if (IS_WIDE)
		return T(block_moments_shifted)(at, block, beside);
	if (HAS_FLOAT_SUMS)
		T(block_floats)(at, block, sums, beside);
	else
		T(block_powers)(at, block, NULL, sums, beside);
	return T(moments_of_powers)(at, block, sums);
}

/* What goes through an activation keeps the elements' order. */
SBN_FORCE_INLINE bool
T(sums_are_mixed)(int form)
{
	return !(form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y));
}

SBN_FORCE_INLINE void
T(plane_sums_at)(const struct ROW *from, size_t i, size_t n, const struct COEFFICIENTS *v, int form,
		 struct w16 *s0, struct w16 *s1)
{
	if (T(sums_are_mixed)(form))
		T(mixed_sums_at)(from, i, n, v, s0, s1);
	else
		T(sums_at)(from, i, n, v, form, s0, s1);
}

SBN_FORCE_INLINE void
T(row_sums)(const struct ROW *from, size_t n, const struct COEFFICIENTS *v, int form,
	    struct w16 *s0, struct w16 *s1)
{
	size_t i = 0;

	for (; IS_HALF && i + 2 * SBN_LANES <= n; i += 2 * SBN_LANES) {
		T(fetch_row)(from, i, form);
		T(plane_sums_at)(from, i, SBN_LANES, v, form, s0, s1);
		T(plane_sums_at)(from, i + SBN_LANES, SBN_LANES, v, form, s0, s1);
	}
	for (; i + SBN_LANES <= n; i += SBN_LANES) {
		T(fetch_row)(from, i, form);
		T(plane_sums_at)(from, i, SBN_LANES, v, form, s0, s1);
	}
	if (i < n) {
		T(fetch_row)(from, i, form);
		T(plane_sums_at)(from, i, n - i, v, form, s0, s1);
	}
}

SBN_FORCE_INLINE double
T(fold_sums)(struct w16 sum, int form)
{
	return T(sums_are_mixed)(form) ? T(fold_mixed)(sum) : T(fold)(sum);
}

/* Adds to sums. */
SBN_FORCE_INLINE void
T(block_sums)(const struct sbn_operands *at, const struct sbn_block *block,
	      const struct COEFFICIENTS *v, int form, double sums[2])
{
	struct w16 s0 = w16_set1(0), s1 = s0;

	for (size_t row = block->row; row < block->row + block->n; row++) {
		struct ROW from = T(row_at)(at, row, block->column, form);

		T(row_sums)(&from, block->spatial, v, form, &s0, &s1);
	}
	sums[0] += T(fold_sums)(s0, form);
	sums[1] += T(fold_sums)(s1, form);
}
