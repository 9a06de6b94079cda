/* SPDX-License-Identifier: Apache-2.0 */
/* The fold of 16 lanes. */

SBN_FORCE_INLINE double
T(fold_lanes)(double s[SBN_LANES])
{
	for (int i = 0; i < SBN_LANES / 2; i++)
		s[i] += s[i + SBN_LANES / 2];
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* By force: sums that are passed in memory would live there. */
SBN_FORCE_INLINE double
T(fold)(struct w16 v)
{
	double s[SBN_LANES];

	w16_store(s, v);
	return T(fold_lanes)(s);
}

SBN_FORCE_INLINE double
T(fold_mixed)(struct w16 v)
{
	double s[SBN_LANES];

	T(store_mixed)(s, v);
	return T(fold_lanes)(s);
}

/* Of two, side by side. */
SBN_FORCE_INLINE void
T(fold_two)(struct w16 a, struct w16 b, double sums[2])
{
#ifdef SBN_W16_HAS_FOLD_TWO
	w16_fold_two(a, b, sums);
#else
	sums[0] = T(fold)(a);
	sums[1] = T(fold)(b);
#endif
}
