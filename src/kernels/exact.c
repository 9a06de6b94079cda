/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/block.h"

static double
exact_shift(const float *x, size_t n)
{
	size_t taken = SBN_MIN((size_t)SBN_LANES, n);
	double sum = 0;

	for (size_t i = 0; i < taken; i++)
		sum += x[i];
	return sum / (double)taken;
}

static double
add_lanes(const double lanes[SBN_EXACT_LANES])
{
	double sum = 0;

	for (int i = 0; i < SBN_EXACT_LANES; i++)
		sum += lanes[i];
	return sum;
}

struct sbn_moments
sbn_exact_moments(const float *x, size_t n)
{
	double shift = exact_shift(x, n), s1[SBN_EXACT_LANES] = { 0 }, s2[SBN_EXACT_LANES] = { 0 };

	for (size_t i = 0; i < n; i += SBN_EXACT_LANES) {
		size_t lanes = SBN_MIN(n - i, (size_t)SBN_EXACT_LANES);

		for (size_t lane = 0; lane < lanes; lane++) {
			double d = x[i + lane] - shift;

			s1[lane] += d;
			s2[lane] += d * d;
		}
	}
	return sbn_moments_of_sums(shift, add_lanes(s1), add_lanes(s2), (double)n);
}
