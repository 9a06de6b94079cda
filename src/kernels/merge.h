/* SPDX-License-Identifier: Apache-2.0 */
/* Merging moments, in double. */
#ifndef SBN_KERNELS_MERGE_H
#define SBN_KERNELS_MERGE_H

#include "kernels/block.h"
#include "kernels/kernels.h"

/* By fields: what has just been stored a number at a time would have to leave its queue first. */
static inline void
sbn_moments_set(struct sbn_moments *to, const struct sbn_moments *from)
{
	to->count = from->count;
	to->mean = from->mean;
	to->m2 = from->m2;
	to->low = from->low;
}

/*
 * into = the moments of both sets: Chan, Golub and LeVeque, "Algorithms for computing the sample
 * variance", The American Statistician 37 (1983). A set of count 0 changes nothing.
 */
static inline void
sbn_moments_merge(struct sbn_moments *into, const struct sbn_moments *other)
{
	double count = into->count + other->count;
	double delta = other->mean - into->mean;

	if (other->count == 0)
		return;
	if (into->count == 0) {
		sbn_moments_set(into, other);
		return;
	}
	into->mean += delta * (other->count / count);
	into->m2 += other->m2 + delta * delta * (into->count * (other->count / count));
	into->count = count;
}

/* The same for float64 elements, whose means are sums of two. */
static inline void
sbn_moments_merge_wide(struct sbn_moments *into, const struct sbn_moments *other)
{
	double count = into->count + other->count;
	double delta = (other->mean - into->mean) + (other->low - into->low);
	double mean, low;

	if (other->count == 0)
		return;
	if (into->count == 0) {
		sbn_moments_set(into, other);
		return;
	}
	mean = sbn_sum_of_two(into->mean, delta * (other->count / count), &low);
	into->mean = sbn_sum_of_two(mean, into->low + low, &into->low);
	into->m2 += other->m2 + delta * delta * (into->count * (other->count / count));
	into->count = count;
}

/* The one or the other. */
static inline void
sbn_moments_add(struct sbn_moments *into, const struct sbn_moments *other, bool wide)
{
	if (wide)
		sbn_moments_merge_wide(into, other);
	else
		sbn_moments_merge(into, other);
}

#endif
