/* SPDX-License-Identifier: Apache-2.0 */
/* A small generator (splitmix64) whose numbers are the same everywhere: no libm, no rand(). */
#ifndef SBN_TESTS_UNIT_RANDOM_H
#define SBN_TESTS_UNIT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* *state is the seed at first; any value will do. */
static inline uint64_t
sbn_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* From 0 to below 1. */
static inline double
sbn_random_unit(uint64_t *state)
{
	return (double)(sbn_random(state) >> 11) * 0x1p-53;
}

/* From 0 to bound - 1. */
static inline size_t
sbn_random_below(uint64_t *state, size_t bound)
{
	return (size_t)(sbn_random_unit(state) * (double)bound);
}

/* Mean 0, variance 1, near enough to normal for a test: the sum of four uniform numbers. */
static inline double
sbn_random_normal(uint64_t *state)
{
	uint64_t bits = sbn_random(state);
	double sum = -4 * 32767.5;

	for (int i = 0; i < 4; i++)
		sum += (double)(bits >> (16 * i) & 0xffff);
	return sum * (1.7320508075688772 / 65536);
}

static inline void
sbn_random_fill(uint64_t *state, float *x, size_t n, double mean, double sd)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(mean + sd * sbn_random_normal(state));
}

#endif
