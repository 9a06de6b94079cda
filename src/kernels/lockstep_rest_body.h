/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a block's sums in lockstep (lockstep_body.h) where nothing is to be mapped. */

#define STEP T(lockstep_step)

SBN_FORCE_INLINE void
T(sum_and_ask)(const struct ROW *from, struct ASKED *asked, size_t at, size_t n, bool near,
	       const struct SHIFT *shift, struct ADDED *sums)
{
	T(ask)(asked, n, near, 0);
	T(sum_steps)(from, at, n, shift, sums);
}

SBN_FORCE_INLINE void
T(moments_of_rest_in)(const struct SUMMED *summed, const struct SHIFT *about, struct ADDED *sums)
{
	const struct sbn_block block = summed->block;
	const size_t whole = block.spatial / STEP * STEP, rest = block.spatial % STEP;
	struct ADDED s = *sums;
	size_t i = summed->i;

	for (size_t row = block.row; row < block.row + block.n; row++, i = 0) {
		const struct ROW from = T(row_at)(summed->at, row, block.column, 0);
		struct ASKED asked = { 0 };

		T(asked_beside)(&asked, summed->at, summed->groups, row, block.column, i, 0);
		while (i < whole) {
			const size_t part = T(lockstep_part)(i, whole, 0);

			for (; i + T(lockstep_turn) <= part; i += T(lockstep_turn))
				T(sum_and_ask)
			(&from, &asked, i, T(lockstep_turn), summed->at->near,
			 IS_WIDE ? about : NULL, &s);
			if (i < part)
				T(sum_and_ask)
			(&from, &asked, i, STEP, summed->at->near, IS_WIDE ? about : NULL, &s);
			i = part;
			T(end_part)(i, &s, 0);
		}
		if (rest > 0) {
			T(ask_for_end)
			(summed->at, summed->groups, row, block.column + whole, 0);
			T(sum_tail)(&from, whole, rest, IS_WIDE ? about : NULL, &s);
		}
		T(end_part)(0, &s, 0);
	}
	*sums = s;
}

SBN_FORCE_INLINE void
T(sums_of_rest_in)(const struct SUMMED *summed, const struct sbn_coefficients *k, size_t c,
		   struct ADDED *sums, int form)
{
	const struct sbn_block block = summed->block;
	struct w16 s0 = sums->a, s1 = sums->b;
	struct COEFFICIENTS u = { 0 };
	size_t i = summed->i;

	T(load_sums)(&u, k, c, 0, form);
	for (size_t row = block.row; row < block.row + block.n; row++, i = 0) {
		const struct ROW from = T(row_at)(summed->at, row, block.column + i, form);

		T(row_sums)(&from, block.spatial - i, &u, form, &s0, &s1);
	}
	sums->a = s0;
	sums->b = s1;
}

#undef STEP
