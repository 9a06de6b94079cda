/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of rows, for the vocabulary that was included before. They take a few rows at a
 * time and walk from channel to channel: whole cache lines are read in the order of memory, and a
 * column's coefficients and sums are loaded once for all rows of the group. A group, or a block,
 * of rows is a plane whose `spatial` is the number of channels.
 */
#ifndef SBN_KERNELS_ROWS_BODY_H
#define SBN_KERNELS_ROWS_BODY_H

#include <math.h>
#include <string.h>

#include "kernels/block.h"
#include "kernels/formulas.h"

enum {
	ROWS_CHANNELS = 512, /* the sums of that many channels stay in the innermost cache */
	ROWS_SUMMED = 8,     /* rows of a group that is only read */
	ROWS_MAPPED = 4      /* rows of a group that is read and written: each is two streams */
};

struct rows_moments {
	float shift[ROWS_CHANNELS], s1[ROWS_CHANNELS], s2[ROWS_CHANNELS];
};

struct rows_sums {
	float s0[ROWS_CHANNELS], s1[ROWS_CHANNELS];
};

SBN_FORCE_INLINE void
shift_column(const float *x, const struct sbn_plane *head, size_t n, float *shift)
{
	const struct v16 zero = v16_set1(0);
	struct v16 sum = zero;

	for (size_t row = 0; row < head->n; row++)
		sum = v16_add(sum, take(x + row * head->stride, n, zero));
	v16_store(shift, v16_div(sum, v16_set1((float)head->n)));
}

static void
shift_rows(const float *x, const struct sbn_plane *head, float *shift)
{
	size_t c = 0;

	for (; c + SBN_LANES <= head->spatial; c += SBN_LANES)
		shift_column(x + c, head, SBN_LANES, shift + c);
	if (c < head->spatial)
		shift_column(x + c, head, head->spatial - c, shift + c);
}

SBN_FORCE_INLINE void
moments_column(const float *x, const struct sbn_plane *group, size_t n, size_t c,
	       struct rows_moments *sums)
{
	const struct v16 shift = v16_load(sums->shift + c);
	struct v16 s1 = v16_load(sums->s1 + c), s2 = v16_load(sums->s2 + c);

	for (size_t row = 0; row < group->n; row++)
		moments_step(take(x + row * group->stride + c, n, shift), shift, &s1, &s2);
	v16_store(sums->s1 + c, s1);
	v16_store(sums->s2 + c, s2);
}

static void
moments_group(const float *x, const struct sbn_plane *group, struct rows_moments *sums)
{
	size_t c = 0;

	for (; c + SBN_LANES <= group->spatial; c += SBN_LANES)
		moments_column(x, group, SBN_LANES, c, sums);
	if (c < group->spatial)
		moments_column(x, group, group->spatial - c, c, sums);
}

static void
finish_moments(const float *x, const struct sbn_plane *block, const struct rows_moments *sums,
	       double *mean, double *m2)
{
	const struct sbn_plane channel = { block->n, block->stride, 1 };

	for (size_t c = 0; c < block->spatial; c++) {
		float shift = sums->shift[c], s1 = sums->s1[c], s2 = sums->s2[c];
		struct sbn_moments moments;

		if (isfinite(shift) && isfinite(s1) && isfinite(s2))
			moments = sbn_moments_of_sums(shift, s1, s2, (double)block->n);
		else
			moments = sbn_exact_moments(x + c, &channel);
		mean[c] = moments.mean;
		m2[c] = moments.m2;
	}
}

/* At most ROWS_CHANNELS channels. */
static void
moments_of_rows(const float *x, const struct sbn_plane *block, double *mean, double *m2)
{
	struct sbn_plane group = *block;
	struct rows_moments sums;

	group.n = SBN_MIN((size_t)SBN_LANES, block->n);
	shift_rows(x, &group, sums.shift);
	memset(sums.s1, 0, sizeof(sums.s1));
	memset(sums.s2, 0, sizeof(sums.s2));
	for (size_t row = 0; row < block->n; row += ROWS_SUMMED) {
		group.n = SBN_MIN((size_t)ROWS_SUMMED, block->n - row);
		moments_group(x + row * block->stride, &group, &sums);
	}
	finish_moments(x, block, &sums, mean, m2);
}

static void
rows_moments(const float *x, size_t n_rows, size_t stride, size_t n_channels, double *mean,
	     double *m2)
{
	struct sbn_plane block = { .n = n_rows, .stride = stride };

	for (size_t c = 0; c < n_channels; c += ROWS_CHANNELS) {
		block.spatial = SBN_MIN((size_t)ROWS_CHANNELS, n_channels - c);
		moments_of_rows(x + c, &block, mean + c, m2 + c);
	}
}

SBN_FORCE_INLINE void
sums_column(const float *x, const float *dy, const struct sbn_plane *group, size_t n,
	    struct v16 mean_hi, struct v16 mean_lo, float *sum0, float *sum1)
{
	const struct v16 zero = v16_set1(0);
	struct v16 s0 = v16_load(sum0), s1 = v16_load(sum1);

	for (size_t row = 0; row < group->n; row++) {
		size_t at = row * group->stride;

		sums_step(take(x + at, n, mean_hi), take(dy + at, n, zero), mean_hi, mean_lo, &s0,
			  &s1);
	}
	v16_store(sum0, s0);
	v16_store(sum1, s1);
}

