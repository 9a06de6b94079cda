/* SPDX-License-Identifier: Apache-2.0 */
/* What all sets and types share: the edges of a plane's blocks, double arithmetic. */
#ifndef SBN_KERNELS_BLOCK_H
#define SBN_KERNELS_BLOCK_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/math.h"
#include "base/prefetch.h"
#include "kernels/kernels.h"

/* 16 is gcc's 0 for a CPU that has arithmetic of half floats */
#if defined(__FAST_MATH__) || (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16)
#error "equal bits on every machine need IEEE floats: no -ffast-math, no x87 (-msse2 -mfpmath=sse)"
#endif

/*
 * Vectors must end in registers, and a constant form must leave no branch. Not with a sanitizer: a
 * compiler takes minutes for its checks in all the copies.
 */
#if defined(SBN_PLAIN_C) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SBN_FORMS_AT_RUN_TIME
#define SBN_FORCE_INLINE static inline
#else
#define SBN_FORCE_INLINE static inline __attribute__((always_inline))
#endif

/* A loop that needs all registers: a compiler gives it those that others leave. */
#define SBN_NOT_INLINE __attribute__((noinline))

/* Code that runs so rarely that one copy out of line is better. */
#define SBN_RARELY __attribute__((noinline))

/* Of a row whose blocks are summed abreast, at most; of a plane that is summed from its end on. */
enum { ABREAST_BLOCKS = 32, REVERSED_BLOCKS = 512 };

/*
 * A copy, a word at a time: what is loaded wider than it was stored would have to wait until the
 * stores have left their queue, behind all that are on their way past the caches. A compiler that
 * sees the flags side by side would load some of them at once.
 */
static inline void
sbn_set_operands(struct sbn_operands *to, const struct sbn_operands *from)
{
	to->x.data = from->x.data;
	to->x.stride = from->x.stride;
	to->z.data = from->z.data;
	to->z.stride = from->z.stride;
	to->dy.data = from->dy.data;
	to->dy.stride = from->dy.stride;
	to->out.data = from->out.data;
	to->out.stride = from->out.stride;
	to->dz.data = from->dz.data;
	to->dz.stride = from->dz.stride;
	to->more.n = from->more.n;
	to->more.x = from->more.x;
	to->more.z = from->more.z;
	to->more.dy = from->more.dy;
	to->more.out = from->more.out;
	to->more.dz = from->more.dz;
	to->ahead = from->ahead;
	to->beyond = from->beyond;
	to->last_first = from->last_first;
	__asm__ volatile("" ::: "memory");
	to->turns = from->turns;
	__asm__ volatile("" ::: "memory");
	to->lockstep = from->lockstep;
	__asm__ volatile("" ::: "memory");
	to->pairs = from->pairs;
	__asm__ volatile("" ::: "memory");
	to->near = from->near;
	__asm__ volatile("" ::: "memory");
	to->stream = from->stream;
}

/* A part of a plane, or of a matrix whose columns are channels. */
struct sbn_block {
	size_t row, n; /* rows row..row+n-1 */
	size_t column, spatial;
};

static inline struct sbn_block
sbn_blocks_begin(void)
{
	return (struct sbn_block){ 0 };
}

/* Goes from one block of a plane to the next, from an empty one to the first; false at the end. */
static inline bool
sbn_blocks_next(struct sbn_block *at, size_t n, size_t spatial)
{
	at->column += at->spatial;
	if (at->column >= spatial) {
		at->column = 0;
		at->row += at->n;
	}
	if (spatial == 0 || at->row == n)
		return false;
	at->n = SBN_MIN(sbn_rows_of_block(spatial), n - at->row);
	at->spatial = SBN_MIN((size_t)SBN_BLOCK, spatial - at->column);
	return true;
}

/* How many elements at a block's head make its shift: a power of two. */
static inline size_t
sbn_head_of(size_t elements)
{
	size_t head = SBN_LANES;

	while (head > elements)
		head /= 2;
	return head;
}

/* a + b without a rounding: the sum is rounded, and *low what is left of it. Knuth's. */
static inline double
sbn_sum_of_two(double a, double b, double *low)
{
	double sum = a + b, of_b = sum - a;

	*low = (a - (sum - of_b)) + (b - of_b);
	return sum;
}

/*
 * The moments of count numbers from the sums of their distances from shift and of the squares;
 * wide: of float64.
 */
static inline struct sbn_moments
sbn_moments_of_sums(double shift, double s1, double s2, double count, bool wide)
{
	struct sbn_moments out = { .count = count };

	if (wide)
		out.mean = sbn_sum_of_two(shift, s1 / count, &out.low);
	else
		out.mean = shift + s1 / count;
	out.m2 = s2 - s1 * s1 / count;
	if (out.m2 < 0) /* a NaN stays */
		out.m2 = 0;
	return out;
}

/*
 * Whether m2 = s2 - s1^2 / count of sums about 0 has lost digits, or is a NaN. A sum has at most
 * 2048 elements (of a plane's block a lane has 240, 120 rows of 17), so s1 and s2 are known to 2052
 * roundings of 2^-53, m2 to three times as much of s2, 2^-40.4: beyond this bound that is less than
 * 4.5e-8 of it, and less than a float's rounding.
 */
static inline bool
sbn_moments_cancel(double m2, double s2)
{
	return !(m2 >= s2 * 0x1p-16);
}

/*
 * Whether sums of squares that were made in float are of use, as far as their size goes. What they
 * lose where squares are less than a float's digits is 2^-150 of each, 2^-139 of a block's.
 */
static inline bool
sbn_squares_fit(double s2)
{
	return s2 >= 0x1p-90 && s2 <= (double)FLT_MAX;
}

#endif
