/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification in kernels.h once more, element by element and without a thought of speed: a
 * set of kernels to compare the others with. Reals are doubles that hold floats where real is
 * float.
 */
#ifndef SBN_TESTS_UNIT_KERNELS_REFERENCE_H
#define SBN_TESTS_UNIT_KERNELS_REFERENCE_H

#include <float.h>

#include "kernels/merge.h"
#include "kernels_reference_formulas.h"

/* The elements of one block, in order. */
struct reference_block {
	enum sbn_type type;
	size_t n;
	bool in_lanes; /* a plane's block: 16 sums and a fold; a channel of rows has one, or two */
	double x[SBN_BLOCK], g[SBN_BLOCK];
	size_t lane[SBN_BLOCK];
	size_t column[SBN_BLOCK];  /* of a plane's block: in the row's part */
	size_t stretch[SBN_BLOCK]; /* of bfloat16 planes: what is summed in float together */
	size_t spatial;            /* of a plane's block: a row's elements */
};

static inline size_t
reference_block_number(size_t spatial, size_t row, size_t i)
{
	if (spatial * SBN_BLOCK_ROWS < SBN_BLOCK)
		return row / SBN_BLOCK_ROWS;
	if (spatial < SBN_BLOCK)
		return row / (SBN_BLOCK / spatial);
	return row * ((spatial + SBN_BLOCK - 1) / SBN_BLOCK) + i / SBN_BLOCK;
}

/* k NULL: x alone */
static inline void
reference_add(struct reference_block *block, const struct sbn_operands *at, size_t row, size_t i,
	      const struct reference_channel *k, size_t lane)
{
	block->x[block->n] = k == NULL ?
				     element_get(block->type, at->x.data, row * at->x.stride + i) :
				     reference_x(at, row, i, k);
	block->g[block->n] = k == NULL ? 0 : reference_g(at, row, i, k);
	block->lane[block->n++] = lane;
}

/* Which of the block's float sums an element in the block's row `row` comes to. */
static inline size_t
reference_stretch(size_t spatial, size_t row, size_t i)
{
	size_t part = spatial - i / SBN_BLOCK * SBN_BLOCK;
	size_t steps = ((part < SBN_BLOCK ? part : SBN_BLOCK) + 31) / 32;

	return steps > 8 ? row * 8 + i % SBN_BLOCK / 256 : row / (8 / steps);
}

/* The next block of a plane, from *row and *i on; false at the end. */
static inline bool
reference_cut(const struct sbn_operands *at, size_t n, size_t spatial,
	      const struct reference_channel *k, size_t *row, size_t *i,
	      struct reference_block *block)
{
	size_t number = reference_block_number(spatial, *row, *i), first = *row;

	block->n = 0;
	block->in_lanes = true;
	block->spatial = spatial;
	while (*row < n && spatial > 0 && reference_block_number(spatial, *row, *i) == number) {
		block->column[block->n] = *i % SBN_BLOCK;
		block->stretch[block->n] = reference_stretch(spatial, *row - first, *i);
		reference_add(block, at, *row, *i, k, *i % SBN_BLOCK % SBN_LANES);
		if (++*i == spatial) {
			*i = 0;
			++*row;
		}
	}
	return block->n > 0;
}

static inline double
reference_fold(const struct reference_block *block, const double l[16])
{
	double a[8], b[4];

	if (!block->in_lanes)
		return l[0] + l[1];
	for (int i = 0; i < 8; i++)
		a[i] = l[i] + l[i + 8];
	for (int i = 0; i < 4; i++)
		b[i] = a[i] + a[i + 4];
	return (b[0] + b[2]) + (b[1] + b[3]);
}

/* What is lost in mean = a + b: known exactly from the larger one. */
static inline double
reference_lost(double a, double b, double mean)
{
	return fabs(a) >= fabs(b) ? b - (mean - a) : a - (mean - b);
}

static inline struct sbn_moments
reference_finish(enum sbn_type type, double shift, double s1, double s2, size_t n)
{
	double count = (double)n, mean = shift + s1 / count;
	double m2 = s2 - s1 * s1 / count;
	double low = type == SBN_F64 ? reference_lost(shift, s1 / count, mean) : 0;

	return (struct sbn_moments){ count, mean, m2 < 0 ? 0 : m2, low };
}

