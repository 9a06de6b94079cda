/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes in the order of the elements, for sets and types to which no other costs less: types.h. */

struct TWO {
	struct VECTOR a, b;
};

SBN_FORCE_INLINE struct TWO
T(load_two)(const ELEMENT *p)
{
	return (struct TWO){ T(load)(p), T(load)(p + SBN_LANES) };
}

SBN_FORCE_INLINE struct TWO
T(load_addends)(const ELEMENT *p)
{
	return T(load_two)(p);
}

SBN_FORCE_INLINE struct TWO
T(load_two_n)(const ELEMENT *p, size_t n)
{
	const struct VECTOR none = V(set1)(0);

	if (n <= SBN_LANES)
		return (struct TWO){ T(load_n)(p, n, none), none };
	return (struct TWO){ T(load)(p), T(load_n)(p + SBN_LANES, n - SBN_LANES, none) };
}

SBN_FORCE_INLINE struct VECTOR
T(pairs_of_two)(struct TWO two)
{
	REAL from[2 * SBN_LANES], to[SBN_LANES];

	V(store)(from, two.a);
	V(store)(from + SBN_LANES, two.b);
	for (size_t i = 0; i < SBN_LANES; i++)
		to[i] = from[2 * i] + from[2 * i + 1];
	return V(load)(to);
}

SBN_FORCE_INLINE void
T(store_in_order)(REAL *p, struct TWO two)
{
	V(store)(p, two.a);
	V(store)(p + SBN_LANES, two.b);
}

SBN_FORCE_INLINE void
T(store_two)(ELEMENT *p, struct TWO two)
{
	T(store)(p, two.a);
	T(store)(p + SBN_LANES, two.b);
}

SBN_FORCE_INLINE void
T(stream_two)(ELEMENT *p, struct TWO two)
{
	T(stream)(p, two.a);
	T(stream)(p + SBN_LANES, two.b);
}

SBN_FORCE_INLINE struct VECTOR
T(plain_nans)(struct VECTOR v)
{
	return v;
}

SBN_FORCE_INLINE void
T(store_two_plain)(ELEMENT *p, struct TWO two)
{
	T(store_two)(p, two);
}

SBN_FORCE_INLINE void
T(stream_two_plain)(ELEMENT *p, struct TWO two)
{
	T(stream_two)(p, two);
}

SBN_FORCE_INLINE struct TWO
T(blend_two)(size_t n, struct TWO two, struct VECTOR v)
{
	const size_t in_a = SBN_MIN(n, (size_t)SBN_LANES);

	return (struct TWO){ V(blend)(in_a, two.a, v), V(blend)(n - in_a, two.b, v) };
}

SBN_FORCE_INLINE struct w16
T(load_mixed)(const ELEMENT *p)
{
	return T(load_wide)(p);
}

SBN_FORCE_INLINE struct w16
T(load_n_mixed)(const ELEMENT *p, size_t n, struct VECTOR rest, struct w16 wide_rest)
{
	(void)wide_rest;
	return V_WIDEN(T(load_n)(p, n, rest));
}

SBN_FORCE_INLINE bool
T(tail_is_low)(size_t n)
{
	return n < SBN_LANES / 2;
}

SBN_FORCE_INLINE bool
T(tail_is_first)(size_t n)
{
	return n <= W16_PART;
}

SBN_FORCE_INLINE void
T(store_mixed)(double *p, struct w16 w)
{
	w16_store(p, w);
}
