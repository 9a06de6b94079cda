/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic: moments, normalize, backward and sums. One struct of functions an
 * instruction set, in it one table an element type, chosen at start; layers may go over to a
 * narrower one, if memory does better by it (nn/pass_ways.c). Every set gives the same bits: the
 * formulas below fix block edges, lanes, order and every fused multiply-add.
 *
 * Elements are float32, float64, bfloat16 or float16. Arithmetic is in `real`: double for float64,
 * else float; the 16-bit types are widened when loaded (exactly) and rounded to nearest even when
 * stored, denormals kept, a NaN to a quiet one.
 *
 * Two shapes of data, each operand with a stride of its own:
 *
 * A plane is one channel of a channels-first tensor: n rows (one an image) of `spatial` elements.
 *
 *	Blocks: spatial >= SBN_BLOCK: each row is cut into blocks of SBN_BLOCK elements, the last
 *	one shorter. Else a block is SBN_BLOCK / spatial whole rows, but at most SBN_BLOCK_ROWS, so
 *	that short rows do not pile long sums into few lanes; the last block is shorter.
 *	Lane = index in the row's part of the block, mod 16, restarting at each row. Per lane, in
 *	order of rows and then of elements.
 *	Fold of 16 lanes, in double: lanes i and i + 8 are added, then i and i + 4, i + 2, i + 1.
 *
 * Rows are those of a channels-last or two-dimensional tensor, or of some channels of a blocked
 * one: n_rows rows of channels that lie side by side, of one image or of several. Per channel, in
 * order of images and of rows. The caller cuts blocks of at most SBN_BLOCK_POSITIONS rows, in
 * blocked tensors a part of an image, or as many whole ones as fit. Rows of at most 16 channels
 * have two sums, of every other image, which are added at the block's end.
 *
 * All sums are double, of widened elements, but floats of bfloat16 planes about 0 and, where real
 * is float, backward of short rows (plane_sums); those, and short rows of float16, have an order of
 * their own, for which see below.
 * Moments of a block: d = x - shift, s1 += d, s2 = fma(d, d, s2); mean = shift + s1 / count, m2 =
 * s2 - s1 * s1 / count, at least 0. Blocks are summed with shift 0; where then m2 >= s2 / 2^16 does
 * not hold, they are summed again, as those of float64 are at once, with the mean of their first p
 * elements (in order, crossing rows), p the largest power of two up to 16 and the block's size,
 * summed in pairs (elements i and i + p / 2 are added, then i and i + p / 4, ..., so that equal
 * elements have exactly themselves as their mean), rounded to real. Blocks merge in order by
 * sbn_moments_merge.
 * 16-bit planes of rows of fewer than SBN_ABREAST_SPATIAL elements, about 0: 16 rows of the block
 * go together. Each index is summed over them: of float16 in double, in order of rows; of bfloat16
 * in float, s2 by fmaf, over the first 8 of them and over the others, and both sums are added, in
 * float. This is added to lane = index mod 16 in double, in order of indices.
 * bfloat16 planes of longer rows, about 0: lane = index in the row's part of the block, mod 32. A
 * lane is summed in float, s2 by fmaf, over 256 elements of a row, or, of rows that have fewer,
 * over as many whole rows as are 8 steps of 32 (a row's last step may be shorter). Then the sums of
 * lanes 2i and 2i + 1 are added, in float, and this to lane i of 16 in double.
 * What is summed in float is used only if 2^-90 <= s2 <= the largest float, too.
 * Of float64 elements the mean is a sum of two doubles, since sum g * (x - mean) shows what one
 * alone would lose: mean, rounded, and low, its rounding.
 *
 * Activation: act(v) = v <= 0 ? f(v) : v with f(v) = v * negative_slope, or 0 for relu; a NaN
 * stays. Backward v is computed again, with the same bits, and g = v <= 0 ? f(dy) : dy.
 */
#ifndef SBN_KERNELS_KERNELS_H
#define SBN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "base/math.h"

#define SBN_LANES 16
#define SBN_BLOCK 2048
#define SBN_BLOCK_ROWS 128
#define SBN_BLOCK_POSITIONS 2048
#define SBN_SHORT_SPATIAL 128   /* rows of fewer elements have loops of their own */
#define SBN_ABREAST 4           /* images that are read or written in turns of some lines, */
#define SBN_ABREAST_SPATIAL 256 /* where their rows have so many elements */
#define SBN_STORE_LINE 64       /* bytes of a cache line, as stores past the caches take them */

/* How many rows of a plane are a block, or have a part in one; the last block may have fewer. */
static inline size_t
sbn_rows_of_block(size_t spatial)
{
	const size_t whole = SBN_BLOCK / SBN_MAX(spatial, (size_t)1);

	return SBN_MIN(SBN_MAX(whole, (size_t)1), (size_t)SBN_BLOCK_ROWS);
}

/* The types of elements: index of sbn_kernels.of. */
enum sbn_type { SBN_F32, SBN_F64, SBN_BF16, SBN_F16, SBN_TYPES };

/* Of a set of numbers: how many, their mean, and the sum of the squared distances from it. */
struct sbn_moments {
	double count;
	double mean;
	double m2;
	double low; /* to be added to the mean; 0 but of float64 elements */
};

/*
 * What a rank says of one channel: (mean, m2) forward, (sum g, sum g * xhat) backward. An array of
 * them is an array of twice as many doubles.
 */
struct sbn_pair {
	double a, b;
};

/* An operand's first element, and elements from row to row. data NULL: there is none. */
struct sbn_in {
	const void *data;
	size_t stride;
};

struct sbn_out {
	void *data;
	size_t stride;
};

/* Images beside the first, and of each operand the elements from image to image. */
struct sbn_images {
	size_t n;
	size_t x, z, dy, out, dz;
};

enum sbn_activation { SBN_ACT_NONE, SBN_ACT_RELU, SBN_ACT_LEAKY_RELU };

/*
 * What the passes are made of: arrays of real, indexed by channel.
 *	v  = fma(x - mean_hi, scale, shift), + z if there is one
 *	y  = act(v)
 *	dx = (fma(-(x - mean_hi), slope, g - dy_hi) - dy_lo) * scale
 *	dz = g
 * shift and dy_lo hold what the mean has beyond mean_hi. g - dy_hi is rounded once, being
 * fma(dy, negative_slope, -dy_hi) where a leaky relu held dy back: where channels hardly vary, dx
 * magnifies it by a large invstd.
 * Where x_is_y (backward), x is the y that a forward pass has written over it. Then v <= 0 where
 * y <= 0, and what stands for x is u = y * (1 / negative_slope) there if the activation is leaky,
 * else y; - z if there is one. mean_hi and mean_lo are then of u.
 * Of few values dx may be a small rest of large terms. With `few` it is made in double, of sums of
 * two, and rounded once:
 *	dx = fma(-(x - mean_hi), slope + slope_lo, g - (dy_hi + dy_lo)) * scale
 * Where running statistics have normalized, no mean depends on x, and an x that is no number must
 * not come out in dx: `flat`.
 */
struct sbn_coefficients {
	const void *mean_hi, *mean_lo; /* the mean, as a sum of two; mean_lo is for sums */
	const void *scale;             /* gamma * invstd */
	const void *shift;             /* beta - mean_lo * scale */
	const void *dy_hi, *dy_lo;     /* mean(g) over the group - mean_lo * slope: sum of two */
	const void *slope;             /* mean(g * xhat) * invstd */
	const void *slope_lo;          /* with few: what slope's rounding left */
	enum sbn_activation activation;
	double negative_slope; /* representable in real */
	bool x_is_y;           /* only without an activation, or a leaky one of a slope above 0 */
	bool few;              /* backward */
	bool flat;             /* backward: dx = g * scale, whatever x is; not with few */
};

/*
 * The operands of a pass, all of one element type. Elementwise: an output may be any input that
 * has the same address and stride.
 */
struct sbn_operands {
	struct sbn_in x;
	struct sbn_in z;        /* the residual; backward: only where there is an activation */
	struct sbn_in dy;       /* backward */
	struct sbn_out out;     /* y; dx (NULL: not wanted) */
	struct sbn_out dz;      /* NULL: not wanted */
	struct sbn_images more; /* for rows' kernels, whose n_rows are those of each image */
	/*
	 * The kernels ask for what lies so many bytes behind each element that they read. With 0
	 * planes' kernels ask for nothing beyond it but a residual forward, and rows' kernels
	 * choose whether, and how far. In lockstep sums of long rows, if they ask at all, choose
	 * what comes next. A hint; it changes no result and faults nowhere.
	 */
	size_t ahead;
	/* Forward: where rows are short, x is asked for so far behind what is written, too. */
	size_t beyond;
	/* Long rows' images are gone through from the last ones on. A hint, too. */
	bool last_first;
	/* The next planes' images are gone through the other way. A hint, too. */
	bool turns;
	/*
	 * One image is written at a time, a few lines whenever as many have been summed, and long
	 * rows are summed block by block, those of several rows of all planes in turn; else several
	 * images abreast. A hint, too.
	 */
	bool lockstep;
	/*
	 * Of lockstep: two images are written at a time, a line of each in turn, and what the sums
	 * ask for lies in two rows, not in four. A hint, too.
	 */
	bool pairs;
	/*
	 * What sums ask for comes into the first-level cache, not the second: but that of the
	 * shortest rows, and always that of pairs. A hint, too.
	 */
	bool near;
	/*
	 * Whole lines of the outputs go past the caches, where the addresses allow it; after the
	 * last kernel sbn_stream_end().
	 */
	bool stream;
};

/* A block of rows that is summed while others are mapped: of as many rows, images and channels. */
struct sbn_rows_beside {
	const struct sbn_operands *at;
	size_t c;
	double *sums[3]; /* mean, m2 and, of float64, low; or of g and of g * (x - mean) */
};

/* What is summed, maybe while others are mapped: planes that lie side by side, of as many rows. */
struct sbn_beside {
	const struct sbn_operands *at; /* of the first of them */
	size_t n_channels;
	struct sbn_pair *sums; /* out: (mean, m2); backward (sum g, sum g * (x - mean)) */
	double *low;           /* out: of float64 elements; else NULL */
	size_t c;              /* backward: the first one's number */
};

struct sbn_type_kernels {
	/* *out: the moments of a plane; n or spatial 0 gives zeros. */
	void (*plane_moments)(const struct sbn_operands *at, size_t n, size_t spatial,
			      struct sbn_moments *out);

	/* The same of planes that lie side by side. */
	void (*planes_moments)(const struct sbn_beside *beside, size_t n, size_t spatial);

	/* y of the planes of channels c..c+n_channels-1, which lie side by side. */
	void (*planes_normalize)(const struct sbn_operands *at, size_t n, size_t spatial,
				 const struct sbn_coefficients *k, size_t c, size_t n_channels);

	/*
	 * Adds sum of g to sums[0], sum of g * (x - mean) to sums[1], mean = mean_hi + mean_lo:
	 * calls for some whole blocks each make the same sums as one for all. Blocks, lanes and
	 * fold as above. In double, a leaky slope's product with dy, too: s0 += g,
	 * s1 = fma(g, x - mean, s1).
	 *
	 * Without `few`, rows of fewer than SBN_SHORT_SPATIAL elements, a block: a position's sums
	 * over 8 rows are in real, s0 += g, s1 = fma(g, x - mean_hi, s1), from 0 on; those of the
	 * next 8 are added to them; these sums of 16 rows go to the lanes in double, in the order
	 * of positions, lane = position mod 16. Folded, s1 -= (mean - mean_hi) * s0. Where not both
	 * are numbers, or, if real is float, not both are within the largest one, or |s1| < 2^-100,
	 * the block is summed as of longer rows instead.
	 */
	void (*plane_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
			   const struct sbn_coefficients *k, size_t c, double sums[2]);

	/* The same of the planes of channels c..c+n_channels-1, which lie side by side. */
	void (*planes_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
			    const struct sbn_coefficients *k, size_t c, size_t n_channels,
			    struct sbn_pair *sums);

	/*
	 * The same of each block of a plane, not merged or added up: so threads may share a plane.
	 * out[i]: of block i, in the order of rows, and within a row of columns.
	 */
	void (*blocks_moments)(const struct sbn_operands *at, size_t n, size_t spatial,
			       struct sbn_moments *out);
	void (*blocks_sums)(const struct sbn_operands *at, size_t n, size_t spatial,
			    const struct sbn_coefficients *k, size_t c, struct sbn_pair *out);

	/* dx and dz of such planes, as far as they are wanted. */
	void (*planes_dx)(const struct sbn_operands *at, size_t n, size_t spatial,
			  const struct sbn_coefficients *k, size_t c, size_t n_channels);

	/*
	 * planes_normalize, and planes_moments of other planes meanwhile. The same bits as one
	 * after the other; what is written is not read by the sums.
	 */
	void (*planes_normalize_beside)(const struct sbn_beside *beside,
					const struct sbn_operands *at, size_t n, size_t spatial,
					const struct sbn_coefficients *k, size_t c,
					size_t n_channels);

	/*
	 * The same backward: planes_dx, and plane_sums of other planes, put there, not added. Both
	 * have a residual, or neither.
	 */
	void (*planes_dx_beside)(const struct sbn_beside *beside, const struct sbn_operands *at,
				 size_t n, size_t spatial, const struct sbn_coefficients *k,
				 size_t c, size_t n_channels);

	/*
	 * One block of rows, at least one: mean[i] and m2[i] of channels i = 0..n_channels-1, and
	 * of float64 elements low[i] (else NULL will do).
	 */
	void (*rows_moments)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
			     double *mean, double *m2, double *low);

	/* Any number of rows; element i of a row is channel c + i, i = 0..n_channels-1. */
	void (*rows_normalize)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
			       const struct sbn_coefficients *k, size_t c);

	/* rows_normalize, and rows_moments of other rows meanwhile: as planes_normalize_beside. */
	void (*rows_normalize_beside)(const struct sbn_rows_beside *beside,
				      const struct sbn_operands *at, size_t n_rows,
				      size_t n_channels, const struct sbn_coefficients *k,
				      size_t c);

	/* One block of rows: each channel's sums as in plane_sums, put there. */
	void (*rows_sums)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
			  const struct sbn_coefficients *k, size_t c, double *sum_g,
			  double *sum_g_xmu);

	void (*rows_dx)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
			const struct sbn_coefficients *k, size_t c);

	/* rows_dx, and rows_sums of other rows meanwhile. */
	void (*rows_dx_beside)(const struct sbn_rows_beside *beside, const struct sbn_operands *at,
			       size_t n_rows, size_t n_channels, const struct sbn_coefficients *k,
			       size_t c);
};

