/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rows of at most 16 channels sum: every other image has sums of its own, as of a second
 * column. Where registers hold both, two images are summed at once: an addition need not wait for
 * the one of the row before, and memory has two places to read. Other rows may be mapped meanwhile,
 * a row of either in turn.
 */
#ifndef SBN_KERNELS_ONE_COLUMN_BODY_H
#define SBN_KERNELS_ONE_COLUMN_BODY_H

#include "kernels/block.h"

/* All columns that the rows have, not the last ones of many. */
static inline bool
sbn_is_one_column(const struct sbn_block *block)
{
	return block->column == 0 && block->spatial <= SBN_LANES;
}

/* The others' sums are where those of 16 channels more would be. */
static inline size_t
sbn_sums_of_image(size_t image)
{
	return image % 2 * SBN_LANES;
}

static inline void
sbn_two_sums_begin(double *s)
{
	w16_store(s, w16_set1(0));
	w16_store(s + SBN_LANES, w16_set1(0));
}

static inline void
sbn_two_sums_put(double *s, struct w16 a, struct w16 b)
{
	w16_store(s, a);
	w16_store(s + SBN_LANES, b);
}

static inline void
sbn_two_sums_end(double *s)
{
	w16_store(s, w16_add(w16_load(s), w16_load(s + SBN_LANES)));
}

#endif

struct ROWS_MOMENTS {
	REAL shift[ROWS_CHANNELS];
	double s1[ROWS_CHANNELS], s2[ROWS_CHANNELS];
};

struct ROWS_SUMS {
	double s0[ROWS_CHANNELS], unused0[ROWS_APART];
	double s1[ROWS_CHANNELS], unused1[ROWS_APART];
	double mean[ROWS_CHANNELS]; /* of x, widened once */
};

/* What is mapped meanwhile, if anything is, of 16 channels. */
struct BESIDE_ROWS {
	const struct sbn_operands *at;
	struct COEFFICIENTS k;
};

/* Image i, or nothing. */
SBN_FORCE_INLINE struct sbn_operands
T(image_beside)(const struct BESIDE_ROWS *beside, size_t i, int form)
{
	return beside == NULL ? (struct sbn_operands){ 0 } : T(image_as)(beside->at, i, form);
}

SBN_FORCE_INLINE void
T(row_beside)(const struct BESIDE_ROWS *beside, const struct sbn_operands *image, size_t row,
	      int form)
{
	if (beside != NULL)
		T(map_row)(image, row, &beside->k, form);
}

/* A row's n channels, about their shifts, or about 0. */
SBN_FORCE_INLINE void
T(moments_of_row)(const struct sbn_operands *at, size_t row, size_t n, const struct SHIFT *shift,
		  bool shifted, struct w16 *s1, struct w16 *s2)
{
	const ELEMENT *p = T(in)(at->x, row, 0);

	if (at->ahead != 0)
		T(fetch)(p, at->ahead);
	if (shifted)
		T(moments_at)(p, n, shift, s1, s2);
	else
		T(add_powers)(T(take_wide)(p, n, shift->narrow), s1, s2);
}

SBN_FORCE_INLINE void
T(moments_in_order)(const struct sbn_operands *at, size_t n_rows, size_t n,
		    const struct SHIFT *shift, bool shifted, struct ROWS_MOMENTS *sums,
		    const struct BESIDE_ROWS *beside, int form)
{
	for (size_t i = 0; i <= at->more.n; i++) {
		const struct sbn_operands image = T(image_as)(at, i, 0);
		const struct sbn_operands mapped = T(image_beside)(beside, i, form);
		const size_t to = sbn_sums_of_image(i);
		struct w16 s1 = w16_load(sums->s1 + to), s2 = w16_load(sums->s2 + to);

		for (size_t row = 0; row < n_rows; row++) {
			T(moments_of_row)(&image, row, n, shift, shifted, &s1, &s2);
			T(row_beside)(beside, &mapped, row, form);
		}
		w16_store(sums->s1 + to, s1);
		w16_store(sums->s2 + to, s2);
	}
}

