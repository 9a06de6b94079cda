/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of whole arrays, for the vocabulary that was included before. */
#ifndef SBN_KERNELS_SUM_BODY_H
#define SBN_KERNELS_SUM_BODY_H

#include "kernels/formulas.h"

/* 16 elements from i on, n of them real. */
SBN_FORCE_INLINE void
sum_f32_at(float *const *dst, size_t n_dst, const float *const *src, size_t n_src, size_t i,
	   size_t n, float divisor)
{
	const struct v16 one = v16_set1(1);
	struct v16 sum = take(src[0] + i, n, one);

	for (size_t s = 1; s < n_src; s++)
		sum = v16_add(sum, take(src[s] + i, n, one));
	if (divisor != 1)
		sum = v16_div(sum, v16_set1(divisor));
	for (size_t d = 0; d < n_dst; d++)
		put(dst[d] + i, n, sum);
}

static void
sum_f32(float *const *dst, size_t n_dst, const float *const *src, size_t n_src, size_t count,
	float divisor)
{
	size_t i = 0;

	for (; i + SBN_LANES <= count; i += SBN_LANES)
		sum_f32_at(dst, n_dst, src, n_src, i, SBN_LANES, divisor);
	if (i < count)
		sum_f32_at(dst, n_dst, src, n_src, i, count - i, divisor);
}

static void
sum_f64_one(double *const *dst, size_t n_dst, const double *const *src, size_t n_src, size_t i,
	    double divisor)
{
	double sum = src[0][i];

	for (size_t s = 1; s < n_src; s++)
		sum += src[s][i];
	if (divisor != 1)
		sum /= divisor;
	for (size_t d = 0; d < n_dst; d++)
		dst[d][i] = sum;
}

static void
sum_f64(double *const *dst, size_t n_dst, const double *const *src, size_t n_src, size_t count,
	double divisor)
{
	size_t i = 0;

	for (; i + 8 <= count; i += 8) {
		struct d8 sum = d8_load(src[0] + i);

		for (size_t s = 1; s < n_src; s++)
			sum = d8_add(sum, d8_load(src[s] + i));
		if (divisor != 1)
			sum = d8_div(sum, d8_set1(divisor));
		for (size_t d = 0; d < n_dst; d++)
			d8_store(dst[d] + i, sum);
	}
	for (; i < count; i++)
		sum_f64_one(dst, n_dst, src, n_src, i, divisor);
}

#endif
