/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where real is float: which blocks are summed again in double, and their elements as floats, to
 * which bfloat16 and float16 widen exactly. A channel of rows is a block with a spatial size of 1.
 */
#include <math.h>

/* The lanes of `shift` whose channels, or columns mod 16, have an element that is not equal. */
static unsigned
T(lanes_that_differ)(struct sbn_in x, const struct sbn_block *block, const float *shift)
{
	const struct VECTOR wanted = V(load)(shift);
	unsigned differ = 0;

	for (size_t row = 0; row < block->n; row++) {
		const ELEMENT *p = T(in)(x, block->row + row, block->column);
		size_t i = 0;

		for (; i + SBN_LANES <= block->spatial; i += SBN_LANES)
			differ |= V(ne)(T(load)(p + i), wanted);
		if (i < block->spatial)
			differ |= V(ne)(T(load_n)(p + i, block->spatial - i, wanted), wanted);
	}
	return differ;
}

SBN_FORCE_INLINE bool
T(moments_overflow)(float shift, double s1, double s2)
{
	return !isfinite(shift) || !isfinite(s1) || !(s2 <= (double)SBN_HUGE_SQUARES);
}

/* Of a tiny s2: one that is not 0 says by itself that an element is not equal to shift. */
static bool
T(moments_underflow)(struct sbn_in x, const struct sbn_block *block, float shift, double s2)
{
	float lanes[SBN_LANES];

	V(store)(lanes, V(set1)(shift));
	return s2 > 0 || T(lanes_that_differ)(x, block, lanes) != 0;
}

/* A bit for each of 16 numbers that is infinite or a NaN. */
SBN_FORCE_INLINE unsigned
T(not_finite)(const float *lanes)
{
	const struct VECTOR zero = V(set1)(0);

	return V(ne)(V(mul)(V(load)(lanes), zero), zero);
}

static struct sbn_moments
T(moments_again)(struct sbn_in x, const struct sbn_block *block)
{
	float wide[SBN_BLOCK];
	size_t n = 0;

	for (size_t row = 0; row < block->n; row++) {
		const ELEMENT *p = T(in)(x, block->row + row, block->column);

		for (size_t i = 0, part; i < block->spatial; i += part) {
			part = SBN_MIN((size_t)SBN_LANES, block->spatial - i);
			V(store_n)(wide + n, part, T(take)(p + i, part, V(set1)(0)));
			n += part;
		}
	}
	return sbn_exact_moments(wide, n);
}
