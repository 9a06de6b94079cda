/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formulas of kernels.h for 16 elements, once for both shapes of data. All is inlined by
 * force: a struct of vectors must end in registers, and an `n` or `form` that a caller gives as a
 * constant must leave no trace of masks or branches.
 */

/* Of one channel in every lane, or of 16 channels; what the form does not need stays 0. */
struct COEFFICIENTS {
	struct VECTOR mean_hi, mean_lo, scale, shift, dy_hi, dy_lo, slope;
	struct w16 mean; /* mean_hi + mean_lo */
	struct LEAK leak;
};

/* The operands' elements in one row, from some column on. */
struct ROW {
	const ELEMENT *x, *z, *dy;
	ELEMENT *out, *dz;
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

SBN_FORCE_INLINE void
T(put)(ELEMENT *p, size_t n, struct VECTOR v)
{
	if (n == SBN_LANES)
		T(store)(p, v);
	else
		T(store_n)(p, n, v);
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
T(forward_row)(const struct sbn_operands *at, size_t row, size_t column, int form)
{
	return (struct ROW){
		.x = T(in)(at->x, row, column),
		.z = form & SBN_FORM_Z ? T(in)(at->z, row, column) : NULL,
		.out = T(out)(at->out, row, column),
	};
}

SBN_FORCE_INLINE struct ROW
T(backward_row)(const struct sbn_operands *at, size_t row, size_t column, int form)
{
	return (struct ROW){
		.x = T(in)(at->x, row, column),
		.z = form & SBN_FORM_Z ? T(in)(at->z, row, column) : NULL,
		.dy = T(in)(at->dy, row, column),
		.out = form & SBN_FORM_DX ? T(out)(at->out, row, column) : NULL,
		.dz = form & SBN_FORM_DZ ? T(out)(at->dz, row, column) : NULL,
	};
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

/* What v and the activation are made of. */
SBN_FORCE_INLINE void
T(load_affine)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n)
{
	v->mean_hi = T(coefficient)(k->mean_hi, c, n);
	v->mean_lo = T(coefficient)(k->mean_lo, c, n);
	v->scale = T(coefficient)(k->scale, c, n);
	v->shift = T(coefficient)(k->shift, c, n);
	v->leak = V(leak)((REAL)k->negative_slope, k->activation == SBN_ACT_LEAKY_RELU);
}

SBN_FORCE_INLINE void
T(load_sums)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n, int form)
{
	v->mean_hi = T(coefficient)(k->mean_hi, c, n);
	v->mean = w16_add(V_WIDEN(v->mean_hi), V_WIDEN(T(coefficient)(k->mean_lo, c, n)));
	if (form & SBN_FORM_ACT)
		T(load_affine)(v, k, c, n);
}

SBN_FORCE_INLINE void
T(load_backward)(struct COEFFICIENTS *v, const struct sbn_coefficients *k, size_t c, size_t n,
		 int form)
{
	if (form & SBN_FORM_ACT)
		T(load_affine)(v, k, c, n);
	if (!(form & SBN_FORM_DX))
		return;
	v->mean_hi = T(coefficient)(k->mean_hi, c, n);
	v->mean_lo = T(coefficient)(k->mean_lo, c, n);
	v->scale = T(coefficient)(k->scale, c, n);
	v->dy_hi = T(coefficient)(k->dy_hi, c, n);
	v->dy_lo = T(coefficient)(k->dy_lo, c, n);
	v->slope = T(coefficient)(k->slope, c, n);
}

/* The other lanes hold shift, whose distance is 0. */
SBN_FORCE_INLINE void
T(moments_at)(const ELEMENT *p, size_t n, struct VECTOR shift, struct w16 *s1, struct w16 *s2)
{
	struct w16 d = w16_sub(T(take_wide)(p, n, shift), V_WIDEN(shift));

	*s1 = w16_add(*s1, d);
	*s2 = w16_fma(d, d, *s2);
}

/* d is the distance of x from the mean. */
SBN_FORCE_INLINE struct VECTOR
T(linear)(struct VECTOR d, struct VECTOR z, const struct COEFFICIENTS *k, int form)
{
	struct VECTOR v = V(fma)(d, k->scale, k->shift);

	return form & SBN_FORM_Z ? V(add)(v, z) : v;
}

SBN_FORCE_INLINE struct VECTOR
T(distance)(struct VECTOR x, const struct COEFFICIENTS *k)
{
	return V(sub)(V(sub)(x, k->mean_hi), k->mean_lo);
}

/* n elements of y from element i on */
SBN_FORCE_INLINE void
T(normalize_at)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k, int form)
{
	struct VECTOR x = T(take)(row->x + i, n, k->mean_hi), z = k->mean_hi, v;

	if (form & SBN_FORM_Z)
		z = T(take)(row->z + i, n, k->mean_hi);
	v = T(linear)(T(distance)(x, k), z, k, form);
	T(put)(row->out + i, n, form & SBN_FORM_ACT ? V(through)(v, v, k->leak) : v);
}

/* n elements of g from i on, of which d is the distance of x; 0 in the other lanes */
SBN_FORCE_INLINE struct VECTOR
T(gradient_at)(const struct ROW *row, size_t i, size_t n, struct VECTOR d,
	       const struct COEFFICIENTS *k, int form)
{
	const struct VECTOR zero = V(set1)(0);
	struct VECTOR dy = T(take)(row->dy + i, n, zero), z = zero;

	if (!(form & SBN_FORM_ACT))
		return dy;
	if (form & SBN_FORM_Z)
		z = T(take)(row->z + i, n, zero);
	return V(through)(T(linear)(d, z, k, form), dy, k->leak);
}

SBN_FORCE_INLINE void
T(sums_at)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k, int form,
	   struct w16 *s0, struct w16 *s1)
{
	struct w16 x = T(take_wide)(row->x + i, n, k->mean_hi), g;

	if (form & SBN_FORM_ACT) {
		struct VECTOR d = T(distance)(T(take)(row->x + i, n, k->mean_hi), k);

		g = V_WIDEN(T(gradient_at)(row, i, n, d, k, form));
	} else {
		g = T(take_wide)(row->dy + i, n, V(set1)(0));
	}
	*s0 = w16_add(*s0, g);
	*s1 = w16_fma(g, w16_sub(x, k->mean), *s1);
}

/* All is loaded before anything is stored, for an output may be an input. */
SBN_FORCE_INLINE void
T(dx_at)(const struct ROW *row, size_t i, size_t n, const struct COEFFICIENTS *k, int form)
{
	struct VECTOR d = V(set1)(0), g, centred;

	if (form & (SBN_FORM_ACT | SBN_FORM_DX))
		d = T(distance)(T(take)(row->x + i, n, k->mean_hi), k);
	g = T(gradient_at)(row, i, n, d, k, form);
	if (form & SBN_FORM_DZ)
		T(put)(row->dz + i, n, g);
	if (!(form & SBN_FORM_DX))
		return;
	centred = V(sub)(V(sub)(g, k->dy_hi), k->dy_lo);
	T(put)(row->out + i, n, V(mul)(V(fnmadd)(d, k->slope, centred), k->scale));
}
