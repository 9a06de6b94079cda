/* SPDX-License-Identifier: Apache-2.0 */
/* What positions_body.h adds for a step of 32: in float, of 8 rows, and of the 8 before them. */

struct POSITIONS {
	struct FLOATS sums, before;
};

SBN_FORCE_INLINE void
T(clear_positions)(struct POSITIONS *of)
{
	T(clear_floats)(&of->sums);
	T(clear_floats)(&of->before);
}

/* n elements of a row, 1 <= n <= STEP. */
SBN_FORCE_INLINE void
T(add_positions)(struct POSITIONS *of, const ELEMENT *p, size_t n)
{
	T(add_floats)(n == STEP ? T(load_two)(p) : T(load_two_n)(p, n), &of->sums);
}

/* Between 8 rows and 8 more, whose sums begin anew. */
SBN_FORCE_INLINE void
T(middle_positions)(struct POSITIONS *of)
{
	of->before = of->sums;
	T(clear_floats)(&of->sums);
}

SBN_FORCE_INLINE void
T(put_positions)(POSITION *s1, POSITION *s2, const struct POSITIONS *of)
{
	const struct FLOATS *f = &of->before, *g = &of->sums;
	const struct TWO t1 = { V(add)(f->s1.a, g->s1.a), V(add)(f->s1.b, g->s1.b) };
	const struct TWO t2 = { V(add)(f->s2.a, g->s2.a), V(add)(f->s2.b, g->s2.b) };

	T(store_in_order)(s1, t1);
	T(store_in_order)(s2, t2);
}

/* n <= 16 of what was put, and zeros. */
SBN_FORCE_INLINE struct w16
T(take_positions)(const POSITION *p, size_t n)
{
	return V_WIDEN(n == SBN_LANES ? V(load)(p) : V(load_n)(p, n, V(set1)(0)));
}