static void
sums_group(const float *x, const float *dy, const struct sbn_plane *group, const float *mean_hi,
	   const float *mean_lo, struct rows_sums *sums)
{
	size_t c = 0;

	for (; c + SBN_LANES <= group->spatial; c += SBN_LANES)
		sums_column(x + c, dy + c, group, SBN_LANES, v16_load(mean_hi + c),
			    v16_load(mean_lo + c), sums->s0 + c, sums->s1 + c);
	if (c < group->spatial) {
		const struct v16 zero = v16_set1(0);
		size_t n = group->spatial - c;

		sums_column(x + c, dy + c, group, n, v16_load_n(mean_hi + c, n, zero),
			    v16_load_n(mean_lo + c, n, zero), sums->s0 + c, sums->s1 + c);
	}
}

static void
finish_sums(const float *x, const float *dy, const struct sbn_plane *block, const float *mean_hi,
	    const float *mean_lo, const struct rows_sums *sums, double *sum_dy, double *sum_dy_xmu)
{
	const struct sbn_plane channel = { block->n, block->stride, 1 };

	for (size_t c = 0; c < block->spatial; c++) {
		double pair[2] = { sums->s0[c], sums->s1[c] };

		if (!isfinite(pair[0]) || !isfinite(pair[1]))
			sbn_exact_sums(x + c, dy + c, &channel, mean_hi[c], mean_lo[c], pair);
		sum_dy[c] = pair[0];
		sum_dy_xmu[c] = pair[1];
	}
}

/* At most ROWS_CHANNELS channels. */
static void
sums_of_rows(const float *x, const float *dy, const struct sbn_plane *block, const float *mean_hi,
	     const float *mean_lo, double *sum_dy, double *sum_dy_xmu)
{
	struct sbn_plane group = *block;
	struct rows_sums sums = { 0 };

	for (size_t row = 0; row < block->n; row += ROWS_SUMMED) {
		size_t at = row * block->stride;

		group.n = SBN_MIN((size_t)ROWS_SUMMED, block->n - row);
		sums_group(x + at, dy + at, &group, mean_hi, mean_lo, &sums);
	}
	finish_sums(x, dy, block, mean_hi, mean_lo, &sums, sum_dy, sum_dy_xmu);
}

static void
rows_sums(const float *x, const float *dy, size_t n_rows, size_t stride, size_t n_channels,
	  const float *mean_hi, const float *mean_lo, double *sum_dy, double *sum_dy_xmu)
{
	struct sbn_plane block = { .n = n_rows, .stride = stride };

	for (size_t c = 0; c < n_channels; c += ROWS_CHANNELS) {
		block.spatial = SBN_MIN((size_t)ROWS_CHANNELS, n_channels - c);
		sums_of_rows(x + c, dy + c, &block, mean_hi + c, mean_lo + c, sum_dy + c,
			     sum_dy_xmu + c);
	}
}

SBN_FORCE_INLINE void
normalize_column(const float *x, float *y, const struct sbn_plane *group, size_t n, size_t c,
		 const struct sbn_normalize_rows *k)
{
	const struct v16 zero = v16_set1(0);
	const struct v16_normalize v = {
		.mean_hi = take(k->mean_hi + c, n, zero),
		.mean_lo = take(k->mean_lo + c, n, zero),
		.scale = take(k->scale + c, n, zero),
		.shift = take(k->shift + c, n, zero),
	};

	for (size_t row = 0; row < group->n; row++) {
		size_t at = row * group->stride + c;

		put(y + at, n, normalize_step(take(x + at, n, zero), &v));
	}
}

static void
rows_normalize(const float *x, float *y, size_t n_rows, size_t stride, size_t n_channels,
	       const struct sbn_normalize_rows *k)
{
	struct sbn_plane group = { .stride = stride, .spatial = n_channels };

	for (size_t row = 0; row < n_rows; row += ROWS_MAPPED) {
		size_t at = row * stride, c = 0;

		group.n = SBN_MIN((size_t)ROWS_MAPPED, n_rows - row);
		for (; c + SBN_LANES <= n_channels; c += SBN_LANES)
			normalize_column(x + at, y + at, &group, SBN_LANES, c, k);
		if (c < n_channels)
			normalize_column(x + at, y + at, &group, n_channels - c, c, k);
	}
}

SBN_FORCE_INLINE void
dx_column(const float *x, const float *dy, float *dx, const struct sbn_plane *group, size_t n,
	  size_t c, const struct sbn_backward_rows *k)
{
	const struct v16 zero = v16_set1(0);
	const struct v16_backward v = {
		.mean_hi = take(k->mean_hi + c, n, zero),
		.mean_lo = take(k->mean_lo + c, n, zero),
		.dy_hi = take(k->dy_hi + c, n, zero),
		.dy_lo = take(k->dy_lo + c, n, zero),
		.slope = take(k->slope + c, n, zero),
		.scale = take(k->scale + c, n, zero),
	};

	for (size_t row = 0; row < group->n; row++) {
		size_t at = row * group->stride + c;

		put(dx + at, n, backward_step(take(x + at, n, zero), take(dy + at, n, zero), &v));
	}
}

static void
rows_dx(const float *x, const float *dy, float *dx, size_t n_rows, size_t stride, size_t n_channels,
	const struct sbn_backward_rows *k)
{
	struct sbn_plane group = { .stride = stride, .spatial = n_channels };

	for (size_t row = 0; row < n_rows; row += ROWS_MAPPED) {
		size_t at = row * stride, c = 0;

		group.n = SBN_MIN((size_t)ROWS_MAPPED, n_rows - row);
		for (; c + SBN_LANES <= n_channels; c += SBN_LANES)
			dx_column(x + at, dy + at, dx + at, &group, SBN_LANES, c, k);
		if (c < n_channels)
			dx_column(x + at, dy + at, dx + at, &group, n_channels - c, c, k);
	}
}

#endif
