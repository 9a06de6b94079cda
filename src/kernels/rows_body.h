/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of rows. They walk from channel to channel in the order of memory, as a CPU's
 * prefetcher wants it: through one row at a time, or where rows are short through a few, so that a
 * column's sums and coefficients are loaded once for all rows of the group; then what comes is
 * asked for row by row all the same. Up to 16 channels are one column, and all rows of an image one
 * group; so are those of 64 channels that lie together, where registers hold the sums of four
 * columns. Rows of very many channels are mapped in parts.
 */
#ifndef SBN_KERNELS_ROWS_BODY_H
#define SBN_KERNELS_ROWS_BODY_H

#include "kernels/block.h"

enum {
	ROWS_CHANNELS = 1024, /* sums and means of so many stay in the innermost cache; */
	ROWS_APART = 1024,    /* side by side some CPUs read rows of 4 KB a sixth slower */
	ROWS_GROUP = 512,     /* bytes of an operand's rows that are gone through together */
	ROWS_POWERS = 1024,   /* and of those whose moments are summed: */
	ROWS_LEAST = 2,       /* so many rows, as storing the sums takes longer than adding */
	ROWS_WIDE = 4,        /* rows of a map's group, of many channels or of 16 bits */
	ROWS_ALIKE = 2048, /* bytes; of rows so far apart every other one begins alike in a page */
	ROWS_HALF = 8,     /* rows of 16 bits that are summed: a line has two columns' sums */
	ROWS_AHEAD = 4096, /* bytes; what is read is asked for so far ahead at least, */
	ROWS_AHEAD_OF_RUN = 1024 /* or so far where all columns of a row are mapped at once */
};

/* Of float32 so many columns' sums, or coefficients, stay in registers, for all rows. */
#define ROWS_COLUMNS (sizeof(ELEMENT) == sizeof(float) ? W16_COLUMNS : 1)

/* From a row to the one that is asked for meanwhile, in a group to come. */
static inline size_t
sbn_rows_ahead(const struct sbn_operands *at, size_t rows, size_t row_bytes)
{
	size_t ahead = rows * row_bytes;

	while (ahead != 0 && ahead < ROWS_AHEAD)
		ahead *= 2;
	return at->ahead != 0 ? at->ahead : ahead;
}

/*
 * Keeps requests before the reads that follow. A compiler puts them behind, where they wait
 * whenever a read does. Those less than ROWS_AHEAD ahead, beside a CPU's own prefetcher, may.
 */
static inline void
sbn_rows_ask_first(void)
{
	__asm__ volatile("" ::: "memory");
}

static inline size_t
sbn_rows_of(const struct sbn_operands *at, size_t n_rows)
{
	return (at->more.n + 1) * n_rows;
}

#endif

/* Whether rows lie together, and all their columns are gone through at once. */
SBN_FORCE_INLINE bool
T(is_one_run)(const struct sbn_operands *at, size_t n_channels)
{
	return ROWS_COLUMNS > 1 && n_channels == ROWS_COLUMNS * SBN_LANES &&
	       at->x.stride == n_channels;
}

/* How many of n_rows rows are a group: of so many bytes, but at least `least`. */
SBN_FORCE_INLINE size_t
T(group_rows)(const struct sbn_operands *at, size_t n_rows, size_t n_channels, size_t bytes,
	      size_t least)
{
	if (n_channels <= SBN_LANES || T(is_one_run)(at, n_channels))
		return n_rows;
	return SBN_MAX(bytes / (n_channels * sizeof(ELEMENT)), least);
}

SBN_FORCE_INLINE struct sbn_in
T(moved_in)(struct sbn_in from, size_t by)
{
	if (from.data != NULL)
		from.data = (const ELEMENT *)from.data + by;
	return from;
}

SBN_FORCE_INLINE struct sbn_out
T(moved_out)(struct sbn_out to, size_t by)
{
	if (to.data != NULL)
		to.data = (ELEMENT *)to.data + by;
	return to;
}

/* The operands of one image alone. */
SBN_FORCE_INLINE struct sbn_operands
T(image_of)(const struct sbn_operands *at, size_t image)
{
	return (struct sbn_operands){
		.x = T(moved_in)(at->x, image * at->more.x),
		.z = T(moved_in)(at->z, image * at->more.z),
		.dy = T(moved_in)(at->dy, image * at->more.dy),
		.out = T(moved_out)(at->out, image * at->more.out),
		.dz = T(moved_out)(at->dz, image * at->more.dz),
		.ahead = at->ahead,
		.stream = at->stream,
	};
}

