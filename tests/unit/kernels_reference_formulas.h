/* SPDX-License-Identifier: Apache-2.0 */
/* The formulas of kernels.h for one element: coefficients, the activation, y, g and dx. */
#ifndef SBN_TESTS_UNIT_KERNELS_REFERENCE_FORMULAS_H
#define SBN_TESTS_UNIT_KERNELS_REFERENCE_FORMULAS_H

#include "kernels_elements.h"

/* One channel's coefficients. */
struct reference_channel {
	enum sbn_type type;
	double mean_hi, mean_lo, scale, shift, dy_hi, dy_lo, slope, slope_lo;
	enum sbn_activation activation;
	double negative_slope;
	bool x_is_y, few;
};

static inline double
real_of(enum sbn_type type, double a)
{
	return type == SBN_F64 ? a : (double)(float)a;
}

static inline double
real_add(enum sbn_type type, double a, double b)
{
	return type == SBN_F64 ? a + b : (double)((float)a + (float)b);
}

static inline double
real_mul(enum sbn_type type, double a, double b)
{
	return type == SBN_F64 ? a * b : (double)((float)a * (float)b);
}

static inline double
real_fma(enum sbn_type type, double a, double b, double c)
{
	return type == SBN_F64 ? fma(a, b, c) : (double)fmaf((float)a, (float)b, (float)c);
}

static inline double
real_at(enum sbn_type type, const void *array, size_t c)
{
	if (array == NULL)
		return NAN;
	return type == SBN_F64 ? ((const double *)array)[c] : (double)((const float *)array)[c];
}

static inline struct reference_channel
reference_channel(enum sbn_type type, const struct sbn_coefficients *k, size_t c)
{
	return (struct reference_channel){
		.type = type,
		.mean_hi = real_at(type, k->mean_hi, c),
		.mean_lo = real_at(type, k->mean_lo, c),
		.scale = real_at(type, k->scale, c),
		.shift = real_at(type, k->shift, c),
		.dy_hi = real_at(type, k->dy_hi, c),
		.dy_lo = real_at(type, k->dy_lo, c),
		.slope = real_at(type, k->slope, c),
		.slope_lo = real_at(type, k->slope_lo, c),
		.activation = k->activation,
		.negative_slope = k->negative_slope,
		.x_is_y = k->x_is_y,
		.few = k->few,
	};
}

/* a where v is positive or a NaN, else what the activation makes of a */
static inline double
reference_through(double v, double a, const struct reference_channel *k)
{
	if (k->activation == SBN_ACT_NONE || !(v <= 0))
		return a;
	if (k->activation == SBN_ACT_RELU)
		return 0;
	return real_mul(k->type, a, k->negative_slope);
}

static inline double
reference_v(const struct sbn_operands *at, size_t row, size_t i, const struct reference_channel *k)
{
	double x = element_get(k->type, at->x.data, row * at->x.stride + i);
	double v = real_fma(k->type, real_add(k->type, x, -k->mean_hi), k->scale, k->shift);

	if (at->z.data == NULL)
		return v;
	return real_add(k->type, v, element_get(k->type, at->z.data, row * at->z.stride + i));
}

/* What a backward pass uses as x. */
static inline double
reference_x(const struct sbn_operands *at, size_t row, size_t i, const struct reference_channel *k)
{
	double x = element_get(k->type, at->x.data, row * at->x.stride + i);
	double inverse =
		k->type == SBN_F64 ? 1 / k->negative_slope : (double)(1 / (float)k->negative_slope);

	if (!k->x_is_y)
		return x;
	if (k->activation != SBN_ACT_NONE && x <= 0)
		x = real_mul(k->type, x, inverse);
	if (at->z.data == NULL)
		return x;
	return real_add(k->type, x, -element_get(k->type, at->z.data, row * at->z.stride + i));
}

/* What decides whether g is all of dy. */
static inline double
reference_gate(const struct sbn_operands *at, size_t row, size_t i,
	       const struct reference_channel *k)
{
	if (k->activation != SBN_ACT_NONE && k->x_is_y)
		return element_get(k->type, at->x.data, row * at->x.stride + i);
	return k->activation == SBN_ACT_NONE ? 1 : reference_v(at, row, i, k);
}

/* g in double, where the product of floats is exact. */
static inline double
reference_g(const struct sbn_operands *at, size_t row, size_t i, const struct reference_channel *k)
{
	double dy = element_get(k->type, at->dy.data, row * at->dy.stride + i);

	if (!(reference_gate(at, row, i, k) <= 0))
		return dy;
	return k->activation == SBN_ACT_RELU ? 0 : dy * k->negative_slope;
}

/* g - dy_hi, rounded once. */
static inline double
reference_less(const struct sbn_operands *at, size_t row, size_t i,
	       const struct reference_channel *k)
{
	double dy = element_get(k->type, at->dy.data, row * at->dy.stride + i);

	if (!(reference_gate(at, row, i, k) <= 0))
		return real_add(k->type, dy, -k->dy_hi);
	return real_fma(k->type, k->activation == SBN_ACT_RELU ? 0 : dy, k->negative_slope,
			-k->dy_hi);
}

static inline void
reference_normalize(const struct sbn_operands *at, size_t row, size_t i,
		    const struct reference_channel *k)
{
	double v = reference_v(at, row, i, k);

	element_set(k->type, at->out.data, row * at->out.stride + i, reference_through(v, v, k));
}

static inline double
reference_dx_of_few(const struct sbn_operands *at, size_t row, size_t i,
		    const struct reference_channel *k)
{
	double d = reference_x(at, row, i, k) - k->mean_hi;
	double centred = reference_g(at, row, i, k) - (k->dy_hi + k->dy_lo);

	return real_of(k->type, fma(-d, k->slope + k->slope_lo, centred) * k->scale);
}

static inline void
reference_dx(const struct sbn_operands *at, size_t row, size_t i, const struct reference_channel *k)
{
	enum sbn_type type = k->type;
	double rest, d;

	if (at->dz.data != NULL)
		element_set(type, at->dz.data, row * at->dz.stride + i,
			    real_of(type, reference_g(at, row, i, k)));
	if (at->out.data == NULL)
		return;
	if (k->few) {
		element_set(type, at->out.data, row * at->out.stride + i,
			    reference_dx_of_few(at, row, i, k));
		return;
	}
	d = real_add(type, reference_x(at, row, i, k), -k->mean_hi);
	rest = real_fma(type, -d, k->slope, reference_less(at, row, i, k));
	element_set(type, at->out.data, row * at->out.stride + i,
		    real_mul(type, real_add(type, rest, -k->dy_lo), k->scale));
}

#endif
