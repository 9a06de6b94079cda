/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification in kernels.h once more, element by element and without a thought of speed: a
 * set of kernels to compare the others with.
 */
#ifndef SBN_TESTS_UNIT_KERNELS_REFERENCE_H
#define SBN_TESTS_UNIT_KERNELS_REFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/merge.h"

/* The elements of one block, in order. */
struct reference_block {
	size_t n;
	bool in_lanes; /* a plane's block: 16 sums and a fold; a channel of rows has one sum */
	float x[SBN_BLOCK], dy[SBN_BLOCK];
	size_t lane[SBN_BLOCK];
};

static inline void
reference_add(struct reference_block *block, float x, float dy, size_t lane)
{
	block->x[block->n] = x;
	block->dy[block->n] = dy;
	block->lane[block->n++] = lane;
}

static inline size_t
reference_block_number(const struct sbn_plane *plane, size_t row, size_t i)
{
	if (plane->spatial * SBN_BLOCK_ROWS < SBN_BLOCK)
		return row / SBN_BLOCK_ROWS;
	if (plane->spatial < SBN_BLOCK)
		return row / (SBN_BLOCK / plane->spatial);
	return row * ((plane->spatial + SBN_BLOCK - 1) / SBN_BLOCK) + i / SBN_BLOCK;
}

/* Block number `number`; false when the plane has none of that number. */
static inline bool
reference_cut(const float *x, const float *dy, const struct sbn_plane *plane, size_t number,
	      struct reference_block *block)
{
	block->n = 0;
	block->in_lanes = true;
	for (size_t row = 0; row < plane->n; row++) {
		for (size_t i = 0; i < plane->spatial; i++) {
			size_t at = row * plane->stride + i;

			if (reference_block_number(plane, row, i) == number)
				reference_add(block, x[at], dy[at], i % SBN_BLOCK % SBN_LANES);
		}
	}
	return block->n > 0;
}

static inline double
reference_fold(const struct reference_block *block, const float l[16])
{
	double a[8], b[4];

	if (!block->in_lanes)
		return (double)l[0];
	for (int i = 0; i < 8; i++)
		a[i] = (double)l[i] + (double)l[i + 8];
	for (int i = 0; i < 4; i++)
		b[i] = a[i] + a[i + 4];
	return (b[0] + b[2]) + (b[1] + b[3]);
}

static inline struct sbn_moments
reference_finish(double shift, double s1, double s2, size_t n)
{
	double count = (double)n;
	double m2 = s2 - s1 * s1 / count;

	return (struct sbn_moments){ count, shift + s1 / count, m2 < 0 ? 0 : m2 };
}

static inline struct sbn_moments
reference_moments_in_double(const struct reference_block *block)
{
	size_t head = block->n < 16 ? block->n : 16;
	double shift = 0, s1 = 0, s2 = 0;

	for (size_t i = 0; i < head; i++)
		shift += (double)block->x[i];
	shift /= (double)head;
	for (size_t i = 0; i < block->n; i++) {
		double d = (double)block->x[i] - shift;

		s1 += d;
		s2 += d * d;
	}
	return reference_finish(shift, s1, s2, block->n);
}

static inline struct sbn_moments
reference_block_moments(const struct reference_block *block)
{
	size_t head = block->n < 16 ? block->n : 16;
	float shift = 0, s1[16] = { 0 }, s2[16] = { 0 };
	double sum1, sum2;

	for (size_t i = 0; i < head; i++)
		shift += block->x[i];
	shift /= (float)head;
	for (size_t i = 0; i < block->n; i++) {
		size_t lane = block->lane[i];
		float d = block->x[i] - shift;

		s1[lane] += d;
		s2[lane] = fmaf(d, d, s2[lane]);
	}
	sum1 = reference_fold(block, s1);
	sum2 = reference_fold(block, s2);
	if (!isfinite(shift) || !isfinite(sum1) || !isfinite(sum2))
		return reference_moments_in_double(block);
	return reference_finish(shift, sum1, sum2, block->n);
}

static inline void
reference_block_sums(const struct reference_block *block, float mean_hi, float mean_lo,
		     double sums[2])
{
	float s0[16] = { 0 }, s1[16] = { 0 };

	for (size_t i = 0; i < block->n; i++) {
		size_t lane = block->lane[i];

		s0[lane] += block->dy[i];
		s1[lane] = fmaf(block->dy[i], (block->x[i] - mean_hi) - mean_lo, s1[lane]);
	}
	sums[0] = reference_fold(block, s0);
	sums[1] = reference_fold(block, s1);
	if (isfinite(sums[0]) && isfinite(sums[1]))
		return;
	sums[0] = sums[1] = 0;
	for (size_t i = 0; i < block->n; i++) {
		double d = ((double)block->x[i] - (double)mean_hi) - (double)mean_lo;

		sums[0] += (double)block->dy[i];
		sums[1] += (double)block->dy[i] * d;
	}
}

static inline void
reference_plane_moments(const float *x, const struct sbn_plane *plane, struct sbn_moments *out)
{
	struct reference_block block;

	*out = (struct sbn_moments){ 0, 0, 0 };
	for (size_t number = 0; reference_cut(x, x, plane, number, &block); number++) {
		struct sbn_moments moments = reference_block_moments(&block);

		sbn_moments_merge(out, &moments);
	}
}

