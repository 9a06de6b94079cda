/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of v16_scalar.h for 16 doubles. */
#ifndef SBN_KERNELS_W16_SCALAR_H
#define SBN_KERNELS_W16_SCALAR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct w16 {
	double a[16];
};

/* Lanes that can be computed without the others; 0: none. */
enum { W16_PART = 0 };

/* Columns whose two sums the registers hold beside all else. */
enum { W16_COLUMNS = 1 };

/* What an activation does to numbers that are not positive. */
struct w16_leak {
	double slope;
	bool leaky; /* else they become 0, whatever they were */
};

static inline struct w16
w16_set1(double value)
{
	struct w16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = value;
	return v;
}

static inline struct w16
w16_load(const double *p)
{
	struct w16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = p[i];
	return v;
}

/* The first n <= 16 lanes come from p, of which nothing else is touched, the others from rest. */
static inline struct w16
w16_load_n(const double *p, size_t n, struct w16 rest)
{
	for (size_t i = 0; i < n; i++)
		rest.a[i] = p[i];
	return rest;
}

static inline void
w16_store(double *p, struct w16 v)
{
	for (int i = 0; i < 16; i++)
		p[i] = v.a[i];
}

static inline void
w16_store_n(double *p, size_t n, struct w16 v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = v.a[i];
}

static inline void
w16_stream(double *p, struct w16 v)
{
	w16_store(p, v);
}

static inline struct w16
w16_blend(size_t n, struct w16 a, struct w16 b)
{
	for (size_t i = 0; i < n; i++)
		b.a[i] = a.a[i];
	return b;
}

static inline struct w16
w16_add(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] += b.a[i];
	return a;
}

/* The same, in loops that do little else than convert, add and multiply. */
static inline struct w16
w16_add_beside_fma(struct w16 a, struct w16 b)
{
	return w16_add(a, b);
}

/* a, some of it by way of memory: what needs that waits for it. */
static inline struct w16
w16_by_memory(struct w16 a)
{
	return a;
}

static inline struct w16
w16_of_v16(struct v16 v)
{
	struct w16 w;

	for (int i = 0; i < 16; i++)
		w.a[i] = (double)v.a[i];
	return w;
}

static inline struct w16
w16_sub(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] -= b.a[i];
	return a;
}

static inline struct w16
w16_mul(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] *= b.a[i];
	return a;
}

static inline struct w16
w16_div(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 16; i++)
		a.a[i] /= b.a[i];
	return a;
}

static inline struct w16
w16_sqrt(struct w16 v)
{
	for (int i = 0; i < 16; i++)
		v.a[i] = sqrt(v.a[i]);
	return v;
}

/* Whether no lane is a number beyond -most .. most, or none at all. */
static inline bool
w16_all_within(struct w16 v, double most)
{
	bool all = true;

	for (int i = 0; i < 16; i++)
		all = all && fabs(v.a[i]) <= most;
	return all;
}

/* Of 16 pairs the first numbers, and the second ones. */
static inline void
w16_load_pairs(const double *p, struct w16 *first, struct w16 *second)
{
	for (int i = 0; i < 16; i++) {
		first->a[i] = p[2 * i];
		second->a[i] = p[2 * i + 1];
	}
}

/* Rounded to floats. */
static inline struct v16
v16_of_w16(struct w16 w)
{
	struct v16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = (float)w.a[i];
	return v;
}

/* a * b + c, rounded once */
static inline struct w16
w16_fma(struct w16 a, struct w16 b, struct w16 c)
{
	for (int i = 0; i < 16; i++)
		c.a[i] = fma(a.a[i], b.a[i], c.a[i]);
	return c;
}

/* -(a * b) + c, rounded once */
static inline struct w16
w16_fnmadd(struct w16 a, struct w16 b, struct w16 c)
{
	for (int i = 0; i < 16; i++)
		c.a[i] = fma(-a.a[i], b.a[i], c.a[i]);
	return c;
}

/* 16 floats from memory: what w16_of_v16(v16_load(p)) gives, without a way through v16. */
static inline struct w16
w16_of_floats(const float *p)
{
	struct w16 w;

	for (int i = 0; i < 16; i++)
		w.a[i] = (double)p[i];
	return w;
}

/* Lanes 2i and 2i + 1 both get what lane 2i has. */
static inline struct w16
w16_firsts(struct w16 v)
{
	for (int i = 0; i < 16; i += 2)
		v.a[i + 1] = v.a[i];
	return v;
}

/* Lanes 2i of a, lanes 2i + 1 of b. */
static inline struct w16
w16_woven(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 16; i += 2)
		b.a[i] = a.a[i];
	return b;
}

/* The first W16_PART lanes of a, and the others of b; not called where there is no part. */
static inline struct w16
w16_first_part(struct w16 a, struct w16 b)
{
	(void)b;
	return a;
}

/* Lanes 0..7 of low, 8..15 of high. */
static inline struct w16
w16_halves(struct w16 low, struct w16 high)
{
	for (int i = 0; i < 8; i++)
		high.a[i] = low.a[i];
	return high;
}

static inline struct w16_leak
w16_leak(double slope, bool leaky)
{
	return (struct w16_leak){ slope, leaky };
}

/* a through the activation where v <= 0, else, and where v is a NaN, a itself */
static inline struct w16
w16_through(struct w16 v, struct w16 a, struct w16_leak leak)
{
	for (int i = 0; i < 16; i++) {
		if (v.a[i] <= 0)
			a.a[i] = leak.leaky ? a.a[i] * leak.slope : 0;
	}
	return a;
}

/* the same less c, rounded once */
static inline struct w16
w16_through_less(struct w16 v, struct w16 a, struct w16_leak leak, struct w16 c)
{
	for (int i = 0; i < 16; i++)
		a.a[i] = v.a[i] <= 0 ? fma(leak.leaky ? a.a[i] : 0, leak.slope, -c.a[i]) :
				       a.a[i] - c.a[i];
	return a;
}

#endif
