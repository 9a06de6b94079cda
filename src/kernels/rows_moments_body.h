/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of rows sum forward, and how far ahead they ask for rows that are summed. */
#ifndef SBN_KERNELS_ROWS_MOMENTS_BODY_H
#define SBN_KERNELS_ROWS_MOMENTS_BODY_H

#include "kernels/block.h"

/* Where the moments of a block's channels go. */
struct sbn_rows_out {
	double *mean, *m2, *low; /* low: of float64 only */
};

#endif

/* Of rows all of whose columns are gone through at once nothing is asked for: a CPU does it. */
SBN_FORCE_INLINE size_t
T(ahead_of_sums)(const struct sbn_operands *at, const struct sbn_block *group)
{
	const size_t part = group->spatial * sizeof(ELEMENT);
	const size_t least = at->dy.data != NULL ? ROWS_AHEAD : 2 * ROWS_AHEAD;
	const size_t rows = group->n - 1 + sbn_ceil_div(least, part);

	if (at->ahead != 0 || T(is_one_run)(at, group->spatial))
		return at->ahead;
	return rows * at->x.stride * sizeof(ELEMENT);
}

SBN_FORCE_INLINE void
T(shift_column)(const struct sbn_operands *at, const struct sbn_block *block, size_t c, size_t n,
		REAL *shift)
{
	const size_t n_head = sbn_head_of(sbn_rows_of(at, block->n));
	const struct VECTOR zero = V(set1)(0);
	struct w16 sum[SBN_LANES];
	double mean[SBN_LANES];

	for (size_t i = 0; i < n_head; i++) {
		const struct sbn_in x = T(image_of)(at, i / block->n).x;

		sum[i] = V_WIDEN(T(take)(T(in)(x, i % block->n, block->column + c), n, zero));
	}
	for (size_t half = n_head / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			sum[i] = w16_add(sum[i], sum[i + half]);
	w16_store(mean, sum[0]);
	for (size_t i = 0; i < SBN_LANES; i++)
		shift[c + i] = (REAL)(mean[i] / (double)n_head);
}

/*
 * n_columns columns from c on, n elements of each, about their shifts, or about 0. ask: what is
 * asked for meanwhile, as much as is read, or NULL.
 */
SBN_FORCE_INLINE void
T(moments_columns)(const struct sbn_operands *at, const struct sbn_block *group, size_t c,
		   size_t n_columns, size_t n, const ELEMENT *ask, struct ROWS_MOMENTS *sums,
		   bool shifted)
{
	const size_t ahead = ask == NULL ? 0 : T(ahead_of_sums)(at, group);
	const struct VECTOR zero = V(set1)(0);
	struct SHIFT shift[ROWS_COLUMNS];
	struct w16 s1[ROWS_COLUMNS], s2[ROWS_COLUMNS];

#pragma GCC unroll 4
	for (size_t j = 0; j < n_columns; j++) {
		const size_t i = c + j * SBN_LANES;

		shift[j] = T(shift_of)(shifted ? V(load)(sums->shift + i) : zero);
		s1[j] = w16_load(sums->s1 + i);
		s2[j] = w16_load(sums->s2 + i);
	}
	for (size_t row = group->row; row < group->row + group->n; row++) {
		const ELEMENT *p = T(in)(at->x, row, group->column + c);

#pragma GCC unroll 4
		for (size_t j = 0; j < n_columns; j++, p += SBN_LANES) {
			if (ahead != 0)
				T(fetch)(ask + j * SBN_LANES, ahead);
			if (shifted)
				T(moments_at)(p, n, &shift[j], &s1[j], &s2[j]);
			else
				T(add_powers)(T(take_wide)(p, n, zero), &s1[j], &s2[j]);
		}
		if (ask != NULL)
			ask += n_columns * SBN_LANES;
	}
#pragma GCC unroll 4
	for (size_t j = 0; j < n_columns; j++) {
		w16_store(sums->s1 + c + j * SBN_LANES, s1[j]);
		w16_store(sums->s2 + c + j * SBN_LANES, s2[j]);
	}
}

/*
 * Of each column all rows are read, and meanwhile as much of what comes is asked for row by row, in
 * the order of memory, which a CPU's prefetcher takes up.
 */
static void
T(moments_group)(const struct sbn_operands *at, const struct sbn_block *group,
		 struct ROWS_MOMENTS *sums)
{
	const ELEMENT *ask = T(in)(at->x, group->row, group->column);
	size_t c = 0, asked = 0;

	if (T(is_one_run)(at, group->spatial)) {
		T(moments_columns)(at, group, 0, ROWS_COLUMNS, SBN_LANES, ask, sums, IS_WIDE);
		return;
	}
	for (; c + SBN_LANES <= group->spatial; c += SBN_LANES) {
		T(moments_columns)(at, group, c, 1, SBN_LANES, ask + asked, sums, IS_WIDE);
		asked += group->n * SBN_LANES;
		if (asked >= group->spatial) {
			asked -= group->spatial;
			ask += at->x.stride;
		}
	}
	if (c < group->spatial)
		T(moments_columns)(at, group, c, 1, group->spatial - c, ask + asked, sums, IS_WIDE);
}

SBN_FORCE_INLINE void
T(put_column)(double *p, size_t n, struct w16 v)
{
	if (n == SBN_LANES)
		w16_store(p, v);
	else
		w16_store_n(p, n, v);
}

/* sbn_moments_of_sums for 16 channels, n of them real. */
SBN_FORCE_INLINE void
T(finish_column)(const struct ROWS_MOMENTS *sums, size_t c, size_t n, double n_rows, bool shifted,
		 const struct sbn_rows_out *out)
{
	const struct w16 count = w16_set1(n_rows), s1 = w16_load(sums->s1 + c);
	const struct w16 shift = shifted ? V_WIDEN(V(load)(sums->shift + c)) : w16_set1(0);
	const struct w16 rest = w16_div(s1, count), sum = w16_add(shift, rest);
	const struct w16 m = w16_sub(w16_load(sums->s2 + c), w16_div(w16_mul(s1, s1), count));
	const struct w16 of_rest = w16_sub(sum, shift);

	T(put_column)(out->mean + c, n, sum);
	T(put_column)(out->m2 + c, n, w16_through(m, m, w16_leak(0, false))); /* not below 0 */
	if (IS_WIDE)
		T(put_column)
	(out->low + c, n, w16_add(w16_sub(shift, w16_sub(sum, of_rest)), w16_sub(rest, of_rest)));
}

static bool
T(column_cancels)(const struct ROWS_MOMENTS *sums, size_t c, size_t n, const double *m2)
{
	bool cancels = false;

	for (size_t i = c; i < c + n; i++)
		cancels |= sbn_moments_cancel(m2[i], sums->s2[i]);
	return cancels;
}

/* Before anything is added: about what, and nothing. */
SBN_FORCE_INLINE void
T(begin_column)(const struct sbn_operands *at, const struct sbn_block *block, size_t c, size_t n,
		struct ROWS_MOMENTS *sums, bool shifted)
{
	if (shifted)
		T(shift_column)(at, block, c, n, sums->shift);
	w16_store(sums->s1 + c, w16_set1(0));
	w16_store(sums->s2 + c, w16_set1(0));
}

SBN_FORCE_INLINE void
T(moments_again)(const struct sbn_operands *at, const struct sbn_block *block, size_t c, size_t n,
		 struct ROWS_MOMENTS *sums)
{
	for (size_t i = 0; i <= at->more.n; i++) {
		const struct sbn_operands image = T(image_of)(at, i);

		T(moments_columns)(&image, block, c, 1, n, NULL, sums, true);
	}
}

/* Of channels of which some have cancelled about 0; the others' moments stay as they are. */
SBN_RARELY static void
T(column_again)(const struct sbn_operands *at, const struct sbn_block *block, size_t c, size_t n,
		struct ROWS_MOMENTS *sums, const struct sbn_rows_out *out)
{
	double mean[SBN_LANES], m2[SBN_LANES], s2[SBN_LANES];

	memcpy(s2, sums->s2 + c, n * sizeof(*s2));
	memcpy(mean, out->mean + c, n * sizeof(*mean));
	memcpy(m2, out->m2 + c, n * sizeof(*m2));
	T(begin_column)(at, block, c, n, sums, true);
	if (sbn_is_one_column(block))
		T(moments_of_column)(at, block->n, n, sums, true);
	else
		T(moments_again)(at, block, c, n, sums);
	T(finish_column)(sums, c, n, (double)sbn_rows_of(at, block->n), true, out);
	for (size_t i = 0; i < n; i++)
		if (!sbn_moments_cancel(m2[i], s2[i])) {
			out->mean[c + i] = mean[i];
			out->m2[c + i] = m2[i];
		}
}

/* 16 channels, n of them real, at whose sums all rows have been. */
SBN_FORCE_INLINE void
T(end_column)(const struct sbn_operands *at, const struct sbn_block *block, size_t c, size_t n,
	      struct ROWS_MOMENTS *sums, const struct sbn_rows_out *out)
{
	T(finish_column)(sums, c, n, (double)sbn_rows_of(at, block->n), IS_WIDE, out);
	if (!IS_WIDE && T(column_cancels)(sums, c, n, out->m2))
		T(column_again)(at, block, c, n, sums, out);
}

/* At most 16 channels. */
static void
T(moments_of_few)(const struct sbn_operands *at, const struct sbn_block *block,
		  const struct sbn_rows_out *out)
{
	struct ROWS_MOMENTS sums;

	T(begin_column)(at, block, 0, block->spatial, &sums, IS_WIDE);
	T(moments_of_column)(at, block->n, block->spatial, &sums, IS_WIDE);
	T(end_column)(at, block, 0, block->spatial, &sums, out);
}

/* At most ROWS_CHANNELS channels. */
static void
T(moments_of_rows)(const struct sbn_operands *at, const struct sbn_block *block,
		   const struct sbn_rows_out *out)
{
	const size_t step = T(group_rows)(at, block->n, block->spatial, ROWS_POWERS,
					  IS_HALF ? ROWS_HALF : ROWS_LEAST);
	const size_t whole = block->spatial / SBN_LANES * SBN_LANES, rest = block->spatial - whole;
	struct ROWS_MOMENTS sums;

	for (size_t c = 0; c < whole; c += SBN_LANES)
		T(begin_column)(at, block, c, SBN_LANES, &sums, IS_WIDE);
	if (rest != 0)
		T(begin_column)(at, block, whole, rest, &sums, IS_WIDE);
	for (size_t i = 0; i <= at->more.n; i++) {
		const struct sbn_operands image = T(image_of)(at, i);
		struct sbn_block group = *block;

		for (; group.row < block->n; group.row += step) {
			group.n = SBN_MIN(step, block->n - group.row);
			T(moments_group)(&image, &group, &sums);
		}
	}
	for (size_t c = 0; c < whole; c += SBN_LANES)
		T(end_column)(at, block, c, SBN_LANES, &sums, out);
	if (rest != 0)
		T(end_column)(at, block, whole, rest, &sums, out);
}

static void
T(rows_moments)(const struct sbn_operands *at, size_t n_rows, size_t n_channels, double *mean,
		double *m2, double *low)
{
	struct sbn_block block = { .n = n_rows };
	struct sbn_rows_out out;

	for (size_t c = 0; c < n_channels; c += ROWS_CHANNELS) {
		block.column = c;
		block.spatial = SBN_MIN((size_t)ROWS_CHANNELS, n_channels - c);
		out = (struct sbn_rows_out){ mean + c, m2 + c, IS_WIDE ? low + c : NULL };
		if (sbn_is_one_column(&block))
			T(moments_of_few)(at, &block, &out);
		else
			T(moments_of_rows)(at, &block, &out);
	}
}
