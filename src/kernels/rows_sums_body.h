/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of rows sum backward: g and g * (x - mean). */

/*
 * n_columns columns from i on, n elements of each. asked: how far behind ask what is asked for
 * meanwhile begins. first: before reads.
 */
SBN_FORCE_INLINE void
T(sums_columns)(const struct sbn_operands *at, const struct sbn_block *group, size_t i,
		size_t n_columns, size_t n, const struct ROW *ask, size_t asked,
		const struct sbn_coefficients *k, size_t c, int form, bool first,
		struct ROWS_SUMS *sums)
{
	struct COEFFICIENTS v[ROWS_COLUMNS] = { 0 };
	struct w16 s0[ROWS_COLUMNS], s1[ROWS_COLUMNS];

#pragma GCC unroll 4
	for (size_t j = 0; j < n_columns; j++) {
		const size_t column = i + j * SBN_LANES;

		s0[j] = w16_load(sums->s0 + column);
		s1[j] = w16_load(sums->s1 + column);
		T(load_summed)(&v[j], k, c + column, n, form);
		v[j].mean = w16_load(sums->mean + column);
	}
	for (size_t row = group->row; row < group->row + group->n; row++) {
		struct ROW from = T(row_at)(at, row, group->column + i, form);

#pragma GCC unroll 4
		for (size_t j = 0; j < n_columns; j++) {
			if (at->ahead != 0)
				T(fetch_row)(ask, asked + j * SBN_LANES, form);
			if (first)
				sbn_rows_ask_first();
			T(sums_at)(&from, j * SBN_LANES, n, &v[j], form, &s0[j], &s1[j]);
		}
		asked += n_columns * SBN_LANES;
	}
#pragma GCC unroll 4
	for (size_t j = 0; j < n_columns; j++) {
		w16_store(sums->s0 + i + j * SBN_LANES, s0[j]);
		w16_store(sums->s1 + i + j * SBN_LANES, s1[j]);
	}
}

/*
 * All rows of a group, a column at a time; c is the channel of the first. What comes is asked for
 * in the order of memory, as for moments.
 */
SBN_FORCE_INLINE void
T(sums_group)(const struct sbn_operands *at, const struct sbn_block *group,
	      const struct sbn_coefficients *k, size_t c, struct ROWS_SUMS *sums, int form)
{
	size_t i = 0, row = group->row, asked = 0;
	struct ROW ask;

	T(set_row)(&ask, T(row_at)(at, row, group->column, form));
	for (; i + SBN_LANES <= group->spatial; i += SBN_LANES) {
		T(sums_columns)
		(at, group, i, 1, SBN_LANES, &ask, asked, k, c, form, true, sums);
		asked += group->n * SBN_LANES;
		if (asked >= group->spatial) {
			asked -= group->spatial;
			T(set_row)(&ask, T(row_at)(at, ++row, group->column, form));
		}
	}
	if (i < group->spatial)
		T(sums_columns)
	(at, group, i, 1, group->spatial - i, &ask, asked, k, c, form, false, sums);
}

/* Columns i..i+n-1 of a row. */
SBN_FORCE_INLINE void
T(sums_part)(const struct ROW *from, size_t i, size_t n, const struct sbn_coefficients *k, size_t c,
	     struct ROWS_SUMS *sums, int form)
{
	struct w16 s0 = w16_load(sums->s0 + i), s1 = w16_load(sums->s1 + i);
	struct COEFFICIENTS v = { 0 };

	T(load_summed)(&v, k, c + i, n, form);
	v.mean = w16_load(sums->mean + i);
	T(fetch_row)(from, i, form);
	sbn_rows_ask_first();
	T(sums_at)(from, i, n, &v, form, &s0, &s1);
	w16_store(sums->s0 + i, s0);
	w16_store(sums->s1 + i, s1);
}

