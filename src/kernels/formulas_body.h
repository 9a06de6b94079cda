/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formulas of kernels.h for 16 elements, once for both shapes of data. All is inlined by
 * force: a struct of vectors must end in registers, and an `n` or `form` that a caller gives as a
 * constant must leave no trace of masks or branches.
 */

/* Of one channel in every lane, or of 16 channels; what the form does not need stays 0. */
struct COEFFICIENTS {
	struct VECTOR mean_hi, scale, shift, dy_hi, dy_lo, slope;
	struct w16 mean;                /* mean_hi + mean_lo, for sums; with SBN_FORM_FEW mean_hi */
	struct w16 wide_dy, wide_slope; /* with SBN_FORM_FEW: dy_hi + dy_lo, slope + slope_lo */
	struct LEAK leak, unleak;
	struct w16_leak wide_leak;
	bool is_leaky; /* else the activation is relu, if there is one */
};

/* What moments are taken about. */
struct SHIFT {
	struct VECTOR narrow;
	struct w16 wide;
};

/* The operands' elements in one row, from some column on. */
struct ROW {
	const ELEMENT *x, *z, *dy;
	ELEMENT *out, *dz;
	size_t ahead; /* as in sbn_operands */
};

/* Of 16 elements; what the form does not need is not read. */
struct INPUTS {
	struct VECTOR x, z, dy;
};

/* Of 16 elements, before the activation. */
struct BEFORE {
	struct VECTOR v; /* 0 or less where g is not all of dy */
	struct VECTOR x; /* or what stands for it */
};

/* What a pass gives for 16 elements. */
struct RESULTS {
	struct VECTOR out, dz;
};

SBN_FORCE_INLINE struct VECTOR
T(take)(const ELEMENT *p, size_t n, struct VECTOR rest)
{
	return n == SBN_LANES ? T(load)(p) : T(load_n)(p, n, rest);
}

SBN_FORCE_INLINE struct w16
T(take_wide)(const ELEMENT *p, size_t n, struct VECTOR rest)
{
	return n == SBN_LANES ? T(load_wide)(p) : V_WIDEN(T(load_n)(p, n, rest));
}

/* Of mixed lanes; the others hold rest, which is both times the same. */
SBN_FORCE_INLINE struct w16
T(take_mixed)(const ELEMENT *p, size_t n, struct VECTOR rest, struct w16 wide_rest)
{
	return n == SBN_LANES ? T(load_mixed)(p) : T(load_n_mixed)(p, n, rest, wide_rest);
}

SBN_FORCE_INLINE void
T(put)(ELEMENT *p, size_t n, struct VECTOR v)
{
	if (n == SBN_LANES)
		T(store)(p, v);
	else
		T(store_n)(p, n, v);
}

/* What is computed forward has plain NaNs; backward dz may be a dy of any bits. */
SBN_FORCE_INLINE void
T(put_two)(ELEMENT *p, struct TWO two, int form)
{
	if (!(form & SBN_FORM_DY)) {
		if (form & SBN_FORM_STREAM)
			T(stream_two_plain)(p, two);
		else
			T(store_two_plain)(p, two);
		return;
	}
	if (form & SBN_FORM_STREAM)
		T(stream_two)(p, two);
	else
		T(store_two)(p, two);
}

SBN_FORCE_INLINE const ELEMENT *
T(in)(struct sbn_in from, size_t row, size_t column)
{
	return (const ELEMENT *)from.data + row * from.stride + column;
}

SBN_FORCE_INLINE ELEMENT *
T(out)(struct sbn_out to, size_t row, size_t column)
{
	return (ELEMENT *)to.data + row * to.stride + column;
}

/* Only what the form needs is set: nothing may be added to a pointer that is NULL. */
SBN_FORCE_INLINE struct ROW
T(row_at)(const struct sbn_operands *at, size_t row, size_t column, int form)
{
	return (struct ROW){
		.x = T(in)(at->x, row, column),
		.z = form & SBN_FORM_Z ? T(in)(at->z, row, column) : NULL,
		.dy = form & SBN_FORM_DY ? T(in)(at->dy, row, column) : NULL,
		.out = form & SBN_FORM_OUT ? T(out)(at->out, row, column) : NULL,
		.dz = form & SBN_FORM_DZ ? T(out)(at->dz, row, column) : NULL,
		.ahead = at->ahead,
	};
}

/* A word at a time, as sbn_set_operands. */
SBN_FORCE_INLINE void
T(set_row)(struct ROW *to, const struct ROW from)
{
	to->x = from.x;
	to->z = from.z;
	to->dy = from.dy;
	to->out = from.out;
	to->dz = from.dz;
	to->ahead = from.ahead;
}

