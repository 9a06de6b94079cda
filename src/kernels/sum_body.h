/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of whole arrays: in real, rounded to elements once. */

/* 16 elements from i on, n of them real. */
SBN_FORCE_INLINE void
T(sum_at)(ELEMENT *const *dst, size_t n_dst, const ELEMENT *const *src, size_t n_src, size_t i,
	  size_t n, REAL divisor)
{
	const struct VECTOR one = V(set1)(1);
	struct VECTOR sum = T(take)(src[0] + i, n, one);

	for (size_t s = 1; s < n_src; s++)
		sum = V(add)(sum, T(take)(src[s] + i, n, one));
	if (divisor != 1)
		sum = V(div)(sum, V(set1)(divisor));
	for (size_t d = 0; d < n_dst; d++)
		T(put)(dst[d] + i, n, sum);
}

SBN_FORCE_INLINE void
T(sum_all)(ELEMENT *const *dst, size_t n_dst, const ELEMENT *const *src, size_t n_src, size_t count,
	   REAL divisor)
{
	size_t i = 0;

	for (; i + SBN_LANES <= count; i += SBN_LANES)
		T(sum_at)(dst, n_dst, src, n_src, i, SBN_LANES, divisor);
	if (i < count)
		T(sum_at)(dst, n_dst, src, n_src, i, count - i, divisor);
}

/* Two ranks are the most frequent: their pointers stay in registers. */
static void
T(sum)(ELEMENT *const *dst, size_t n_dst, const ELEMENT *const *src, size_t n_src, size_t count,
       REAL divisor)
{
	ELEMENT *const one[] = { dst[0] };
	const ELEMENT *const two[] = { src[0], src[n_src - 1] };

	if (n_src == 2 && n_dst == 1)
		T(sum_all)(one, 1, two, 2, count, divisor);
	else
		T(sum_all)(dst, n_dst, src, n_src, count, divisor);
}
