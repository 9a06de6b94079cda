/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formulas of kernels.h for 16 elements, once for both shapes of data. A v16_*.h comes first.
 * All is inlined by force: a struct of vectors must end in registers, and an `n` that a caller
 * gives as the constant 16 must leave no trace of masks.
 */
#ifndef SBN_KERNELS_FORMULAS_H
#define SBN_KERNELS_FORMULAS_H

#include "kernels/kernels.h"

#define SBN_FORCE_INLINE static inline __attribute__((always_inline))

struct v16_normalize {
	struct v16 mean_hi, mean_lo, scale, shift;
};

struct v16_backward {
	struct v16 mean_hi, mean_lo, dy_hi, dy_lo, slope, scale;
};

SBN_FORCE_INLINE struct v16
take(const float *p, size_t n, struct v16 rest)
{
	return n == SBN_LANES ? v16_load(p) : v16_load_n(p, n, rest);
}

SBN_FORCE_INLINE void
put(float *p, size_t n, struct v16 v)
{
	if (n == SBN_LANES)
		v16_store(p, v);
	else
		v16_store_n(p, n, v);
}

SBN_FORCE_INLINE void
moments_step(struct v16 x, struct v16 shift, struct v16 *s1, struct v16 *s2)
{
	struct v16 d = v16_sub(x, shift);

	*s1 = v16_add(*s1, d);
	*s2 = v16_fma(d, d, *s2);
}

SBN_FORCE_INLINE void
sums_step(struct v16 x, struct v16 dy, struct v16 mean_hi, struct v16 mean_lo, struct v16 *s0,
	  struct v16 *s1)
{
	struct v16 d = v16_sub(v16_sub(x, mean_hi), mean_lo);

	*s0 = v16_add(*s0, dy);
	*s1 = v16_fma(dy, d, *s1);
}

SBN_FORCE_INLINE struct v16
normalize_step(struct v16 x, const struct v16_normalize *k)
{
	return v16_fma(v16_sub(v16_sub(x, k->mean_hi), k->mean_lo), k->scale, k->shift);
}

SBN_FORCE_INLINE struct v16
backward_step(struct v16 x, struct v16 dy, const struct v16_backward *k)
{
	struct v16 d = v16_sub(v16_sub(x, k->mean_hi), k->mean_lo);
	struct v16 g = v16_sub(v16_sub(dy, k->dy_hi), k->dy_lo);

	return v16_mul(v16_fnmadd(d, k->slope, g), k->scale);
}

#endif
