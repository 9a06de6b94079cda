/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 and float16 in memory as v16 in plain C. */
#ifndef SBN_KERNELS_HALF_SCALAR_H
#define SBN_KERNELS_HALF_SCALAR_H

#include "kernels/half.h"
#include "kernels/v16_scalar.h"
#include "kernels/w16_scalar.h"

static inline struct v16
load_bf16(const uint16_t *p)
{
	struct v16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = sbn_f32_of_bf16(p[i]);
	return v;
}

static inline struct v16
load_n_bf16(const uint16_t *p, size_t n, struct v16 rest)
{
	for (size_t i = 0; i < n; i++)
		rest.a[i] = sbn_f32_of_bf16(p[i]);
	return rest;
}

static inline struct w16
load_wide_bf16(const uint16_t *p)
{
	return w16_of_v16(load_bf16(p));
}

static inline void
store_bf16(uint16_t *p, struct v16 v)
{
	for (int i = 0; i < 16; i++)
		p[i] = sbn_bf16_of_f32(v.a[i]);
}

static inline void
stream_bf16(uint16_t *p, struct v16 v)
{
	store_bf16(p, v);
}

static inline void
store_n_bf16(uint16_t *p, size_t n, struct v16 v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = sbn_bf16_of_f32(v.a[i]);
}

static inline struct v16
load_f16(const uint16_t *p)
{
	struct v16 v;

	for (int i = 0; i < 16; i++)
		v.a[i] = sbn_f32_of_f16(p[i]);
	return v;
}

static inline struct v16
load_n_f16(const uint16_t *p, size_t n, struct v16 rest)
{
	for (size_t i = 0; i < n; i++)
		rest.a[i] = sbn_f32_of_f16(p[i]);
	return rest;
}

static inline struct w16
load_wide_f16(const uint16_t *p)
{
	return w16_of_v16(load_f16(p));
}

static inline void
store_f16(uint16_t *p, struct v16 v)
{
	for (int i = 0; i < 16; i++)
		p[i] = sbn_f16_of_f32(v.a[i]);
}

static inline void
stream_f16(uint16_t *p, struct v16 v)
{
	store_f16(p, v);
}

static inline void
store_n_f16(uint16_t *p, size_t n, struct v16 v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = sbn_f16_of_f32(v.a[i]);
}

#endif
