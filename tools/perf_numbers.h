/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers that the measurements move, and what must come out of them: shared with the peers, so
 * that all do the same work and are checked alike. Every rank can tell every rank's numbers.
 */
#ifndef SYNCBN_PERF_NUMBERS_H
#define SYNCBN_PERF_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* An array of float or double. */
struct perf_array {
	void *data; /* [count] */
	size_t count;
	bool is_double;
};

static inline size_t
perf_array_bytes(const struct perf_array *array)
{
	return array->count * (array->is_double ? sizeof(double) : sizeof(float));
}

/*
 * Writes a rank's numbers, from 0.5 to 1: no sum is zero, denormal, or right by luck. Pairs are
 * a channel's (mean, m2), as a row of the exchange has them.
 */
void perf_array_fill(const struct perf_array *array, uint32_t rank);
void perf_pairs_fill(struct sbn_pair *pairs, size_t n_channels, uint32_t rank);

/* The samples a channel on a rank. */
uint64_t perf_pairs_count(uint32_t rank);

/* How many elements are not the sum (or mean) of all ranks' numbers, but for rounding. */
uint64_t perf_wrong_sums(const struct perf_array *got, uint32_t n_ranks, bool mean);

/* How many channels' (mean, m2) are not those of all ranks' sets together. */
uint64_t perf_wrong_moments(const struct sbn_pair *got, size_t n_channels, uint32_t n_ranks);

#endif
