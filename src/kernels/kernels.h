/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers' floor: moments, normalize, backward and sums of float32 arrays. One struct of
 * functions an instruction set, chosen once at start. Every set gives the same bits: the formulas
 * below fix block edges, lanes, order and every fused multiply-add.
 *
 * Two shapes of data:
 *
 * A plane is one channel of a channels-first tensor: n rows (one an image) of `spatial` elements,
 * `stride` elements from row to row.
 *
 *	Blocks: spatial >= SBN_BLOCK: each row is cut into blocks of SBN_BLOCK elements, the last
 *	one shorter. Else a block is SBN_BLOCK / spatial whole rows, but at most SBN_BLOCK_ROWS, so
 *	that short rows do not pile long sums into few lanes; the last block is shorter.
 *	Lane = index in the row's part of the block, mod 16, restarting at each row. Per lane, in
 *	float, in order of rows and then of elements.
 *	Fold of 16 lanes, in double: lanes i and i + 8 are added, then i and i + 4, i + 2, i + 1.
 *
 * Rows are those of a channels-last or two-dimensional tensor: n_rows rows of C channels, `stride`
 * elements from row to row (the caller cuts blocks of at most SBN_BLOCK_ROWS rows). Per channel,
 * in float, in order of the rows.
 *
 * Moments of a block: shift = the float mean of its first 16 elements (fewer if it has fewer; in
 * order, crossing rows), summed in order in float, divided by their number. d = x - shift,
 * s1 += d, s2 = fma(d, d, s2). In double: mean = shift + s1 / count, m2 = s2 - s1 * s1 / count,
 * at least 0. Where s1, s2 or shift is not finite the block is summed again in double: shift
 * as before but in double, one accumulator each, in order, without fma. Blocks merge in order by
 * sbn_moments_merge.
 */
#ifndef SBN_KERNELS_KERNELS_H
#define SBN_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/status.h>

#define SBN_LANES 16
#define SBN_BLOCK 2048
#define SBN_BLOCK_ROWS 128

/* Of a set of numbers: how many, their mean, and the sum of the squared distances from it. */
struct sbn_moments {
	double count;
	double mean;
	double m2;
};

/* y = fma((x - mean_hi) - mean_lo, scale, shift) */
struct sbn_normalize {
	float mean_hi, mean_lo; /* the mean, as a sum of two floats */
	float scale;            /* gamma * invstd */
	float shift;            /* beta */
};

/* dx = fma(-((x - mean_hi) - mean_lo), slope, (dy - dy_hi) - dy_lo) * scale */
struct sbn_backward {
	float mean_hi, mean_lo;
	float dy_hi, dy_lo; /* mean(dy) over the group */
	float slope;        /* mean(dy * xhat) * invstd */
	float scale;        /* gamma * invstd */
};

/* The same coefficients for many channels: arrays indexed by channel. */
struct sbn_normalize_rows {
	const float *mean_hi, *mean_lo, *scale, *shift;
};

struct sbn_backward_rows {
	const float *mean_hi, *mean_lo, *dy_hi, *dy_lo, *slope, *scale;
};

/* A plane's extent, in elements. */
struct sbn_plane {
	size_t n;       /* rows */
	size_t stride;  /* from row to row */
	size_t spatial; /* elements of a row */
};

struct sbn_kernels {
	const char *name; /* "scalar", "avx2", "avx512" */

	/* *out: the moments of a plane; count 0 gives zeros. */
	void (*plane_moments)(const float *x, const struct sbn_plane *plane,
			      struct sbn_moments *out);

	/* y may be x. */
	void (*plane_normalize)(const float *x, float *y, const struct sbn_plane *plane,
				const struct sbn_normalize *k);

	/*
	 * sums[0] = sum of dy, sums[1] = sum of dy * d with d = (x - mean_hi) - mean_lo.
	 * Blocks, lanes and fold as above: s0 += dy, s1 = fma(dy, d, s1) in float, blocks added in
	 * double. A block whose float sums are not finite is summed again in double, d too.
	 */
	void (*plane_sums)(const float *x, const float *dy, const struct sbn_plane *plane,
			   float mean_hi, float mean_lo, double sums[2]);

	/* dx may be dy. */
	void (*plane_dx)(const float *x, const float *dy, float *dx, const struct sbn_plane *plane,
			 const struct sbn_backward *k);

	/*
	 * One block of rows, n_rows from 1 to SBN_BLOCK_ROWS: mean[c] and m2[c] of channels
	 * 0..n_channels-1.
	 */
	void (*rows_moments)(const float *x, size_t n_rows, size_t stride, size_t n_channels,
			     double *mean, double *m2);

	/* Any number of rows; y may be x. */
	void (*rows_normalize)(const float *x, float *y, size_t n_rows, size_t stride,
			       size_t n_channels, const struct sbn_normalize_rows *k);

	/* One block of rows: sum_dy[c], sum_dy_xmu[c]. */
	void (*rows_sums)(const float *x, const float *dy, size_t n_rows, size_t stride,
			  size_t n_channels, const float *mean_hi, const float *mean_lo,
			  double *sum_dy, double *sum_dy_xmu);

	void (*rows_dx)(const float *x, const float *dy, float *dx, size_t n_rows, size_t stride,
			size_t n_channels, const struct sbn_backward_rows *k);

	/*
	 * sum = src[0][i] + src[1][i] + ..., in that order, divided by divisor unless that is 1,
	 * stored to every dst[0..n_dst-1][i]. A dst may be a src. n_src >= 1.
	 */
	void (*sum_f32)(float *const *dst, size_t n_dst, const float *const *src, size_t n_src,
			size_t count, float divisor);
	void (*sum_f64)(double *const *dst, size_t n_dst, const double *const *src, size_t n_src,
			size_t count, double divisor);
};

/*
 * The kernels of one instruction set: isa NULL or "" gives the best one of this CPU and build.
 * INVALID: an unknown name (the nearest is offered), or one above this CPU.
 */
syncbn_status_t sbn_kernels_choose(const char *isa, const struct sbn_kernels **kernels);

/* The names that sbn_kernels_choose knows, worst first, NULL at the end. */
extern const char *const sbn_kernels_names[];

#endif