/* Recursive: the mean of two halves' sums, in which equal elements are summed without rounding. */
static inline double
reference_pairs(const struct reference_block *block, size_t first, size_t step, size_t n)
{
	if (n == 1)
		return block->x[first];
	return reference_pairs(block, first, 2 * step, n / 2) +
	       reference_pairs(block, first + step, 2 * step, n / 2);
}

static inline double
reference_shift(const struct reference_block *block)
{
	size_t head = 16;

	while (head > block->n)
		head /= 2;
	return block->type == SBN_F64 ?
		       reference_pairs(block, 0, 1, head) / (double)head :
		       (double)(float)(reference_pairs(block, 0, 1, head) / (double)head);
}

/* about shift; *squares: the sum of the squared distances from it */
static inline struct sbn_moments
reference_moments_about(const struct reference_block *block, double shift, double *squares)
{
	double s1[16] = { 0 }, s2[16] = { 0 };

	for (size_t i = 0; i < block->n; i++) {
		double d = block->x[i] - shift;

		s1[block->lane[i]] += d;
		s2[block->lane[i]] = fma(d, d, s2[block->lane[i]]);
	}
	*squares = reference_fold(block, s2);
	return reference_finish(block->type, shift, reference_fold(block, s1), *squares, block->n);
}

/* Adds neighbours' float sums to the doubles, and clears them. */
static inline void
reference_widen(float sums[32], double s[16])
{
	for (size_t i = 0; i < 16; i++)
		s[i] += (double)(sums[2 * i] + sums[2 * i + 1]);
	memset(sums, 0, 32 * sizeof(*sums));
}

/* A position's element in some of a block's rows, and their squares; wide: in double. */
static inline void
reference_add_rows(const struct reference_block *block, size_t position, size_t row, size_t end,
		   bool wide, double sums[2])
{
	sums[0] = sums[1] = 0;
	for (; row < end && row * block->spatial < block->n; row++) {
		const double x = block->x[row * block->spatial + position];

		sums[0] = wide ? sums[0] + x : (double)((float)sums[0] + (float)x);
		sums[1] = wide ? fma(x, x, sums[1]) :
				 (double)fmaf((float)x, (float)x, (float)sums[1]);
	}
}

/* Those of 16 rows: float16's at once, bfloat16's of 8 rows and of 8 more. */
static inline void
reference_add_16_rows(const struct reference_block *block, size_t position, size_t row,
		      double sums[2])
{
	double others[2];

	if (block->type == SBN_F16) {
		reference_add_rows(block, position, row, row + 16, true, sums);
		return;
	}
	reference_add_rows(block, position, row, row + 8, false, sums);
	reference_add_rows(block, position, row + 8, row + 16, false, others);
	sums[0] = (double)((float)sums[0] + (float)others[0]);
	sums[1] = (double)((float)sums[1] + (float)others[1]);
}

/* About 0, of short rows of 16-bit types. */
static inline void
reference_add_positions(const struct reference_block *block, double s1[16], double s2[16])
{
	for (size_t row = 0; row * block->spatial < block->n; row += 16) {
		for (size_t i = 0; i < block->spatial; i++) {
			double sums[2];

			reference_add_16_rows(block, i, row, sums);
			s1[i % 16] += sums[0];
			s2[i % 16] += sums[1];
		}
	}
}

/* Of longer rows: 32 lanes, in float for a stretch. */
static inline void
reference_add_stretches(const struct reference_block *block, double s1[16], double s2[16])
{
	float f1[32] = { 0 }, f2[32] = { 0 };

	for (size_t i = 0; i < block->n; i++) {
		const float x = (float)block->x[i];
		const size_t lane = block->column[i] % 32;

		if (i > 0 && block->stretch[i] != block->stretch[i - 1]) {
			reference_widen(f1, s1);
			reference_widen(f2, s2);
		}
		f1[lane] += x;
		f2[lane] = fmaf(x, x, f2[lane]);
	}
	reference_widen(f1, s1);
	reference_widen(f2, s2);
}

static inline bool
reference_is_by_positions(const struct reference_block *block)
{
	return (block->type == SBN_BF16 || block->type == SBN_F16) && block->in_lanes &&
	       block->spatial < SBN_ABREAST_SPATIAL;
}