/* Asks for 16 elements; near: into the first-level cache, what is read soon, and once. */
SBN_FORCE_INLINE void
T(fetch_as)(const ELEMENT *p, size_t ahead, bool near)
{
	const char *line = (const char *)((uintptr_t)p + ahead);

	for (size_t i = 0; i < SBN_LANES * sizeof(*p); i += SBN_STORE_LINE)
		if (near)
			__builtin_prefetch(line + i, 0, 3);
		else
			__builtin_prefetch(line + i, 0, 2);
}

SBN_FORCE_INLINE void
T(fetch)(const ELEMENT *p, size_t ahead)
{
	T(fetch_as)(p, ahead, false);
}

SBN_FORCE_INLINE void
T(fetch_near)(const ELEMENT *p, size_t ahead)
{
	T(fetch_as)(p, ahead, true);
}

SBN_FORCE_INLINE void
T(fetch_row)(const struct ROW *row, size_t i, int form)
{
	T(fetch)(row->x + i, row->ahead);
	if (form & SBN_FORM_Z)
		T(fetch)(row->z + i, row->ahead);
	if (form & SBN_FORM_DY)
		T(fetch)(row->dy + i, row->ahead);
}

/* n 0: channel c in every lane; else channels c..c+n-1, and 0 in the other lanes. */
SBN_FORCE_INLINE struct VECTOR
T(coefficient)(const void *array, size_t c, size_t n)
{
	const REAL *p = (const REAL *)array + c;

	if (n == 0)
		return V(set1)(*p);
	return n == SBN_LANES ? V(load)(p) : V(load_n)(p, n, V(set1)(0));
}

/* Of channel c, for T(put_two). */
SBN_FORCE_INLINE struct VECTOR
T(plain_coefficient)(const void *array, size_t c, size_t n)
{
	const struct VECTOR v = T(coefficient)(array, c, n);

	return n == 0 ? T(plain_nans)(v) : v;
}

/* What v and the activation are made of. */
SBN_FORCE_INLINE void
T(load_affine)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n)
{
	v->mean_hi = T(plain_coefficient)(k->mean_hi, c, n);
	v->scale = T(plain_coefficient)(k->scale, c, n);
	v->shift = T(plain_coefficient)(k->shift, c, n);
	v->is_leaky = k->activation == SBN_ACT_LEAKY_RELU;
	v->leak = V(leak)((REAL)k->negative_slope, v->is_leaky);
	v->wide_leak = w16_leak(k->negative_slope, v->is_leaky);
}

/* The activation and its inverse, for y in the place of x; without one both change nothing. */
SBN_FORCE_INLINE void
T(load_back)(struct COEFFICIENTS *v, const struct sbn_coefficients *k)
{
	const REAL slope = k->activation == SBN_ACT_NONE ? 1 : (REAL)k->negative_slope;

	v->leak = V(leak)(slope, true);
	v->unleak = V(leak)(1 / slope, true);
	v->wide_leak = w16_leak((double)slope, true);
}

/* What g is made of. */
SBN_FORCE_INLINE void
T(load_gate)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n, int form)
{
	if (form & SBN_FORM_ACT)
		T(load_affine)(v, k, c, n);
	if (form & SBN_FORM_X_IS_Y)
		T(load_back)(v, k);
}

/* Of one channel it is one register, which gcc does not see of a vector that is widened. */
SBN_FORCE_INLINE struct w16
T(wide_mean)(const struct sbn_coefficients *k, size_t c, size_t n)
{
	if (n == 0)
		return w16_set1((double)((const REAL *)k->mean_hi)[c] +
				(double)((const REAL *)k->mean_lo)[c]);
	return w16_add(V_WIDEN(T(coefficient)(k->mean_hi, c, n)),
		       V_WIDEN(T(coefficient)(k->mean_lo, c, n)));
}

/* What sums_at needs but for the mean. */
SBN_FORCE_INLINE void
T(load_summed)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n,
	       int form)
{
	v->mean_hi = T(coefficient)(k->mean_hi, c, n);
	T(load_gate)(v, k, c, n, form);
}

SBN_FORCE_INLINE void
T(load_sums)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n, int form)
{
	T(load_summed)(v, k, c, n, form);
	v->mean = T(wide_mean)(k, c, n);
}

