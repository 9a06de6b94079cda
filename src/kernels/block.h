/* SPDX-License-Identifier: Apache-2.0 */
/* What all instruction sets share: the edges of a plane's blocks, a block's double arithmetic. */
#ifndef SBN_KERNELS_BLOCK_H
#define SBN_KERNELS_BLOCK_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/math.h"
#include "kernels/kernels.h"

/* 16 is gcc's 0 for a CPU that has arithmetic of half floats */
#if defined(__FAST_MATH__) || (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16)
#error "equal bits on every machine need IEEE floats: no -ffast-math, no x87 (-msse2 -mfpmath=sse)"
#endif

/* Where a walk over a plane's blocks stands. */
struct sbn_blocks {
	size_t block_rows; /* whole rows of a block; 0: a row is cut into blocks */
	size_t row, column;
};

static inline struct sbn_blocks
sbn_blocks_begin(const struct sbn_plane *plane)
{
	struct sbn_blocks at = { 0 };

	if (plane->spatial == 0)
		at.row = plane->n;
	else if (plane->spatial < SBN_BLOCK)
		at.block_rows = SBN_MIN(SBN_BLOCK / plane->spatial, (size_t)SBN_BLOCK_ROWS);
	return at;
}

/* The next block is a plane of its own, *offset elements into the plane; false after the last. */
static inline bool
sbn_blocks_next(struct sbn_blocks *at, const struct sbn_plane *plane, struct sbn_plane *block,
		size_t *offset)
{
	if (at->row == plane->n)
		return false;
	*block = *plane;
	*offset = at->row * plane->stride + at->column;
	if (at->block_rows > 0) {
		block->n = SBN_MIN(at->block_rows, plane->n - at->row);
		at->row += block->n;
		return true;
	}
	block->n = 1;
	block->spatial = SBN_MIN((size_t)SBN_BLOCK, plane->spatial - at->column);
	at->column += block->spatial;
	if (at->column == plane->spatial) {
		at->column = 0;
		at->row++;
	}
	return true;
}

/* The float mean of the first 16 elements. The block has at least one. */
static inline float
sbn_block_shift(const float *x, const struct sbn_plane *block)
{
	float sum = 0;
	size_t taken = 0;

	for (size_t row = 0; row < block->n && taken < SBN_LANES; row++) {
		const float *p = x + row * block->stride;
		size_t n = SBN_MIN(SBN_LANES - taken, block->spatial);

		for (size_t i = 0; i < n; i++)
			sum += p[i];
		taken += n;
	}
	return sum / (float)taken;
}

static inline double
sbn_fold(const float lanes[SBN_LANES])
{
	double sum[SBN_LANES / 2];

	for (int i = 0; i < SBN_LANES / 2; i++)
		sum[i] = (double)lanes[i] + lanes[i + SBN_LANES / 2];
	for (int half = SBN_LANES / 4; half > 0; half /= 2) {
		for (int i = 0; i < half; i++)
			sum[i] += sum[i + half];
	}
	return sum[0];
}

/* The moments of count numbers from the sums of their distances from shift and of the squares. */
static inline struct sbn_moments
sbn_moments_of_sums(double shift, double s1, double s2, double count)
{
	struct sbn_moments out = { .count = count };

	out.mean = shift + s1 / count;
	out.m2 = s2 - s1 * s1 / count;
	if (out.m2 < 0) /* a NaN stays */
		out.m2 = 0;
	return out;
}

/* A block in double, for where float overflows. Rows are a plane with a spatial size of 1. */
struct sbn_moments sbn_exact_moments(const float *x, const struct sbn_plane *block);
void sbn_exact_sums(const float *x, const float *dy, const struct sbn_plane *block, float mean_hi,
		    float mean_lo, double sums[2]);

#endif
