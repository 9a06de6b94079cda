/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of many float vectors by pairs: ((a+b)+(c+d))+... The error grows with the logarithm of
 * their number, and the sum of two ranks' halves has the bits of the whole when each half is a
 * power of two of terms: so a run on two ranks follows the run on one.
 */
#ifndef FM_SUM_H
#define FM_SUM_H

#include <stddef.h>
#include <string.h>

struct fm_sum {
	float *terms; /* [fm_sum_room(n), size] sums of 2^k terms each, the widest first */
	size_t size;
	unsigned depth; /* how many of them there are */
	unsigned count; /* how many terms there were */
};

/* How many vectors the terms need for a sum of n. */
static inline size_t
fm_sum_room(size_t n)
{
	size_t room = 1;

	for (; n; n /= 2)
		room++;
	return room;
}

/* Where to write the next term; fm_sum_add() then adds it. */
static inline float *
fm_sum_term(const struct fm_sum *sum)
{
	return sum->terms + sum->depth * sum->size;
}

/* The two narrowest become one. */
static inline void
fm_sum_fold(struct fm_sum *sum)
{
	float *narrow = sum->terms + --sum->depth * sum->size, *wide = narrow - sum->size;

#pragma omp simd
	for (size_t i = 0; i < sum->size; i++)
		wide[i] += narrow[i];
}

static inline void
fm_sum_add(struct fm_sum *sum)
{
	sum->depth++;
	sum->count++;
	for (unsigned pairs = sum->count; pairs % 2 == 0; pairs /= 2)
		fm_sum_fold(sum);
}

/* total: [size]. Zero when there were no terms. */
static inline void
fm_sum_total(struct fm_sum *sum, float *total)
{
	while (sum->depth > 1)
		fm_sum_fold(sum);
	if (sum->count)
		memcpy(total, sum->terms, sum->size * sizeof(*total));
	else
		memset(total, 0, sum->size * sizeof(*total));
}

#endif
