/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of v16_scalar.h as pairs of 256-bit registers: AVX2 and FMA. */
#ifndef SBN_KERNELS_V16_AVX2_H
#define SBN_KERNELS_V16_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v16 {
	__m256 lo, hi;
};

/* keep is a mask: relu's product is cut away, since 0 * inf is not 0. */
struct v16_leak {
	__m256 slope, keep;
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

/* In pieces: a masked store is some 40 operations inside AMD's CPUs. n is below 16. */
static inline void
v16_store_n(float *p, size_t n, struct v16 v)
{
	__m256 eight = n >= 8 ? v.hi : v.lo;
	__m128 four = _mm256_castps256_ps128(eight);

	if (n >= 8)
		_mm256_storeu_ps(p, v.lo);
	p += n & 8;
	if (n & 4) {
		_mm_storeu_ps(p, four);
		four = _mm256_extractf128_ps(eight, 1);
		p += 4;
	}
	if (n & 2) {
		_mm_storel_pi((__m64 *)p, four);
		four = _mm_movehl_ps(four, four);
		p += 2;
	}
	if (n & 1)
		_mm_store_ss(p, four);
}

static inline void
v16_stream(float *p, struct v16 v)
{
	_mm256_stream_ps(p, v.lo);
	_mm256_stream_ps(p + 8, v.hi);
}

static inline struct v16
v16_blend(size_t n, struct v16 a, struct v16 b)
{
	return (struct v16){
		_mm256_blendv_ps(b.lo, a.lo, _mm256_castsi256_ps(v16_mask(n, 0))),
		_mm256_blendv_ps(b.hi, a.hi, _mm256_castsi256_ps(v16_mask(n, 1))),
	};
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

static inline struct v16_leak
v16_leak(float slope, bool leaky)
{
	return (struct v16_leak){ _mm256_set1_ps(slope),
				  _mm256_castsi256_ps(_mm256_set1_epi32(leaky ? -1 : 0)) };
}

static inline __m256
v16_half_through(__m256 v, __m256 a, struct v16_leak leak)
{
	__m256 through = _mm256_and_ps(_mm256_mul_ps(a, leak.slope), leak.keep);

	return _mm256_blendv_ps(a, through, _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LE_OQ));
}

static inline struct v16
v16_through(struct v16 v, struct v16 a, struct v16_leak leak)
{
	return (struct v16){ v16_half_through(v.lo, a.lo, leak),
			     v16_half_through(v.hi, a.hi, leak) };
}

static inline __m256
v16_half_through_less(__m256 v, __m256 a, struct v16_leak leak, __m256 c)
{
	__m256 through = _mm256_fmsub_ps(_mm256_and_ps(a, leak.keep), leak.slope, c);
	__m256 where = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LE_OQ);

	return _mm256_blendv_ps(_mm256_sub_ps(a, c), through, where);
}

static inline struct v16
v16_through_less(struct v16 v, struct v16 a, struct v16_leak leak, struct v16 c)
{
	return (struct v16){ v16_half_through_less(v.lo, a.lo, leak, c.lo),
			     v16_half_through_less(v.hi, a.hi, leak, c.hi) };
}

static inline unsigned
v16_bits(__m256 lo, __m256 hi)
{
	return (unsigned)_mm256_movemask_ps(lo) | (unsigned)_mm256_movemask_ps(hi) << 8;
}

#endif
