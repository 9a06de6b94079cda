/* SPDX-License-Identifier: Apache-2.0 */
/* SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed everywhere. */
#ifndef FM_RANDOM_H
#define FM_RANDOM_H

#include <math.h>
#include <stdint.h>

struct fm_random {
	uint64_t state;
};

static inline uint64_t
fm_random_next(struct fm_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Generators of different (seed, a, b) are independent of each other. */
static inline struct fm_random
fm_random_seeded(uint64_t seed, uint64_t a, uint64_t b)
{
	struct fm_random random = { seed };

	random.state = fm_random_next(&random) ^ a;
	random.state = fm_random_next(&random) ^ b;
	fm_random_next(&random);
	return random;
}

/* 0 to n - 1; the bias is below n / 2^32. */
static inline uint32_t
fm_random_below(struct fm_random *random, uint32_t n)
{
	return (uint32_t)((fm_random_next(random) >> 32) * n >> 32);
}

/* Normal, mean 0 and variance 1, by Box and Muller. */
static inline double
fm_random_normal(struct fm_random *random)
{
	double u = ((double)(fm_random_next(random) >> 11) + 0.5) * 0x1p-53;
	double v = (double)(fm_random_next(random) >> 11) * 0x1p-53;

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

#endif
