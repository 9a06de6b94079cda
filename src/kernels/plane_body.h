/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of a plane, for the vocabulary that was included before. A tail's unused lanes hold
 * what makes their share of every sum an exact zero.
 */
#ifndef SBN_KERNELS_PLANE_BODY_H
#define SBN_KERNELS_PLANE_BODY_H

#include <math.h>

#include "kernels/block.h"
#include "kernels/formulas.h"
#include "kernels/merge.h"

static double
fold(struct v16 v)
{
	float lanes[SBN_LANES];

	v16_store(lanes, v);
	return sbn_fold(lanes);
}

static struct sbn_moments
block_moments(const float *x, const struct sbn_plane *block)
{
	const float shift = sbn_block_shift(x, block);
	const struct v16 vshift = v16_set1(shift);
	struct v16 s1 = v16_set1(0), s2 = v16_set1(0);
	double sum1, sum2;

	for (size_t row = 0; row < block->n; row++) {
		const float *p = x + row * block->stride, *end = p + block->spatial;

		for (; end - p >= SBN_LANES; p += SBN_LANES)
			moments_step(v16_load(p), vshift, &s1, &s2);
		if (p < end)
			moments_step(v16_load_n(p, (size_t)(end - p), vshift), vshift, &s1, &s2);
	}
	sum1 = fold(s1);
	sum2 = fold(s2);
	if (!isfinite(shift) || !isfinite(sum1) || !isfinite(sum2))
		return sbn_exact_moments(x, block);
	return sbn_moments_of_sums(shift, sum1, sum2, (double)(block->n * block->spatial));
}

static void
plane_moments(const float *x, const struct sbn_plane *plane, struct sbn_moments *out)
{
	struct sbn_blocks blocks = sbn_blocks_begin(plane);
	struct sbn_moments sum = { 0 };
	struct sbn_plane block;
	size_t offset;

	while (sbn_blocks_next(&blocks, plane, &block, &offset)) {
		struct sbn_moments moments = block_moments(x + offset, &block);

		sbn_moments_merge(&sum, &moments);
	}
	*out = sum;
}

static void
block_sums(const float *x, const float *dy, const struct sbn_plane *block, float mean_hi,
	   float mean_lo, double sums[2])
{
	const struct v16 hi = v16_set1(mean_hi), lo = v16_set1(mean_lo), zero = v16_set1(0);
	struct v16 s0 = zero, s1 = zero;

	for (size_t row = 0; row < block->n; row++) {
		const float *p = x + row * block->stride, *q = dy + row * block->stride;
		const float *end = p + block->spatial;

		for (; end - p >= SBN_LANES; p += SBN_LANES, q += SBN_LANES)
			sums_step(v16_load(p), v16_load(q), hi, lo, &s0, &s1);
		if (p < end)
			sums_step(v16_load_n(p, (size_t)(end - p), hi),
				  v16_load_n(q, (size_t)(end - p), zero), hi, lo, &s0, &s1);
	}
	sums[0] = fold(s0);
	sums[1] = fold(s1);
	if (!isfinite(sums[0]) || !isfinite(sums[1]))
		sbn_exact_sums(x, dy, block, mean_hi, mean_lo, sums);
}

static void
plane_sums(const float *x, const float *dy, const struct sbn_plane *plane, float mean_hi,
	   float mean_lo, double sums[2])
{
	struct sbn_blocks blocks = sbn_blocks_begin(plane);
	struct sbn_plane block;
	size_t offset;

	sums[0] = sums[1] = 0;
	while (sbn_blocks_next(&blocks, plane, &block, &offset)) {
		double part[2];

		block_sums(x + offset, dy + offset, &block, mean_hi, mean_lo, part);
		sums[0] += part[0];
		sums[1] += part[1];
	}
}

SBN_FORCE_INLINE void
normalize_row(const float *x, float *y, size_t n, const struct v16_normalize *k)
{
	size_t i = 0;

	for (; i + 2 * SBN_LANES <= n; i += 2 * SBN_LANES) {
		struct v16 a = normalize_step(v16_load(x + i), k);
		struct v16 b = normalize_step(v16_load(x + i + SBN_LANES), k);

		v16_store(y + i, a);
		v16_store(y + i + SBN_LANES, b);
	}
	if (i + SBN_LANES <= n) {
		v16_store(y + i, normalize_step(v16_load(x + i), k));
		i += SBN_LANES;
	}
	if (i < n)
		v16_store_n(y + i, n - i, normalize_step(v16_load_n(x + i, n - i, k->mean_hi), k));
}

static void
plane_normalize(const float *x, float *y, const struct sbn_plane *plane,
		const struct sbn_normalize *k)
{
	const struct v16_normalize v = {
		.mean_hi = v16_set1(k->mean_hi),
		.mean_lo = v16_set1(k->mean_lo),
		.scale = v16_set1(k->scale),
		.shift = v16_set1(k->shift),
	};

	for (size_t row = 0; row < plane->n; row++)
		normalize_row(x + row * plane->stride, y + row * plane->stride, plane->spatial, &v);
}

SBN_FORCE_INLINE void
dx_row(const float *x, const float *dy, float *dx, size_t n, const struct v16_backward *k)
{
	size_t i = 0;

	for (; i + 2 * SBN_LANES <= n; i += 2 * SBN_LANES) {
		struct v16 a = backward_step(v16_load(x + i), v16_load(dy + i), k);
		struct v16 b =
			backward_step(v16_load(x + i + SBN_LANES), v16_load(dy + i + SBN_LANES), k);

		v16_store(dx + i, a);
		v16_store(dx + i + SBN_LANES, b);
	}
	if (i + SBN_LANES <= n) {
		v16_store(dx + i, backward_step(v16_load(x + i), v16_load(dy + i), k));
		i += SBN_LANES;
	}
	if (i < n)
		v16_store_n(dx + i, n - i,
			    backward_step(v16_load_n(x + i, n - i, k->mean_hi),
					  v16_load_n(dy + i, n - i, k->dy_hi), k));
}

static void
plane_dx(const float *x, const float *dy, float *dx, const struct sbn_plane *plane,
	 const struct sbn_backward *k)
{
	const struct v16_backward v = {
		.mean_hi = v16_set1(k->mean_hi),
		.mean_lo = v16_set1(k->mean_lo),
		.dy_hi = v16_set1(k->dy_hi),
		.dy_lo = v16_set1(k->dy_lo),
		.slope = v16_set1(k->slope),
		.scale = v16_set1(k->scale),
	};

	for (size_t row = 0; row < plane->n; row++) {
		size_t at = row * plane->stride;

		dx_row(x + at, dy + at, dx + at, plane->spatial, &v);
	}
}

#endif
