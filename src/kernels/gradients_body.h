/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of dy, for 16 elements: the sums of a channel, and dx and dz. */

/* s0 += g, s1 = fma(g, x - mean, s1) of 16 elements without an activation; false: not so done. */
SBN_FORCE_INLINE bool
T(sums_by_registers)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k,
		     struct w16 *s0, struct w16 *s1)
{
#ifdef W16_SUMS_FLOATS
	if (n == SBN_LANES && sizeof(ELEMENT) == sizeof(float)) {
		w16_sum_floats((const float *)(row->x + i), (const float *)(row->dy + i), k->mean,
			       s0, s1);
		return true;
	}
#endif
	(void)row, (void)i, (void)n, (void)k, (void)s0, (void)s1;
	return false;
}

/* Of a leaky slope and dy the product is exact in double, unless it is their own type. */
SBN_FORCE_INLINE void
T(sums_at)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k, int form,
	   struct w16 *s0, struct w16 *s1)
{
	struct w16 x, g;

	if (!(form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y))) {
		if (T(sums_by_registers)(row, i, n, k, s0, s1))
			return;
		x = T(take_wide)(row->x + i, n, k->mean_hi);
		g = T(take_wide)(row->dy + i, n, V(set1)(0));
	} else {
		struct INPUTS in = T(inputs_at)(row, i, n, k, form);
		struct BEFORE before = T(before)(in.x, in.z, k, form);

		if (form & SBN_FORM_X_IS_Y || k->is_leaky)
			g = w16_through(V_WIDEN(before.v), T(take_wide)(row->dy + i, n, V(set1)(0)),
					k->wide_leak);
		else
			g = V_WIDEN(V(through)(before.v, in.dy, k->leak));
		x = form & SBN_FORM_X_IS_Y ? V_WIDEN(before.x) :
					     T(take_wide)(row->x + i, n, k->mean_hi);
	}
	*s0 = w16_add(*s0, g);
	*s1 = w16_fma(g, w16_sub(x, k->mean), *s1);
}

/* The same of mixed lanes, without an activation and all of one channel. */
SBN_FORCE_INLINE void
T(mixed_sums_at)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k,
		 struct w16 *s0, struct w16 *s1)
{
	struct w16 x, g;

	if (T(sums_by_registers)(row, i, n, k, s0, s1))
		return;
	x = T(take_mixed)(row->x + i, n, k->mean_hi, k->mean);
	g = T(take_mixed)(row->dy + i, n, V(set1)(0), w16_set1(0));
	*s0 = w16_add(*s0, g);
	*s1 = w16_fma(g, w16_sub(x, k->mean), *s1);
}

/* Of large terms dx may be a small rest: what is small is subtracted when they have cancelled. */
SBN_FORCE_INLINE struct VECTOR
T(dx)(const struct BEFORE *before, struct VECTOR dy, const struct COEFFICIENTS *k, int form)
{
	const bool gated = form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y);
	/* the product of a leaky slope and dy is not rounded before */
	struct VECTOR g =
		gated ? V(through_less)(before->v, dy, k->leak, k->dy_hi) : V(sub)(dy, k->dy_hi);
	struct VECTOR rest = V(fnmadd)(V(sub)(before->x, k->mean_hi), k->slope, g);

	return V(mul)(V(sub)(rest, k->dy_lo), k->scale);
}

/* As REAL; not for what must be fast. */
static inline struct VECTOR
T(narrow)(struct w16 wide)
{
	double from[SBN_LANES];
	REAL to[SBN_LANES];

	w16_store(from, wide);
	for (size_t i = 0; i < SBN_LANES; i++)
		to[i] = (REAL)from[i];
	return V(load)(to);
}

/* dx in double, as sums_at has g. */
static inline struct VECTOR
T(dx_of_few)(const struct BEFORE *before, struct VECTOR dy, const struct COEFFICIENTS *k, int form)
{
	struct w16 d = w16_sub(V_WIDEN(before->x), k->mean), g = V_WIDEN(dy);

	if (form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y))
		g = w16_through(V_WIDEN(before->v), g, k->wide_leak);
	return T(narrow)(
		w16_mul(w16_fnmadd(d, k->wide_slope, w16_sub(g, k->wide_dy)), V_WIDEN(k->scale)));
}

SBN_FORCE_INLINE struct RESULTS
T(backward_map)(const struct INPUTS *in, const struct COEFFICIENTS *k, int form)
{
	struct BEFORE before = T(before)(in->x, in->z, k, form);
	struct RESULTS r = { in->dy, in->dy };

	if (form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y))
		r.dz = V(through)(before.v, in->dy, k->leak);
	if (form & SBN_FORM_FEW)
		r.out = T(dx_of_few)(&before, in->dy, k, form);
	else if (form & SBN_FORM_FLAT)
		r.out = V(mul)(r.dz, k->scale);
	else if (form & SBN_FORM_OUT)
		r.out = T(dx)(&before, in->dy, k, form);
	return r;
}