/* About 0, of 16-bit planes. */
static inline struct sbn_moments
reference_half_moments(const struct reference_block *block, double *squares)
{
	double s1[16] = { 0 }, s2[16] = { 0 };

	if (reference_is_by_positions(block))
		reference_add_positions(block, s1, s2);
	else
		reference_add_stretches(block, s1, s2);
	*squares = reference_fold(block, s2);
	return reference_finish(block->type, 0, reference_fold(block, s1), *squares, block->n);
}

/* Unless of float64, about 0 if that loses no more than 16 of the variance's bits. */
static inline struct sbn_moments
reference_block_moments(const struct reference_block *block)
{
	struct sbn_moments moments;
	double squares;

	if (block->type == SBN_BF16 && block->in_lanes) {
		moments = reference_half_moments(block, &squares);
		if (moments.m2 >= ldexp(squares, -16) && squares >= 0x1p-90 &&
		    squares <= (double)FLT_MAX)
			return moments;
	} else if (block->type != SBN_F64) {
		moments = reference_is_by_positions(block) ?
				  reference_half_moments(block, &squares) :
				  reference_moments_about(block, 0, &squares);
		if (moments.m2 >= ldexp(squares, -16))
			return moments;
	}
	return reference_moments_about(block, reference_shift(block), &squares);
}

static inline void
reference_block_sums(const struct reference_block *block, const struct reference_channel *k,
		     double sums[2])
{
	double s0[16] = { 0 }, s1[16] = { 0 };

	for (size_t i = 0; i < block->n; i++) {
		size_t lane = block->lane[i];

		s0[lane] += block->g[i];
		s1[lane] = fma(block->g[i], block->x[i] - (k->mean_hi + k->mean_lo), s1[lane]);
	}
	sums[0] = reference_fold(block, s0);
	sums[1] = reference_fold(block, s1);
}

static inline void
reference_plane_moments(enum sbn_type type, struct sbn_in x, size_t n, size_t spatial,
			struct sbn_moments *out)
{
	struct reference_block block = { .type = type };
	struct sbn_operands at = { .x = x };
	size_t row = 0, i = 0;

	*out = (struct sbn_moments){ 0, 0, 0, 0 };
	while (reference_cut(&at, n, spatial, NULL, &row, &i, &block)) {
		struct sbn_moments moments = reference_block_moments(&block);

		sbn_moments_add(out, &moments, type == SBN_F64);
	}
}

/* A position's sums in some of a block's rows. */
static inline void
reference_add_gradients(const struct reference_block *block, const struct reference_channel *k,
			size_t position, size_t row, size_t end, double sums[2])
{
	sums[0] = sums[1] = 0;
	for (; row < end && row * block->spatial < block->n; row++) {
		const size_t i = row * block->spatial + position;
		const double g = real_of(k->type, block->g[i]);
		const double d = real_add(k->type, block->x[i], -k->mean_hi);

		sums[0] = real_add(k->type, sums[0], g);
		sums[1] = real_fma(k->type, g, d, sums[1]);
	}
}

/* Of short rows: false if they will not do. */
static inline bool
reference_position_sums(const struct reference_block *block, const struct reference_channel *k,
			double sums[2])
{
	double s0[16] = { 0 }, s1[16] = { 0 }, a[2], b[2];

	for (size_t row = 0; row * block->spatial < block->n; row += 16) {
		for (size_t i = 0; i < block->spatial; i++) {
			reference_add_gradients(block, k, i, row, row + 8, a);
			reference_add_gradients(block, k, i, row + 8, row + 16, b);
			s0[i % 16] += real_add(k->type, a[0], b[0]);
			s1[i % 16] += real_add(k->type, a[1], b[1]);
		}
	}
	sums[0] = reference_fold(block, s0);
	sums[1] = reference_fold(block, s1);
	if (k->type == SBN_F64 && !(isfinite(sums[0]) && isfinite(sums[1])))
		return false;
	if (k->type != SBN_F64 &&
	    !(fabs(sums[0]) <= (double)FLT_MAX && fabs(sums[1]) <= (double)FLT_MAX &&
	      fabs(sums[1]) >= ldexp(1, -100)))
		return false;
	sums[1] -= (k->mean_hi + k->mean_lo - k->mean_hi) * sums[0];
	return true;
}