/* One row after the other; their sums are loaded and stored as they are needed. */
SBN_FORCE_INLINE void
T(sums_along)(const struct sbn_operands *at, const struct sbn_block *block,
	      const struct sbn_coefficients *k, size_t c, struct ROWS_SUMS *sums, int form)
{
	const size_t n = block->spatial, whole = n / SBN_LANES * SBN_LANES;

	for (size_t row = 0; row < block->n; row++) {
		const struct ROW from = T(row_at)(at, row, block->column, form);

		for (size_t i = 0; i < whole; i += SBN_LANES)
			T(sums_part)(&from, i, SBN_LANES, k, c, sums, form);
		if (whole < n)
			T(sums_part)(&from, whole, n - whole, k, c, sums, form);
	}
}

/* All rows of an image, in groups of `step`. */
SBN_FORCE_INLINE void
T(sums_image_as)(const struct sbn_operands *operands, const struct sbn_block *block, size_t step,
		 const struct sbn_coefficients *coefficients, size_t c, struct ROWS_SUMS *sums,
		 int form)
{
	struct sbn_operands at; /* no store can change a copy */
	const struct sbn_coefficients k = *coefficients;
	struct sbn_block group = *block;
	struct ROW ask;

	sbn_set_operands(&at, operands);
	group.n = SBN_MIN(step, block->n);
	at.ahead = T(ahead_of_sums)(&at, &group);
	if (T(is_one_run)(&at, block->spatial)) {
		T(set_row)(&ask, T(row_at)(&at, 0, 0, form));
		T(sums_columns)
		(&at, block, 0, ROWS_COLUMNS, SBN_LANES, &ask, 0, &k, c, form, true, sums);
	} else if (step == 1) {
		T(sums_along)(&at, block, &k, c, sums, form);
	} else {
		for (; group.row < block->n; group.row += step) {
			group.n = SBN_MIN(step, block->n - group.row);
			T(sums_group)(&at, &group, &k, c, sums, form);
		}
	}
}

static void
T(sums_image)(const struct sbn_operands *at, const struct sbn_block *block, size_t step,
	      const struct sbn_coefficients *k, size_t c, struct ROWS_SUMS *sums)
{
	SBN_SWITCH_SUMS(sbn_sums_form(at, k), T(sums_image_as), at, block, step, k, c, sums);
}

static void
T(sums_of_groups)(const struct sbn_operands *at, const struct sbn_block *block,
		  const struct sbn_coefficients *k, size_t c, struct ROWS_SUMS *sums)
{
	const size_t step =
		T(group_rows)(at, block->n, block->spatial, ROWS_GROUP, IS_HALF ? ROWS_HALF : 1);

	for (size_t i = 0; i <= at->more.n; i++) {
		const struct sbn_operands image = T(image_of)(at, i);

		T(sums_image)(&image, block, step, k, c, sums);
	}
}

/* At most ROWS_CHANNELS channels, c the first. */
static void
T(sums_of_rows)(const struct sbn_operands *at, const struct sbn_block *block,
		const struct sbn_coefficients *k, size_t c, double *sum_g, double *sum_g_xmu)
{
	struct ROWS_SUMS sums;

	for (size_t i = 0; i < block->spatial; i += SBN_LANES) {
		const size_t n = SBN_MIN(block->spatial - i, (size_t)SBN_LANES);

		w16_store(sums.s0 + i, w16_set1(0));
		w16_store(sums.s1 + i, w16_set1(0));
		w16_store(sums.mean + i, T(wide_mean)(k, c + i, n));
	}
	if (sbn_is_one_column(block))
		T(sums_of_column)(at, block->n, block->spatial, k, c, &sums);
	else
		T(sums_of_groups)(at, block, k, c, &sums);
	memcpy(sum_g, sums.s0, block->spatial * sizeof(*sum_g));
	memcpy(sum_g_xmu, sums.s1, block->spatial * sizeof(*sum_g_xmu));
}

static void
T(rows_sums)(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
	     const struct sbn_coefficients *k, size_t c, double *sum_g, double *sum_g_xmu)
{
	struct sbn_block block = { .n = n_rows };

	for (size_t i = 0; i < n_channels; i += ROWS_CHANNELS) {
		block.column = i;
		block.spatial = SBN_MIN((size_t)ROWS_CHANNELS, n_channels - i);
		T(sums_of_rows)(at, &block, k, c + i, sum_g + i, sum_g_xmu + i);
	}
}