/* Where a float layer keeps what it makes of moments, from some channel on. */
struct sbn_moments_use {
	double *mean, *invstd;
	float *mean_hi, *mean_lo, *scale, *shift;
	const float *gamma, *beta;         /* NULL: 1, 0 */
	float *running_mean, *running_var; /* only with a factor */
	double count, divisor;             /* of m2: for invstd, and for running_var */
	double eps, factor;                /* factor: of what is new in the running ones, or 0 */
};

/* The same of sums of gradients. */
struct sbn_gradients_use {
	const double *invstd;
	const float *mean_lo;
	float *dy_hi, *dy_lo, *slope, *slope_lo;
	float *dgamma, *dbeta; /* NULL: not wanted */
	double count, divisor; /* for the means; for the parameters */
	bool accumulate;       /* adds to dgamma and dbeta */
};

struct sbn_kernels {
	const char *name; /* "scalar", "avx2", "avx512", "avx2+avx512", "neon" */
	struct sbn_type_kernels of[SBN_TYPES];

	/*
	 * sum = src[0][i] + src[1][i] + ..., in that order, divided by divisor unless that is 1,
	 * stored to every dst[0..n_dst-1][i]. A dst may be a src. n_src >= 1. In real: bfloat16 is
	 * rounded once, at the end.
	 */
	void (*sum_f32)(float *const *dst, size_t n_dst, const float *const *src, size_t n_src,
			size_t count, float divisor);
	void (*sum_f64)(double *const *dst, size_t n_dst, const double *const *src, size_t n_src,
			size_t count, double divisor);
	void (*sum_bf16)(uint16_t *const *dst, size_t n_dst, const uint16_t *const *src,
			 size_t n_src, size_t count, float divisor);