static inline void
reference_plane_sums(const float *x, const float *dy, const struct sbn_plane *plane, float mean_hi,
		     float mean_lo, double sums[2])
{
	struct reference_block block;
	double part[2];

	sums[0] = sums[1] = 0;
	for (size_t number = 0; reference_cut(x, dy, plane, number, &block); number++) {
		reference_block_sums(&block, mean_hi, mean_lo, part);
		sums[0] += part[0];
		sums[1] += part[1];
	}
}

static inline float
reference_normalize(float x, const struct sbn_normalize *k)
{
	return fmaf((x - k->mean_hi) - k->mean_lo, k->scale, k->shift);
}

static inline float
reference_dx(float x, float dy, const struct sbn_backward *k)
{
	float d = (x - k->mean_hi) - k->mean_lo;

	return fmaf(-d, k->slope, (dy - k->dy_hi) - k->dy_lo) * k->scale;
}

static inline void
reference_plane_normalize(const float *x, float *y, const struct sbn_plane *plane,
			  const struct sbn_normalize *k)
{
	for (size_t row = 0; row < plane->n; row++) {
		for (size_t i = row * plane->stride; i < row * plane->stride + plane->spatial; i++)
			y[i] = reference_normalize(x[i], k);
	}
}

static inline void
reference_plane_dx(const float *x, const float *dy, float *dx, const struct sbn_plane *plane,
		   const struct sbn_backward *k)
{
	for (size_t row = 0; row < plane->n; row++) {
		for (size_t i = row * plane->stride; i < row * plane->stride + plane->spatial; i++)
			dx[i] = reference_dx(x[i], dy[i], k);
	}
}

static inline void
reference_column(const float *x, const float *dy, size_t n_rows, size_t stride,
		 struct reference_block *block)
{
	block->n = 0;
	block->in_lanes = false;
	for (size_t row = 0; row < n_rows; row++)
		reference_add(block, x[row * stride], dy[row * stride], 0);
}

static inline void
reference_rows_moments(const float *x, size_t n_rows, size_t stride, size_t n_channels,
		       double *mean, double *m2)
{
	struct reference_block block;

	for (size_t c = 0; c < n_channels; c++) {
		struct sbn_moments moments;

		reference_column(x + c, x + c, n_rows, stride, &block);
		moments = reference_block_moments(&block);
		mean[c] = moments.mean;
		m2[c] = moments.m2;
	}
}

static inline void
reference_rows_sums(const float *x, const float *dy, size_t n_rows, size_t stride,
		    size_t n_channels, const float *mean_hi, const float *mean_lo, double *sum_dy,
		    double *sum_dy_xmu)
{
	struct reference_block block;

	for (size_t c = 0; c < n_channels; c++) {
		double sums[2];

		reference_column(x + c, dy + c, n_rows, stride, &block);
		reference_block_sums(&block, mean_hi[c], mean_lo[c], sums);
		sum_dy[c] = sums[0];
		sum_dy_xmu[c] = sums[1];
	}
}

static inline void
reference_rows_normalize(const float *x, float *y, size_t n_rows, size_t stride, size_t n_channels,
			 const struct sbn_normalize_rows *k)
{
	for (size_t c = 0; c < n_channels; c++) {
		struct sbn_plane column = { n_rows, stride, 1 };
		struct sbn_normalize one = { k->mean_hi[c], k->mean_lo[c], k->scale[c],
					     k->shift[c] };

		reference_plane_normalize(x + c, y + c, &column, &one);
	}
}

static inline void
reference_rows_dx(const float *x, const float *dy, float *dx, size_t n_rows, size_t stride,
		  size_t n_channels, const struct sbn_backward_rows *k)
{
	for (size_t c = 0; c < n_channels; c++) {
		struct sbn_plane column = { n_rows, stride, 1 };
		struct sbn_backward one = { k->mean_hi[c], k->mean_lo[c], k->dy_hi[c],
					    k->dy_lo[c],   k->slope[c],   k->scale[c] };

		reference_plane_dx(x + c, dy + c, dx + c, &column, &one);
	}
}

static inline void
reference_sum_f32(float *const *dst, size_t n_dst, const float *const *src, size_t n_src,
		  size_t count, float divisor)
{
	for (size_t i = 0; i < count; i++) {
		float sum = src[0][i];

		for (size_t s = 1; s < n_src; s++)
			sum += src[s][i];
		for (size_t d = 0; d < n_dst; d++)
			dst[d][i] = sum / divisor;
	}
}

static inline void
reference_sum_f64(double *const *dst, size_t n_dst, const double *const *src, size_t n_src,
		  size_t count, double divisor)
{
	for (size_t i = 0; i < count; i++) {
		double sum = src[0][i];

		for (size_t s = 1; s < n_src; s++)
			sum += src[s][i];
		for (size_t d = 0; d < n_dst; d++)
			dst[d][i] = sum / divisor;
	}
}

static const struct sbn_kernels reference_kernels = {
	.name = "reference",
	.plane_moments = reference_plane_moments,
	.plane_normalize = reference_plane_normalize,
	.plane_sums = reference_plane_sums,
	.plane_dx = reference_plane_dx,
	.rows_moments = reference_rows_moments,
	.rows_normalize = reference_rows_normalize,
	.rows_sums = reference_rows_sums,
	.rows_dx = reference_rows_dx,
	.sum_f32 = reference_sum_f32,
	.sum_f64 = reference_sum_f64,
};

#endif
