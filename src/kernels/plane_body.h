/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of a plane. A tail's unused lanes hold what makes their share of every sum an exact
 * zero.
 */
#include "kernels/merge.h"

/* By force: sums that are passed in memory would live there. */
SBN_FORCE_INLINE double
T(fold)(struct w16 v)
{
	double s[SBN_LANES];

	w16_store(s, v);
	for (int i = 0; i < SBN_LANES / 2; i++)
		s[i] += s[i + SBN_LANES / 2];
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* The mean of a block's head. */
static REAL
T(block_shift)(struct sbn_in x, const struct sbn_block *block)
{
	double head[SBN_LANES] = { 0 }; /* gcc cannot follow that n_head of it are set */
	size_t taken = 0, n_head = sbn_head_of(block->n * block->spatial);

	for (size_t row = 0; row < block->n && taken < SBN_LANES; row++) {
		const ELEMENT *p = T(in)(x, block->row + row, block->column);
		size_t n = SBN_MIN(SBN_LANES - taken, block->spatial);

		if (n == SBN_LANES) /* whole: a masked store is slow to be read again */
			w16_store(head, V_WIDEN(T(load)(p)));
		else
			w16_store_n(head + taken, n, V_WIDEN(T(load_n)(p, n, V(set1)(0))));
		taken += n;
	}
	for (size_t half = n_head / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			head[i] += head[i + half];
	return (REAL)(head[0] / (double)n_head);
}

static struct sbn_moments
T(block_moments)(const struct sbn_operands *at, const struct sbn_block *block)
{
	const REAL shift = T(block_shift)(at->x, block);
	const struct VECTOR vshift = V(set1)(shift);
	struct w16 s1 = w16_set1(0), s2 = s1;

	for (size_t row = 0; row < block->n; row++) {
		struct ROW from = T(row_at)(at, block->row + row, block->column, 0);
		size_t i = 0;

		T(set_fetch)(&from, &at->fetch, block->row + row, block->column);
		for (; i + SBN_LANES <= block->spatial; i += SBN_LANES) {
			T(fetch_row)(&from, i, 0);
			T(moments_at)(from.x + i, SBN_LANES, vshift, &s1, &s2);
		}
		if (i < block->spatial) {
			T(fetch_row)(&from, i, 0);
			T(moments_at)(from.x + i, block->spatial - i, vshift, &s1, &s2);
		}
	}
	return sbn_moments_of_sums((double)shift, T(fold)(s1), T(fold)(s2),
				   (double)(block->n * block->spatial));
}

static void
T(plane_moments)(const struct sbn_operands *operands, size_t n, size_t spatial,
		 struct sbn_moments *out)
{
	struct sbn_block block = sbn_blocks_begin();
	const struct sbn_operands at = *operands;
	struct sbn_moments sum = { 0 };

	while (sbn_blocks_next(&block, n, spatial)) {
		struct sbn_moments moments = T(block_moments)(&at, &block);

		sbn_moments_merge(&sum, &moments);
	}
	*out = sum;
}

SBN_FORCE_INLINE void
T(block_sums)(const struct sbn_operands *at, const struct sbn_block *block,
	      const struct sbn_coefficients *k, size_t c, int form, double sums[2])
{
	struct w16 s0 = w16_set1(0), s1 = s0;
	struct COEFFICIENTS v = { 0 };

	T(load_sums)(&v, k, c, 0, form);
	for (size_t row = 0; row < block->n; row++) {
		struct ROW from = T(row_at)(at, block->row + row, block->column, form);
		size_t i = 0;

		T(set_fetch)(&from, &at->fetch, block->row + row, block->column);
		for (; i + SBN_LANES <= block->spatial; i += SBN_LANES) {
			T(fetch_row)(&from, i, form);
			T(sums_at)(&from, i, SBN_LANES, &v, form, &s0, &s1);
		}
		if (i < block->spatial) {
			T(fetch_row)(&from, i, form);
			T(sums_at)(&from, i, block->spatial - i, &v, form, &s0, &s1);
		}
	}
	sums[0] = T(fold)(s0);
	sums[1] = T(fold)(s1);
}

SBN_FORCE_INLINE void
T(plane_sums_as)(const struct sbn_operands *at, size_t n, size_t spatial,
		 const struct sbn_coefficients *k, size_t c, double sums[2], int form)
{
	struct sbn_block block = sbn_blocks_begin();

	sums[0] = sums[1] = 0;
	while (sbn_blocks_next(&block, n, spatial)) {
		double part[2];

		T(block_sums)(at, &block, k, c, form, part);
		sums[0] += part[0];
		sums[1] += part[1];
	}
}

static void
T(plane_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
	      const struct sbn_coefficients *k, size_t c, double sums[2])
{
	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(plane_sums_as), at, n, spatial, k, c, sums);
}