	/*
	 * sum[c] = all rows' (mean, m2) of channel c, merged by sbn_moments_merge in the order of
	 * the rows; row[r] is of count[r] samples a channel. (0, 0) where all counts are 0.
	 * n_rows >= 1; sum may be a row.
	 */
	void (*merge_moments)(struct sbn_pair *sum, const struct sbn_pair *const *row,
			      const double *count, size_t n_rows, size_t n_channels);

	/*
	 * What nn/coefficients.c makes of channels first .. n-1 for a layer of floats, to the same
	 * bits, in groups of 16. Each returns the first channel that is not done: that of a group
	 * with an invstd, a scale or a slope that is no number or more than a float holds, or of
	 * fewer than 16.
	 *
	 *	use_moments	of (mean, m2) pair[c], statistics and what normalizes by them
	 *	use_saved	of to->mean[c] and to->invstd[c], what normalizes by them
	 *	use_gradients	of (sum g, sum g * xhat) params[c], dgamma and dbeta; of means[c],
	 *			unless means is NULL, what dx needs of their means
	 */
	size_t (*use_moments)(const struct sbn_moments_use *to, const struct sbn_pair *pair,
			      size_t first, size_t n);
	size_t (*use_saved)(const struct sbn_moments_use *to, size_t first, size_t n);
	size_t (*use_gradients)(const struct sbn_gradients_use *to, const struct sbn_pair *params,
				const struct sbn_pair *means, size_t first, size_t n);
};

/* Bytes of an element. */
static inline size_t
sbn_type_bytes(enum sbn_type type)
{
	return type == SBN_F64 ? 8 : type == SBN_F32 ? 4 : 2;
}

/*
 * The kernels of one instruction set: isa NULL or "" gives the best one of this CPU and build. On
 * Intel's CPUs that have AVX-512 without AVX-VNNI that is "avx2+avx512": AVX2, and AVX-512 for the
 * 16-bit types. INVALID: an unknown name (the nearest is offered), or one above this CPU.
 */
syncbn_status_t sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels);

/*
 * Beside the best set of this CPU, one of half as wide registers: there are CPUs with which memory
 * does better by it. NULL: there is none, or isa names a set.
 */
const struct sbn_kernels *sbn_kernels_narrower(const char *isa);

/* The plain sets of this build, worst first, NULL at the end. */
extern const char *const sbn_kernels_names[];

#endif
