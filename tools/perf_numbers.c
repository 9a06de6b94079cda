/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_numbers.h"

#include <float.h>
#include <math.h>

/* splitmix64's last steps: any rank's number i without those before it */
static double
number(uint32_t rank, uint64_t i)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) + rank * UINT64_C(0xd1342543de82ef95);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return 0.5 + (double)((x ^ x >> 31) >> 11) * 0x1p-54;
}

static double
array_number(const struct perf_array *array, uint32_t rank, uint64_t i)
{
	return array->is_double ? number(rank, i) : (double)(float)number(rank, i);
}

void
perf_array_fill(const struct perf_array *array, uint32_t rank)
{
	for (size_t i = 0; i < array->count; i++) {
		if (array->is_double)
			((double *)array->data)[i] = array_number(array, rank, i);
		else
			((float *)array->data)[i] = (float)array_number(array, rank, i);
	}
}

void
perf_pairs_fill(struct sbn_pair *pairs, size_t n_channels, uint32_t rank)
{
	for (size_t c = 0; c < n_channels; c++)
		pairs[c] = (struct sbn_pair){
			.a = number(rank, 2 * c),
			.b = number(rank, 2 * c + 1) * (double)perf_pairs_count(rank),
		};
}

uint64_t
perf_pairs_count(uint32_t rank)
{
	return 1000 + rank;
}

/* Written so that NaN differs. */
static bool
differs(double got, double wanted, double tolerance)
{
	return !(fabs(got - wanted) <= tolerance * fabs(wanted));
}

uint64_t
perf_wrong_sums(const struct perf_array *got, uint32_t n_ranks, bool mean)
{
	double rounding = (got->is_double ? DBL_EPSILON : FLT_EPSILON) * (n_ranks + 1);
	uint64_t wrong = 0;

	for (size_t i = 0; i < got->count; i++) {
		double element = got->is_double ? ((const double *)got->data)[i] :
						  (double)((const float *)got->data)[i];
		double sum = 0;

		for (uint32_t rank = 0; rank < n_ranks; rank++)
			sum += array_number(got, rank, i);
		wrong += differs(element, mean ? sum / n_ranks : sum, rounding);
	}
	return wrong;
}

/* The direct formula, in long double: another one than the merge's. */
static bool
is_wrong(const struct sbn_pair *got, size_t c, uint32_t n_ranks)
{
	const double rounding = 64 * DBL_EPSILON * n_ranks;
	long double count = 0, mean = 0, m2 = 0;

	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		count += perf_pairs_count(rank);
		mean += (long double)number(rank, 2 * c) * perf_pairs_count(rank);
	}
	mean /= count;
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		long double n = perf_pairs_count(rank);
		long double distance = (long double)number(rank, 2 * c) - mean;

		m2 += (long double)(number(rank, 2 * c + 1) * (double)n) + n * distance * distance;
	}
	return differs(got->a, (double)mean, rounding) || differs(got->b, (double)m2, rounding);
}

uint64_t
perf_wrong_moments(const struct sbn_pair *got, size_t n_channels, uint32_t n_ranks)
{
	uint64_t wrong = 0;

	for (size_t c = 0; c < n_channels; c++)
		wrong += is_wrong(&got[c], c, n_ranks);
	return wrong;
}
