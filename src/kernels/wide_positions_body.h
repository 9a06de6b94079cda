/* SPDX-License-Identifier: Apache-2.0 */
/* What positions_body.h adds for a step: in double, of 16 elements, or of 16 and 16 more. */

struct POSITIONS {
	struct w16 a1, a2, b1, b2;
};

SBN_FORCE_INLINE void
T(clear_positions)(struct POSITIONS *of)
{
	of->a1 = of->a2 = of->b1 = of->b2 = w16_set1(0);
}

/* n elements of a row, 1 <= n <= STEP. */
SBN_FORCE_INLINE void
T(add_positions)(struct POSITIONS *of, const ELEMENT *p, size_t n)
{
	T(powers_at)(p, n >= SBN_LANES ? SBN_LANES : n, &of->a1, &of->a2);
	if (STEP == SBN_LANES || n <= SBN_LANES)
		return;
	T(powers_at)(p + SBN_LANES, n == STEP ? SBN_LANES : n - SBN_LANES, &of->b1, &of->b2);
}

/* Between 8 rows and 8 more. */
SBN_FORCE_INLINE void
T(middle_positions)(struct POSITIONS *of)
{
	(void)of;
}

SBN_FORCE_INLINE void
T(put_positions)(POSITION *s1, POSITION *s2, const struct POSITIONS *of)
{
	T(store_mixed)(s1, of->a1);
	T(store_mixed)(s2, of->a2);
	if (STEP == SBN_LANES)
		return;
	T(store_mixed)(s1 + SBN_LANES, of->b1);
	T(store_mixed)(s2 + SBN_LANES, of->b2);
}

/* n <= 16 of what was put, and zeros. */
SBN_FORCE_INLINE struct w16
T(take_positions)(const POSITION *p, size_t n)
{
	return n == SBN_LANES ? w16_load(p) : w16_load_n(p, n, w16_set1(0));
}
