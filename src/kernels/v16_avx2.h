/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of v16_scalar.h as pairs of 256-bit registers: AVX2 and FMA. */
#ifndef SBN_KERNELS_V16_AVX2_H
#define SBN_KERNELS_V16_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

struct v16 {
	__m256 lo, hi;
};

struct d8 {
	__m256d lo, hi;
};

/* The masks of the first n lanes are the 16 words from word 16 - n on. */
static inline __m256i
v16_mask(size_t n, size_t half)
{
	static const int32_t words[32] = { -1, -1, -1, -1, -1, -1, -1, -1,
					   -1, -1, -1, -1, -1, -1, -1, -1 };

	return _mm256_loadu_si256((const __m256i *)(words + 16 - n + half * 8));
}

static inline struct v16
v16_set1(float value)
{
	return (struct v16){ _mm256_set1_ps(value), _mm256_set1_ps(value) };
}

static inline struct v16
v16_load(const float *p)
{
	return (struct v16){ _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8) };
}

static inline struct v16
v16_load_n(const float *p, size_t n, struct v16 rest)
{
	__m256i lo = v16_mask(n, 0), hi = v16_mask(n, 1);

	return (struct v16){
		_mm256_blendv_ps(rest.lo, _mm256_maskload_ps(p, lo), _mm256_castsi256_ps(lo)),
		_mm256_blendv_ps(rest.hi, _mm256_maskload_ps(p + 8, hi), _mm256_castsi256_ps(hi)),
	};
}

static inline void
v16_store(float *p, struct v16 v)
{
	_mm256_storeu_ps(p, v.lo);
	_mm256_storeu_ps(p + 8, v.hi);
}

static inline void
v16_store_n(float *p, size_t n, struct v16 v)
{
	_mm256_maskstore_ps(p, v16_mask(n, 0), v.lo);
	_mm256_maskstore_ps(p + 8, v16_mask(n, 1), v.hi);
}

static inline struct v16
v16_add(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi) };
}

static inline struct v16
v16_sub(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi) };
}

static inline struct v16
v16_mul(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi) };
}

static inline struct v16
v16_div(struct v16 a, struct v16 b)
{
	return (struct v16){ _mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi) };
}

static inline struct v16
v16_fma(struct v16 a, struct v16 b, struct v16 c)
{
	return (struct v16){ _mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi) };
}

static inline struct v16
v16_fnmadd(struct v16 a, struct v16 b, struct v16 c)
{
	return (struct v16){ _mm256_fnmadd_ps(a.lo, b.lo, c.lo),
			     _mm256_fnmadd_ps(a.hi, b.hi, c.hi) };
}

static inline struct d8
d8_set1(double value)
{
	return (struct d8){ _mm256_set1_pd(value), _mm256_set1_pd(value) };
}

static inline struct d8
d8_load(const double *p)
{
	return (struct d8){ _mm256_loadu_pd(p), _mm256_loadu_pd(p + 4) };
}

static inline void
d8_store(double *p, struct d8 v)
{
	_mm256_storeu_pd(p, v.lo);
	_mm256_storeu_pd(p + 4, v.hi);
}

static inline struct d8
d8_add(struct d8 a, struct d8 b)
{
	return (struct d8){ _mm256_add_pd(a.lo, b.lo), _mm256_add_pd(a.hi, b.hi) };
}

static inline struct d8
d8_div(struct d8 a, struct d8 b)
{
	return (struct d8){ _mm256_div_pd(a.lo, b.lo), _mm256_div_pd(a.hi, b.hi) };
}

#endif