/* The same of what the form needs, all of which is there. */
SBN_FORCE_INLINE struct sbn_operands
T(image_as)(const struct sbn_operands *at, size_t image, int form)
{
	const struct ROW p = {
		.x = T(in)(at->x, 0, image * at->more.x),
		.z = form & SBN_FORM_Z ? T(in)(at->z, 0, image * at->more.z) : NULL,
		.dy = form & SBN_FORM_DY ? T(in)(at->dy, 0, image * at->more.dy) : NULL,
		.out = form & SBN_FORM_OUT ? T(out)(at->out, 0, image * at->more.out) : NULL,
		.dz = form & SBN_FORM_DZ ? T(out)(at->dz, 0, image * at->more.dz) : NULL,
	};

	return (struct sbn_operands){
		.x = { p.x, at->x.stride },
		.z = { p.z, at->z.stride },
		.dy = { p.dy, at->dy.stride },
		.out = { p.out, at->out.stride },
		.dz = { p.dz, at->dz.stride },
		.ahead = at->ahead,
	};
}

/* n_columns columns from i on, n elements of each. */
SBN_FORCE_INLINE void
T(map_columns)(const struct sbn_operands *at, const struct sbn_block *group, size_t i,
	       size_t n_columns, size_t n, const struct sbn_coefficients *k, size_t c, int form)
{
	struct COEFFICIENTS v[ROWS_COLUMNS] = { 0 };

#pragma GCC unroll 4
	for (size_t j = 0; j < n_columns; j++)
		T(load_map)(&v[j], k, c + i + j * SBN_LANES, n, form);
	for (size_t row = group->row; row < group->row + group->n; row++) {
		struct ROW p = T(row_at)(at, row, i, form);

#pragma GCC unroll 4
		for (size_t j = 0; j < n_columns; j++) {
			const size_t at_column = j * SBN_LANES;
			struct RESULTS r = T(map)(&p, at_column, n, &v[j], form);

			T(fetch_row)(&p, at_column, form);
			if (n == SBN_LANES)
				T(give_whole)(&p, at_column, &r, form);
			else
				T(give)(&p, at_column, n, &r, form);
		}
	}
}

SBN_FORCE_INLINE void
T(map_group)(const struct sbn_operands *at, const struct sbn_block *group,
	     const struct sbn_coefficients *k, size_t c, int form)
{
	const size_t end = group->column + group->spatial;
	size_t i = group->column;

	if (T(is_one_run)(at, group->spatial)) {
		T(map_columns)(at, group, i, ROWS_COLUMNS, SBN_LANES, k, c, form);
		return;
	}
	for (; i + SBN_LANES <= end; i += SBN_LANES)
		T(map_columns)(at, group, i, 1, SBN_LANES, k, c, form);
	if (i < end)
		T(map_columns)(at, group, i, 1, end - i, k, c, form);
}

/* Columns column..column+n-1 of a row, whose coefficients are loaded as they are needed. */
SBN_FORCE_INLINE void
T(map_along)(const struct sbn_operands *at, size_t row, size_t column, size_t n,
	     const struct sbn_coefficients *k, size_t c, int form)
{
	const struct ROW p = T(row_at)(at, row, column, form);
	const size_t whole = n / SBN_LANES * SBN_LANES;
	struct COEFFICIENTS v = { 0 };
	struct RESULTS r;

	c += column;
	for (size_t i = 0; i < whole; i += SBN_LANES) {
		T(load_map)(&v, k, c + i, SBN_LANES, form);
		r = T(map)(&p, i, SBN_LANES, &v, form);
		T(fetch_row)(&p, i, form);
		T(give_whole)(&p, i, &r, form);
	}
	if (whole == n)
		return;
	T(load_map)(&v, k, c + whole, n - whole, form);
	r = T(map)(&p, whole, n - whole, &v, form);
	T(fetch_row)(&p, whole, form);
	T(give)(&p, whole, n - whole, &r, form);
}

/* Columns column..column+n-1 of all rows of an image. */
SBN_FORCE_INLINE void
T(map_rows)(const struct sbn_operands *at, size_t n_rows, size_t step, size_t column, size_t n,
	    const struct sbn_coefficients *k, size_t c, int form)
{
	struct sbn_block group = { .column = column, .spatial = n };

	for (; step == 1 && group.row < n_rows; group.row++)
		T(map_along)(at, group.row, column, n, k, c, form);
	for (; group.row < n_rows; group.row += step) {
		group.n = SBN_MIN(step, n_rows - group.row);
		T(map_group)(at, &group, k, c, form);
	}
}

