/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of 16 channels that are written past the caches while others are summed. What is summed is
 * asked for in the same loop: memory always has both to do. Of other rows, or forms that networks
 * do not have, one comes after the other. Operands are used where they are: with copies of them
 * backward of short rows takes a quarter longer (doc/batch-norm-tried/zen-5.md).
 */

SBN_FORCE_INLINE bool
T(rows_go_beside)(size_t n_channels, int form)
{
	return n_channels == SBN_LANES && form & SBN_FORM_STREAM && !(form & SBN_FORM_Z) &&
	       sbn_form_is_usual(form);
}

SBN_FORCE_INLINE void
T(rows_moments_beside)(const struct sbn_rows_beside *beside, const struct sbn_operands *at,
		       size_t n_rows, const struct sbn_coefficients *k, size_t c,
		       struct ROWS_MOMENTS *sums, int form)
{
	struct BESIDE_ROWS rows = { .at = at };

	T(load_map)(&rows.k, k, c, SBN_LANES, form);
	T(moments_of_images)(beside->at, n_rows, SBN_LANES, sums, IS_WIDE, &rows, form);
}

static void
T(rows_normalize_beside)(const struct sbn_rows_beside *beside, const struct sbn_operands *at,
			 size_t n_rows, size_t n_channels, const struct sbn_coefficients *k,
			 size_t c)
{
	const int form = T(rows_with_stream)(at, n_channels, sbn_forward_form(at, k));
	const struct sbn_block block = { .n = n_rows, .spatial = n_channels };
	const struct sbn_rows_out out = { beside->sums[0], beside->sums[1], beside->sums[2] };
	struct ROWS_MOMENTS sums;

	if (!T(rows_go_beside)(n_channels, form)) {
		T(rows_normalize)(at, n_rows, n_channels, k, c);
		T(rows_moments)(beside->at, n_rows, n_channels, out.mean, out.m2, out.low);
		return;
	}
	T(begin_column)(beside->at, &block, 0, SBN_LANES, &sums, IS_WIDE);
	sbn_two_sums_begin(sums.s1);
	sbn_two_sums_begin(sums.s2);
	SBN_SWITCH_FORWARD_BESIDE(form, T(rows_moments_beside), beside, at, n_rows, k, c, &sums);
	sbn_two_sums_end(sums.s1);
	sbn_two_sums_end(sums.s2);
	T(end_column)(beside->at, &block, 0, SBN_LANES, &sums, &out);
}

SBN_FORCE_INLINE void
T(rows_sums_beside)(const struct sbn_rows_beside *beside, const struct sbn_operands *at,
		    size_t n_rows, const struct sbn_coefficients *k, size_t c,
		    struct ROWS_SUMS *sums, int form)
{
	struct BESIDE_ROWS rows = { .at = at };

	T(load_map)(&rows.k, k, c, SBN_LANES, form);
	T(sums_of_images)
	(beside->at, n_rows, SBN_LANES, k, beside->c, sums, form & (SBN_FORM_SUMS | SBN_FORM_ACT),
	 true, &rows, form);
}

static void
T(rows_dx_beside)(const struct sbn_rows_beside *beside, const struct sbn_operands *at,
		  size_t n_rows, size_t n_channels, const struct sbn_coefficients *k, size_t c)
{
	const int form = T(rows_with_stream)(at, n_channels, sbn_dx_form(at, k));
	struct ROWS_SUMS sums;

	if (!T(rows_go_beside)(n_channels, form)) {
		T(rows_dx)(at, n_rows, n_channels, k, c);
		T(rows_sums)
		(beside->at, n_rows, n_channels, k, beside->c, beside->sums[0], beside->sums[1]);
		return;
	}
	w16_store(sums.mean, T(wide_mean)(k, beside->c, SBN_LANES));
	sbn_two_sums_begin(sums.s0);
	sbn_two_sums_begin(sums.s1);
	SBN_SWITCH_DX_BESIDE(form, T(rows_sums_beside), beside, at, n_rows, k, c, &sums);
	sbn_two_sums_end(sums.s0);
	sbn_two_sums_end(sums.s1);
	memcpy(beside->sums[0], sums.s0, SBN_LANES * sizeof(*sums.s0));
	memcpy(beside->sums[1], sums.s1, SBN_LANES * sizeof(*sums.s1));
}