/* The last image may be alone. */
SBN_FORCE_INLINE void
T(moments_by_two)(const struct sbn_operands *at, size_t n_rows, size_t n, const struct SHIFT *shift,
		  bool shifted, struct ROWS_MOMENTS *sums, const struct BESIDE_ROWS *beside,
		  int form)
{
	struct w16 a1 = w16_set1(0), a2 = a1, b1 = a1, b2 = a1;

	for (size_t i = 0; i <= at->more.n; i += 2) {
		const bool alone = i == at->more.n;
		const struct sbn_operands a = T(image_as)(at, i, 0);
		const struct sbn_operands b = T(image_as)(at, alone ? i : i + 1, 0);
		const struct sbn_operands mapped_a = T(image_beside)(beside, i, form);
		const struct sbn_operands mapped_b =
			T(image_beside)(beside, alone ? i : i + 1, form);

		for (size_t row = 0; !alone && row < n_rows; row++) {
			T(moments_of_row)(&a, row, n, shift, shifted, &a1, &a2);
			T(row_beside)(beside, &mapped_a, row, form);
			T(moments_of_row)(&b, row, n, shift, shifted, &b1, &b2);
			T(row_beside)(beside, &mapped_b, row, form);
		}
		for (size_t row = 0; alone && row < n_rows; row++) {
			T(moments_of_row)(&a, row, n, shift, shifted, &a1, &a2);
			T(row_beside)(beside, &mapped_a, row, form);
		}
	}
	sbn_two_sums_put(sums->s1, a1, b1);
	sbn_two_sums_put(sums->s2, a2, b2);
}

SBN_FORCE_INLINE void
T(moments_of_images)(const struct sbn_operands *at, size_t n_rows, size_t n,
		     struct ROWS_MOMENTS *sums, bool shifted, const struct BESIDE_ROWS *beside,
		     int form)
{
	const struct VECTOR about = shifted ? V(load)(sums->shift) : V(set1)(0);
	const struct SHIFT shift = T(shift_of)(about);

	if (W16_COLUMNS >= 2)
		T(moments_by_two)(at, n_rows, n, &shift, shifted, sums, beside, form);
	else
		T(moments_in_order)(at, n_rows, n, &shift, shifted, sums, beside, form);
}

/* All rows of a block of n channels. */
static void
T(moments_of_column)(const struct sbn_operands *operands, size_t n_rows, size_t n,
		     struct ROWS_MOMENTS *sums, bool shifted)
{
	struct sbn_operands at;

	sbn_set_operands(&at, operands);
	at.ahead = sbn_rows_ahead(&at, n_rows, at.x.stride * sizeof(ELEMENT));
	sbn_two_sums_begin(sums->s1);
	sbn_two_sums_begin(sums->s2);
	if (n == SBN_LANES)
		T(moments_of_images)(&at, n_rows, SBN_LANES, sums, shifted, NULL, 0);
	else
		T(moments_of_images)(&at, n_rows, n, sums, shifted, NULL, 0);
	sbn_two_sums_end(sums->s1);
	sbn_two_sums_end(sums->s2);
}

/* The same of g and g * (x - mean). first: what comes is asked for before reads. */
SBN_FORCE_INLINE void
T(sums_of_row)(const struct sbn_operands *at, size_t row, size_t n, const struct COEFFICIENTS *k,
	       int form, bool first, struct w16 *s0, struct w16 *s1)
{
	struct ROW from = T(row_at)(at, row, 0, form);

	if (at->ahead != 0)
		T(fetch_row)(&from, 0, form);
	if (first)
		sbn_rows_ask_first();
	T(sums_at)(&from, 0, n, k, form, s0, s1);
}

SBN_FORCE_INLINE void
T(sums_in_order)(const struct sbn_operands *at, size_t n_rows, size_t n,
		 const struct COEFFICIENTS *k, int form, bool first, struct ROWS_SUMS *sums,
		 const struct BESIDE_ROWS *beside, int form_beside)
{
	for (size_t i = 0; i <= at->more.n; i++) {
		const struct sbn_operands image = T(image_as)(at, i, form);
		const struct sbn_operands mapped = T(image_beside)(beside, i, form_beside);
		const size_t to = sbn_sums_of_image(i);
		struct w16 s0 = w16_load(sums->s0 + to), s1 = w16_load(sums->s1 + to);

		for (size_t row = 0; row < n_rows; row++) {
			T(sums_of_row)(&image, row, n, k, form, first, &s0, &s1);
			T(row_beside)(beside, &mapped, row, form_beside);
		}
		w16_store(sums->s0 + to, s0);
		w16_store(sums->s1 + to, s1);
	}
}