/*
 * Whether long rows are mapped one by one, in parts whose coefficients stay in the innermost cache.
 * Several rows would be written a line of each in turn: past the caches that is slow, and where
 * they begin alike in their pages loads wait for the stores, too. Backward has twice as many
 * coefficients: loading them for each row costs more than the former, but less than the latter.
 */
SBN_FORCE_INLINE bool
T(in_parts)(const struct sbn_operands *at, size_t n_channels, int form)
{
	return n_channels >= ROWS_CHANNELS && form & SBN_FORM_STREAM &&
	       (!(form & SBN_FORM_DY) || at->x.stride * sizeof(ELEMENT) % ROWS_ALIKE == 0);
}

/* A row of 16 channels. */
SBN_FORCE_INLINE void
T(map_row)(const struct sbn_operands *at, size_t row, const struct COEFFICIENTS *k, int form)
{
	const struct ROW p = T(row_at)(at, row, 0, form);
	const struct RESULTS r = T(map)(&p, 0, SBN_LANES, k, form);

	if (at->ahead != 0)
		T(fetch_row)(&p, 0, form);
	T(give_whole)(&p, 0, &r, form);
}

/* Of 16 channels: their coefficients are loaded once for all images. */
SBN_FORCE_INLINE void
T(map_images)(const struct sbn_operands *at, size_t n_rows,
	      const struct sbn_coefficients *coefficients, size_t c, int form)
{
	const size_t ahead = sbn_rows_ahead(at, n_rows, at->x.stride * sizeof(ELEMENT));
	struct COEFFICIENTS k = { 0 };

	T(load_map)(&k, coefficients, c, SBN_LANES, form);
	for (size_t i = 0; i <= at->more.n; i++) {
		struct sbn_operands image = T(image_as)(at, i, form);

		image.ahead = ahead;
		for (size_t row = 0; row < n_rows; row++)
			T(map_row)(&image, row, &k, form);
	}
}

SBN_FORCE_INLINE void
T(rows_map)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
	    const struct sbn_coefficients *coefficients, size_t c, int form)
{
	const struct sbn_coefficients k = *coefficients; /* no store can change a copy */
	const bool parts = T(in_parts)(at, n_channels, form);
	const size_t least = IS_HALF || n_channels > ROWS_CHANNELS ? ROWS_WIDE : 1;
	const size_t step =
		T(group_rows)(at, n_rows, n_channels, ROWS_GROUP, parts ? (size_t)1 : least);
	const size_t most = parts ? (size_t)ROWS_CHANNELS : n_channels;

	if (n_channels == SBN_LANES) {
		T(map_images)(at, n_rows, &k, c, form);
		return;
	}
	for (size_t i = 0; i <= at->more.n; i++) {
		struct sbn_operands image = T(image_of)(at, i);

		if (!T(is_one_run)(at, n_channels))
			image.ahead = sbn_rows_ahead(at, SBN_MIN(step, n_rows),
						     at->x.stride * sizeof(ELEMENT));
		else if (at->ahead == 0)
			image.ahead = ROWS_AHEAD_OF_RUN;
		for (size_t column = 0; column < n_channels; column += most)
			T(map_rows)
		(&image, n_rows, step, column, SBN_MIN(most, n_channels - column), &k, c, form);
	}
}

/* The form with SBN_FORM_STREAM if each row's outputs are whole lines. */
static int
T(rows_with_stream)(const struct sbn_operands *at, size_t n_channels, int form)
{
	uintptr_t odd = n_channels * sizeof(ELEMENT);

	if (form & SBN_FORM_OUT)
		odd |= (uintptr_t)at->out.data | (at->out.stride | at->more.out) * sizeof(ELEMENT);
	if (form & SBN_FORM_DZ)
		odd |= (uintptr_t)at->dz.data | (at->dz.stride | at->more.dz) * sizeof(ELEMENT);
	if (!at->stream || form & (SBN_FORM_X_IS_Y | SBN_FORM_FEW) || odd % SBN_STORE_LINE != 0)
		return form;
	return form | SBN_FORM_STREAM;
}

static void
T(rows_normalize)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
		  const struct sbn_coefficients *k, size_t c)
{
	SBN_SWITCH_FORWARD(T(rows_with_stream)(at, n_channels, sbn_forward_form(at, k)),
			   T(rows_map), at, n_rows, n_channels, k, c);
}

static void
T(rows_dx)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
	   const struct sbn_coefficients *k, size_t c)
{
	SBN_SWITCH_DX(T(rows_with_stream)(at, n_channels, sbn_dx_form(at, k)), T(rows_map), at,
		      n_rows, n_channels, k, c);
}