SBN_FORCE_INLINE void
T(load_backward)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n,
		 int form)
{
	T(load_gate)(v, k, c, n, form);
	if (!(form & SBN_FORM_OUT))
		return;
	v->mean_hi = T(coefficient)(k->mean_hi, c, n);
	v->scale = T(coefficient)(k->scale, c, n);
	v->dy_hi = T(coefficient)(k->dy_hi, c, n);
	v->dy_lo = T(coefficient)(k->dy_lo, c, n);
	v->slope = T(coefficient)(k->slope, c, n);
	if (!(form & SBN_FORM_FEW))
		return;
	v->mean = V_WIDEN(v->mean_hi);
	v->wide_dy = w16_add(V_WIDEN(v->dy_hi), V_WIDEN(v->dy_lo));
	v->wide_slope = w16_add(V_WIDEN(v->slope), V_WIDEN(T(coefficient)(k->slope_lo, c, n)));
}

/* Widened once: gcc leaves a conversion that it finds in a loop there. */
SBN_FORCE_INLINE struct SHIFT
T(shift_of)(struct VECTOR shift)
{
	return (struct SHIFT){ shift, V_WIDEN(shift) };
}

SBN_FORCE_INLINE void
T(add_moments)(struct w16 x, struct w16 shift, struct w16 *s1, struct w16 *s2)
{
	struct w16 d = w16_sub(x, shift);

	*s1 = w16_add(*s1, d);
	*s2 = w16_fma(d, d, *s2);
}

/* The other lanes hold shift, whose distance is 0. */
SBN_FORCE_INLINE void
T(moments_at)(const ELEMENT *p, size_t n, const struct SHIFT *shift, struct w16 *s1, struct w16 *s2)
{
	T(add_moments)(T(take_wide)(p, n, shift->narrow), shift->wide, s1, s2);
}

/* The same of mixed lanes, all with one shift. */
SBN_FORCE_INLINE void
T(mixed_moments_at)(const ELEMENT *p, size_t n, const struct SHIFT *shift, struct w16 *s1,
		    struct w16 *s2)
{
	T(add_moments)(T(take_mixed)(p, n, shift->narrow, shift->wide), shift->wide, s1, s2);
}

/* The same about 0, of lanes in whatever order. */
SBN_FORCE_INLINE void
T(add_powers)(struct w16 x, struct w16 *s1, struct w16 *s2)
{
	*s1 = w16_add_beside_fma(*s1, x);
	*s2 = w16_fma(x, x, *s2);
}

/* Of mixed lanes. */
SBN_FORCE_INLINE void
T(powers_at)(const ELEMENT *p, size_t n, struct w16 *s1, struct w16 *s2)
{
	T(add_powers)(T(take_mixed)(p, n, V(set1)(0), w16_set1(0)), s1, s2);
}

SBN_FORCE_INLINE struct VECTOR
T(linear)(struct VECTOR x, struct VECTOR z, const struct COEFFICIENTS *k, int form)
{
	struct VECTOR v = V(fma)(V(sub)(x, k->mean_hi), k->scale, k->shift);

	return form & SBN_FORM_Z ? V(add)(v, z) : v;
}

/* What of 16 elements decides g, and what stands for x. */
SBN_FORCE_INLINE struct BEFORE
T(before)(struct VECTOR x, struct VECTOR z, const struct COEFFICIENTS *k, int form)
{
	if (form & SBN_FORM_X_IS_Y) {
		struct VECTOR v = V(through)(x, x, k->unleak);

		return (struct BEFORE){ x, form & SBN_FORM_Z ? V(sub)(v, z) : v };
	}
	if (form & SBN_FORM_ACT)
		return (struct BEFORE){ T(linear)(x, z, k, form), x };
	return (struct BEFORE){ x, x };
}

SBN_FORCE_INLINE bool
T(needs_x)(int form)
{
	return !(form & SBN_FORM_DY) || form & (SBN_FORM_ACT | SBN_FORM_X_IS_Y | SBN_FORM_OUT);
}

/* n elements from i on. */
SBN_FORCE_INLINE struct INPUTS
T(inputs_at)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k, int form)
{
	struct INPUTS in = { k->mean_hi, V(set1)(0), V(set1)(0) };

	if (T(needs_x)(form))
		in.x = T(take)(row->x + i, n, k->mean_hi);
	if (form & SBN_FORM_Z)
		in.z = T(take)(row->z + i, n, in.z);
	if (form & SBN_FORM_DY)
		in.dy = T(take)(row->dy + i, n, in.dy);
	return in;
}

SBN_FORCE_INLINE struct RESULTS
T(forward_map)(const struct INPUTS *in, const struct COEFFICIENTS *k, int form)
{
	struct VECTOR v = T(linear)(in->x, in->z, k, form);

	return (struct RESULTS){ .out = form & SBN_FORM_ACT ? V(through)(v, v, k->leak) : v };
}
