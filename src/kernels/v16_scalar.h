/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of the kernels in plain C: 16 floats, or 8 doubles, that go through every formula
 * together. It is the specification of the other v16_*.h, which have the same functions.
 */
#ifndef SBN_KERNELS_V16_SCALAR_H
#define SBN_KERNELS_V16_SCALAR_H

#include <math.h>
#include <stddef.h>

struct v16 {
	float a[16];
};

struct d8 {
	double a[8];
};

static inline struct v16
v16_set1(float value)
{
	struct v16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = value;
	return v;
}

static inline struct v16
v16_load(const float *p)
{
	struct v16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = p[i];
	return v;
}

/* The first n < 16 lanes come from p, of which nothing else is touched, the others from rest. */
static inline struct v16
v16_load_n(const float *p, size_t n, struct v16 rest)
{
	for (size_t i = 0; i < n; i++)
		rest.a[i] = p[i];
	return rest;
}

static inline void
v16_store(float *p, struct v16 v)
{
	for (int i = 0; i < 16; i++)
		p[i] = v.a[i];
}

static inline void
v16_store_n(float *p, size_t n, struct v16 v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = v.a[i];
}

static inline struct v16
v16_add(struct v16 a, struct v16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] += b.a[i];
	return a;
}

static inline struct v16
v16_sub(struct v16 a, struct v16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] -= b.a[i];
	return a;
}

static inline struct v16
v16_mul(struct v16 a, struct v16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] *= b.a[i];
	return a;
}

static inline struct v16
v16_div(struct v16 a, struct v16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] /= b.a[i];
	return a;
}

/* a * b + c, rounded once */
static inline struct v16
v16_fma(struct v16 a, struct v16 b, struct v16 c)
{
	for (int i = 0; i < 16; i++)
		c.a[i] = fmaf(a.a[i], b.a[i], c.a[i]);
	return c;
}

/* -(a * b) + c, rounded once */
static inline struct v16
v16_fnmadd(struct v16 a, struct v16 b, struct v16 c)
{
	for (int i = 0; i < 16; i++)
		c.a[i] = fmaf(-a.a[i], b.a[i], c.a[i]);
	return c;
}

static inline struct d8
d8_set1(double value)
{
	struct d8 v;

	for (int i = 0; i < 8; i++)
		v.a[i] = value;
	return v;
}

static inline struct d8
d8_load(const double *p)
{
	struct d8 v;

	for (int i = 0; i < 8; i++)
		v.a[i] = p[i];
	return v;
}

static inline void
d8_store(double *p, struct d8 v)
{
	for (int i = 0; i < 8; i++)
		p[i] = v.a[i];
}

static inline struct d8
d8_add(struct d8 a, struct d8 b)
{
	for (int i = 0; i < 8; i++)
		a.a[i] += b.a[i];
	return a;
}

static inline struct d8
d8_div(struct d8 a, struct d8 b)
{
	for (int i = 0; i < 8; i++)
		a.a[i] /= b.a[i];
	return a;
}

#endif
