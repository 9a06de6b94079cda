/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 and float16 in memory as v16 of AVX-512; masks of 16-bit elements are AVX-512BW. */
#ifndef SBN_KERNELS_HALF_AVX512_H
#define SBN_KERNELS_HALF_AVX512_H

#include <stdint.h>

#include "kernels/v16_avx512.h"

/* 16 elements of 16 bits, of which the first n are read. */
static inline __m256i
half_load_n(const uint16_t *p, size_t n)
{
	return _mm256_maskz_loadu_epi16(v16_mask(n), p);
}

static inline void
half_store_n(uint16_t *p, size_t n, __m256i v)
{
	if (n == 8)
		_mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(v));
	else
		_mm256_mask_storeu_epi16(p, v16_mask(n), v);
}

static inline struct v16
half_to_v16_bf16(__m256i half)
{
	return (struct v16){ _mm512_castsi512_ps(
		_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16)) };
}

/* To nearest even in integers; the carry of the largest makes infinity. */
static inline __m256i
half_of_v16_bf16(struct v16 v)
{
	__m512i bits = _mm512_castps_si512(v.a), upper = _mm512_srli_epi32(bits, 16);
	__m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
	__m512i sum = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
	__m512i half = _mm512_srli_epi32(sum, 16);
	__mmask16 nan = _mm512_cmp_ps_mask(v.a, v.a, _CMP_UNORD_Q);

	half = _mm512_mask_or_epi32(half, nan, upper, _mm512_set1_epi32(0x40));
	return _mm512_cvtepi32_epi16(half);
}

static inline struct v16
half_to_v16_f16(__m256i half)
{
	return (struct v16){ _mm512_cvtph_ps(half) };
}

static inline __m256i
half_of_v16_f16(struct v16 v)
{
	return _mm512_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline struct v16
half_rest(struct v16 v, size_t n, struct v16 rest)
{
	return (struct v16){ _mm512_mask_blend_ps(v16_mask(n), rest.a, v.a) };
}

static inline struct v16
load_bf16(const uint16_t *p)
{
	return half_to_v16_bf16(_mm256_loadu_si256((const __m256i *)p));
}

static inline struct v16
load_n_bf16(const uint16_t *p, size_t n, struct v16 rest)
{
	return half_rest(half_to_v16_bf16(half_load_n(p, n)), n, rest);
}

static inline void
store_bf16(uint16_t *p, struct v16 v)
{
	_mm256_storeu_si256((__m256i *)p, half_of_v16_bf16(v));
}

static inline void
stream_bf16(uint16_t *p, struct v16 v)
{
	_mm256_stream_si256((__m256i *)p, half_of_v16_bf16(v));
}

static inline void
store_n_bf16(uint16_t *p, size_t n, struct v16 v)
{
	half_store_n(p, n, half_of_v16_bf16(v));
}

static inline struct v16
load_f16(const uint16_t *p)
{
	return half_to_v16_f16(_mm256_loadu_si256((const __m256i *)p));
}

static inline struct v16
load_n_f16(const uint16_t *p, size_t n, struct v16 rest)
{
	return half_rest(half_to_v16_f16(half_load_n(p, n)), n, rest);
}

static inline void
store_f16(uint16_t *p, struct v16 v)
{
	_mm256_storeu_si256((__m256i *)p, half_of_v16_f16(v));
}

static inline void
stream_f16(uint16_t *p, struct v16 v)
{
	_mm256_stream_si256((__m256i *)p, half_of_v16_f16(v));
}

static inline void
store_n_f16(uint16_t *p, size_t n, struct v16 v)
{
	half_store_n(p, n, half_of_v16_f16(v));
}

#endif