SBN_FORCE_INLINE void
T(sums_by_two)(const struct sbn_operands *at, size_t n_rows, size_t n, const struct COEFFICIENTS *k,
	       int form, bool first, struct ROWS_SUMS *sums, const struct BESIDE_ROWS *beside,
	       int form_beside)
{
	struct w16 a0 = w16_set1(0), a1 = a0, b0 = a0, b1 = a0;

	for (size_t i = 0; i <= at->more.n; i += 2) {
		const bool alone = i == at->more.n;
		const struct sbn_operands a = T(image_as)(at, i, form);
		const struct sbn_operands b = T(image_as)(at, alone ? i : i + 1, form);
		const struct sbn_operands mapped_a = T(image_beside)(beside, i, form_beside);
		const struct sbn_operands mapped_b =
			T(image_beside)(beside, alone ? i : i + 1, form_beside);

		for (size_t row = 0; !alone && row < n_rows; row++) {
			T(sums_of_row)(&a, row, n, k, form, first, &a0, &a1);
			T(row_beside)(beside, &mapped_a, row, form_beside);
			T(sums_of_row)(&b, row, n, k, form, first, &b0, &b1);
			T(row_beside)(beside, &mapped_b, row, form_beside);
		}
		for (size_t row = 0; alone && row < n_rows; row++) {
			T(sums_of_row)(&a, row, n, k, form, first, &a0, &a1);
			T(row_beside)(beside, &mapped_a, row, form_beside);
		}
	}
	sbn_two_sums_put(sums->s0, a0, b0);
	sbn_two_sums_put(sums->s1, a1, b1);
}

SBN_FORCE_INLINE void
T(sums_of_images)(const struct sbn_operands *at, size_t n_rows, size_t n,
		  const struct sbn_coefficients *coefficients, size_t c, struct ROWS_SUMS *sums,
		  int form, bool first, const struct BESIDE_ROWS *beside, int form_beside)
{
	struct COEFFICIENTS k = { 0 };

	T(load_summed)(&k, coefficients, c, n, form);
	k.mean = w16_load(sums->mean);
	if (W16_COLUMNS >= 2)
		T(sums_by_two)(at, n_rows, n, &k, form, first, sums, beside, form_beside);
	else
		T(sums_in_order)(at, n_rows, n, &k, form, first, sums, beside, form_beside);
}

SBN_FORCE_INLINE void
T(sums_of_column_as)(const struct sbn_operands *operands, size_t n_rows, size_t n,
		     const struct sbn_coefficients *k, size_t c, struct ROWS_SUMS *sums, int form)
{
	struct sbn_operands at; /* no store can change a copy */

	sbn_set_operands(&at, operands);
	at.ahead = sbn_rows_ahead(&at, n_rows, at.x.stride * sizeof(ELEMENT));
	if (n != SBN_LANES)
		T(sums_of_images)(&at, n_rows, n, k, c, sums, form, false, NULL, 0);
	else if (at.ahead >= ROWS_AHEAD)
		T(sums_of_images)(&at, n_rows, SBN_LANES, k, c, sums, form, true, NULL, 0);
	else
		T(sums_of_images)(&at, n_rows, SBN_LANES, k, c, sums, form, false, NULL, 0);
}

/* All rows of a block of channels c..c+n-1. */
static void
T(sums_of_column)(const struct sbn_operands *at, size_t n_rows, size_t n,
		  const struct sbn_coefficients *k, size_t c, struct ROWS_SUMS *sums)
{
	sbn_two_sums_begin(sums->s0);
	sbn_two_sums_begin(sums->s1);
	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(sums_of_column_as), at, n_rows, n, k, c, sums);
	sbn_two_sums_end(sums->s0);
	sbn_two_sums_end(sums->s1);
}
