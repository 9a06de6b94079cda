/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of v16_scalar.h as 512-bit registers, by AVX-512F. */
#ifndef SBN_KERNELS_V16_AVX512_H
#define SBN_KERNELS_V16_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

struct v16 {
	__m512 a;
};

/* keep is a mask: relu's product is cut away, since 0 * inf is not 0. */
struct v16_leak {
	__m512 slope;
	__mmask16 keep;
};

static inline __mmask16
v16_mask(size_t n)
{
	return (__mmask16)((1u << n) - 1);
}

static inline struct v16
v16_set1(float value)
{
	return (struct v16){ _mm512_set1_ps(value) };
}

static inline struct v16
v16_load(const float *p)
{
	return (struct v16){ _mm512_loadu_ps(p) };
}

static inline struct v16
v16_load_n(const float *p, size_t n, struct v16 rest)
{
	return (struct v16){ _mm512_mask_loadu_ps(rest.a, v16_mask(n), p) };
}

static inline void
v16_store(float *p, struct v16 v)
{
	_mm512_storeu_ps(p, v.a);
}

static inline void
v16_store_n(float *p, size_t n, struct v16 v)
{
	_mm512_mask_storeu_ps(p, v16_mask(n), v.a);
}

static inline void
v16_stream(float *p, struct v16 v)
{
	_mm512_stream_ps(p, v.a);
}

static inline struct v16
v16_blend(size_t n, struct v16 a, struct v16 b)
{
	return (struct v16){ _mm512_mask_blend_ps(v16_mask(n), b.a, a.a) };
}

static inline struct v16
v16_add(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm512_add_ps(a.a, b.a) };
}

static inline struct v16
v16_sub(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm512_sub_ps(a.a, b.a) };
}

static inline struct v16
v16_mul(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm512_mul_ps(a.a, b.a) };
}

static inline struct v16
v16_div(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm512_div_ps(a.a, b.a) };
}

static inline struct v16
v16_fma(struct v16 a, struct v16 b, struct v16 c)
{
	return (struct v16){ _mm512_fmadd_ps(a.a, b.a, c.a) };
}

static inline struct v16
v16_fnmadd(struct v16 a, struct v16 b, struct v16 c)
{
	return (struct v16){ _mm512_fnmadd_ps(a.a, b.a, c.a) };
}

static inline struct v16_leak
v16_leak(float slope, bool leaky)
{
	return (struct v16_leak){ _mm512_set1_ps(slope), leaky ? 0xffff : 0 };
}

static inline struct v16
v16_through(struct v16 v, struct v16 a, struct v16_leak leak)
{
	__mmask16 where = _mm512_cmp_ps_mask(v.a, _mm512_setzero_ps(), _CMP_LE_OQ);
	__m512 through = _mm512_maskz_mul_ps(leak.keep, a.a, leak.slope);

	return (struct v16){ _mm512_mask_blend_ps(where, a.a, through) };
}

static inline struct v16
v16_through_less(struct v16 v, struct v16 a, struct v16_leak leak, struct v16 c)
{
	__mmask16 where = _mm512_cmp_ps_mask(v.a, _mm512_setzero_ps(), _CMP_LE_OQ);
	__m512 kept = _mm512_maskz_mov_ps(leak.keep, a.a);

	return (struct v16){ _mm512_mask_blend_ps(where, _mm512_sub_ps(a.a, c.a),
						  _mm512_fmsub_ps(kept, leak.slope, c.a)) };
}

#endif