static inline void
reference_plane_sums(enum sbn_type type, const struct sbn_operands *at, size_t n, size_t spatial,
		     const struct sbn_coefficients *coefficients, size_t c, double sums[2])
{
	struct reference_channel k = reference_channel(type, coefficients, c);
	struct reference_block block = { .type = type };
	size_t row = 0, i = 0;
	double part[2];

	while (reference_cut(at, n, spatial, &k, &row, &i, &block)) {
		if (spatial >= SBN_SHORT_SPATIAL || k.few ||
		    !reference_position_sums(&block, &k, part))
			reference_block_sums(&block, &k, part);
		sums[0] += part[0];
		sums[1] += part[1];
	}
}

/* The operands of one image alone. */
static inline struct sbn_operands
reference_image(enum sbn_type type, const struct sbn_operands *at, size_t image)
{
	struct sbn_operands one = *at;

	one.x = elements_behind(type, at->x, image * at->more.x);
	one.z = elements_behind(type, at->z, image * at->more.z);
	one.dy = elements_behind(type, at->dy, image * at->more.dy);
	one.out = elements_behind_out(type, at->out, image * at->more.out);
	one.dz = elements_behind_out(type, at->dz, image * at->more.dz);
	return one;
}

/* Channel i of n_channels: of at most 16 every other image has a sum of its own. */
static inline void
reference_column(const struct sbn_operands *at, size_t n_rows, size_t n_channels, size_t i,
		 const struct reference_channel *k, struct reference_block *block)
{
	const size_t sums = n_channels <= 16 ? 2 : 1;

	block->n = 0;
	for (size_t image = 0; image <= at->more.n; image++) {
		const struct sbn_operands one = reference_image(block->type, at, image);

		for (size_t row = 0; row < n_rows; row++)
			reference_add(block, &one, row, i, k, image % sums);
	}
}

static inline void
reference_rows_moments(enum sbn_type type, const struct sbn_operands *at, size_t n_rows,
		       size_t n_channels, double *mean, double *m2, double *low)
{
	struct reference_block block = { .type = type };

	for (size_t i = 0; i < n_channels; i++) {
		struct sbn_moments moments;

		reference_column(at, n_rows, n_channels, i, NULL, &block);
		moments = reference_block_moments(&block);
		mean[i] = moments.mean;
		m2[i] = moments.m2;
		if (type == SBN_F64)
			low[i] = moments.low;
	}
}

static inline void
reference_rows_sums(enum sbn_type type, const struct sbn_operands *at, size_t n_rows,
		    size_t n_channels, const struct sbn_coefficients *coefficients, size_t c,
		    double *sum_g, double *sum_g_xmu)
{
	struct reference_block block = { .type = type };

	for (size_t i = 0; i < n_channels; i++) {
		struct reference_channel k = reference_channel(type, coefficients, c + i);
		double sums[2];

		reference_column(at, n_rows, n_channels, i, &k, &block);
		reference_block_sums(&block, &k, sums);
		sum_g[i] = sums[0];
		sum_g_xmu[i] = sums[1];
	}
}

/* channels: each column has one of its own, from c on */
static inline void
reference_map(enum sbn_type type, const struct sbn_operands *at, size_t n, size_t width,
	      const struct sbn_coefficients *coefficients, size_t c,
	      void (*map)(const struct sbn_operands *, size_t, size_t,
			  const struct reference_channel *))
{
	for (size_t i = 0; i < width; i++) {
		struct reference_channel k = reference_channel(type, coefficients, c + i);

		for (size_t image = 0; image <= at->more.n; image++) {
			const struct sbn_operands one = reference_image(type, at, image);

			for (size_t row = 0; row < n; row++)
				map(&one, row, i, &k);
		}
	}
}

static inline void
reference_planes(enum sbn_type type, const struct sbn_operands *at, size_t n, size_t spatial,
		 const struct sbn_coefficients *coefficients, size_t c, size_t n_channels,
		 void (*map)(const struct sbn_operands *, size_t, size_t,
			     const struct reference_channel *))
{
	for (size_t i = 0; i < spatial * n_channels; i++) {
		struct reference_channel k = reference_channel(type, coefficients, c + i / spatial);

		for (size_t row = 0; row < n; row++)
			map(at, row, i, &k);
	}
}

#endif
