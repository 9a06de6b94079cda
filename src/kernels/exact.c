/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/block.h"

static double
exact_shift(const float *x, const struct sbn_plane *block)
{
	double sum = 0;
	size_t taken = 0;

	for (size_t row = 0; row < block->n && taken < SBN_LANES; row++) {
		for (size_t i = 0; i < block->spatial && taken < SBN_LANES; i++) {
			sum += x[row * block->stride + i];
			taken++;
		}
	}
	return sum / (double)taken;
}

struct sbn_moments
sbn_exact_moments(const float *x, const struct sbn_plane *block)
{
	double shift = exact_shift(x, block), s1 = 0, s2 = 0;

	for (size_t row = 0; row < block->n; row++) {
		for (size_t i = 0; i < block->spatial; i++) {
			double d = x[row * block->stride + i] - shift;

			s1 += d;
			s2 += d * d;
		}
	}
	return sbn_moments_of_sums(shift, s1, s2, (double)block->n * (double)block->spatial);
}

void
sbn_exact_sums(const float *x, const float *dy, const struct sbn_plane *block, float mean_hi,
	       float mean_lo, double sums[2])
{
	sums[0] = sums[1] = 0;
	for (size_t row = 0; row < block->n; row++) {
		for (size_t i = 0; i < block->spatial; i++) {
			size_t at = row * block->stride + i;
			double d = ((double)x[at] - mean_hi) - mean_lo;

			sums[0] += dy[at];
			sums[1] += dy[at] * d;
		}
	}
}
