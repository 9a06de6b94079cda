/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of the kernels in plain C: 16 floats that go through every formula together. It
 * is the specification of the other v16_*.h, which have the same functions, and of w16_*.h, which
 * has them for doubles.
 */
#ifndef SBN_KERNELS_V16_SCALAR_H
#define SBN_KERNELS_V16_SCALAR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* A branch or a call in 16 elements is nothing beside 16 calls of fmaf: no code for each form. */
#define SBN_PLAIN_C

struct v16 {
	float a[16];
};

/* What an activation does to numbers that are not positive. */
struct v16_leak {
	float slope;
	bool leaky; /* else they become 0, whatever they were */
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

/* The first n <= 16 lanes come from p, of which nothing else is touched, the others from rest. */
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

/* Past the caches, where an instruction set can; p is aligned to the vector's bytes. */
static inline void
v16_stream(float *p, struct v16 v)
{
	v16_store(p, v);
}

/* The first n <= 16 lanes of a, the others of b. */
static inline struct v16
v16_blend(size_t n, struct v16 a, struct v16 b)
{
	for (size_t i = 0; i < n; i++)
		b.a[i] = a.a[i];
	return b;
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

static inline struct v16_leak
v16_leak(float slope, bool leaky)
{
	return (struct v16_leak){ slope, leaky };
}

/* a through the activation where v <= 0, else, and where v is a NaN, a itself */
static inline struct v16
v16_through(struct v16 v, struct v16 a, struct v16_leak leak)
{
	for (int i = 0; i < 16; i++) {
		if (v.a[i] <= 0)
			a.a[i] = leak.leaky ? a.a[i] * leak.slope : 0;
	}
	return a;
}

/* the same less c, rounded once */
static inline struct v16
v16_through_less(struct v16 v, struct v16 a, struct v16_leak leak, struct v16 c)
{
	for (int i = 0; i < 16; i++)
		a.a[i] = v.a[i] <= 0 ? fmaf(leak.leaky ? a.a[i] : 0, leak.slope, -c.a[i]) :
				       a.a[i] - c.a[i];
	return a;
}

#endif
