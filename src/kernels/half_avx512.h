/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 and float16 in memory as v16 of AVX-512; masks of 16-bit elements are AVX-512BW. */
#ifndef SBN_KERNELS_HALF_AVX512_H
#define SBN_KERNELS_HALF_AVX512_H

#include <stdint.h>

#include "kernels/v16_avx512.h"
#include "kernels/w16_avx512.h"

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

/* To nearest even in integers, in the upper halves; the carry of the largest makes infinity. */
static inline __m512i
half_round_bf16(struct v16 v)
{
	const __m512i quiet_nans = _mm512_set1_epi32(0x22); /* else what has been rounded */
	__m512i bits = _mm512_castps_si512(v.a);
	__mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
	__m512i sum = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));

	sum = _mm512_mask_add_epi32(sum, odd, bits, _mm512_set1_epi32(0x8000));
	return _mm512_castps_si512(
		_mm512_fixupimm_ps(_mm512_castsi512_ps(sum), v.a, quiet_nans, 0));
}

static inline __m256i
half_of_v16_bf16(struct v16 v)
{
	return _mm512_cvtepi32_epi16(_mm512_srli_epi32(half_round_bf16(v), 16));
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

/* Elements of even numbers, and then those of odd ones, which need no shuffling. */
#define SBN_BF16_HAS_AN_ORDER

struct two_bf16 {
	struct v16 a, b;
};

static inline struct two_bf16
two_of_line_bf16(__m512i both)
{
	const __m512i odd = _mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000));

	return (struct two_bf16){ { _mm512_castsi512_ps(_mm512_slli_epi32(both, 16)) },
				  { _mm512_castsi512_ps(odd) } };
}

static inline struct two_bf16
load_addends_bf16(const uint16_t *p)
{
	return two_of_line_bf16(_mm512_loadu_si512(p));
}

/* Kept in a register: else gcc 12 has none left in maps, and stores the line to read it twice. */
static inline struct two_bf16
load_two_bf16(const uint16_t *p)
{
	__m512i both = _mm512_loadu_si512(p);

	__asm__("" : "+v"(both));
	return two_of_line_bf16(both);
}

/* Those at n and behind are not touched, and are 0. */
static inline struct two_bf16
load_two_n_bf16(const uint16_t *p, size_t n)
{
	return two_of_line_bf16(_mm512_maskz_loadu_epi16((__mmask32)(((uint64_t)1 << n) - 1), p));
}

static inline struct v16
pairs_of_two_bf16(struct two_bf16 two)
{
	return v16_add(two.a, two.b);
}

static inline void
store_in_order_bf16(float *p, struct two_bf16 two)
{
	const __m512i lo =
		_mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	const __m512i hi = _mm512_add_epi32(lo, _mm512_set1_epi32(8));

	_mm512_storeu_ps(p, _mm512_permutex2var_ps(two.a.a, lo, two.b.a));
	_mm512_storeu_ps(p + 16, _mm512_permutex2var_ps(two.a.a, hi, two.b.a));
}

static inline struct two_bf16
blend_two_bf16(size_t n, struct two_bf16 two, struct v16 v)
{
	return (struct two_bf16){ v16_blend((n + 1) / 2, two.a, v), v16_blend(n / 2, two.b, v) };
}

/* A NaN is made a quiet one whose lower half is 0. */
static inline struct v16
plain_nans_bf16(struct v16 v)
{
	const __m512i quiet = _mm512_set1_epi32(0x400000), upper = _mm512_set1_epi32(-0x10000);
	const __m512i bits = _mm512_castps_si512(v.a);
	const __mmask16 nan = _mm512_cmp_ps_mask(v.a, v.a, _CMP_UNORD_Q);

	return (struct v16){ _mm512_castsi512_ps(
		_mm512_mask_ternarylogic_epi32(bits, nan, quiet, upper, 0xa8)) };
}

/*
 * Upper halves side by side, and lower halves: those above 0x8000, or from there on if the upper
 * half is odd, count one. A NaN, which has none, stays as it is.
 */
static inline __m512i
half_of_two_plain_bf16(struct two_bf16 two)
{
	const __m512i even = _mm512_castps_si512(two.a.a), odd = _mm512_castps_si512(two.b.a);
	const __m512i up = _mm512_ternarylogic_epi32(_mm512_srli_epi32(even, 16), odd,
						     _mm512_set1_epi32(-0x10000), 0xf8);
	const __m512i low = _mm512_ternarylogic_epi32(_mm512_slli_epi32(odd, 16), even,
						      _mm512_set1_epi32(0xffff), 0xf8);
	/* 0x8000 if odd, else 0x8001 */
	const __m512i least = _mm512_ternarylogic_epi32(up, _mm512_set1_epi16(1),
							_mm512_set1_epi16(-0x8000), 0xae);
	const __mmask32 count = _mm512_cmpge_epu16_mask(low, least);

	return _mm512_mask_sub_epi16(up, count, up, _mm512_set1_epi16(-1));
}

static inline void
store_two_plain_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm512_storeu_si512(p, half_of_two_plain_bf16(two));
}

static inline void
stream_two_plain_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm512_stream_si512((void *)p, half_of_two_plain_bf16(two));
}

static inline __m512i
half_of_two_bf16(struct two_bf16 two)
{
	__m512i even = _mm512_srli_epi32(half_round_bf16(two.a), 16), odd = half_round_bf16(two.b);

	/* the odd ones' upper halves, or the even ones */
	return _mm512_ternarylogic_epi32(even, odd, _mm512_set1_epi32((int)0xffff0000), 0xf8);
}

static inline void
store_two_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm512_storeu_si512(p, half_of_two_bf16(two));
}

static inline void
stream_two_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm512_stream_si512((void *)p, half_of_two_bf16(two));
}

static inline __m512d
half_widen_bf16(const uint16_t *p)
{
	__m256i half = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));

	return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(half, 16)));
}

static inline struct w16
load_wide_bf16(const uint16_t *p)
{
	return (struct w16){ half_widen_bf16(p), half_widen_bf16(p + 8) };
}

static inline struct w16
load_mixed_bf16(const uint16_t *p)
{
	__m256i both = _mm256_loadu_si256((const __m256i *)p), odd;

	odd = _mm256_and_si256(both, _mm256_set1_epi32((int)0xffff0000));
	return (struct w16){ _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(both, 16))),
			     _mm512_cvtps_pd(_mm256_castsi256_ps(odd)) };
}

static inline struct w16
load_n_mixed_bf16(const uint16_t *p, size_t n, struct v16 narrow, struct w16 rest)
{
	__m256i both = half_load_n(p, n);
	__m256i odd = _mm256_and_si256(both, _mm256_set1_epi32((int)0xffff0000));
	__m256i even = _mm256_slli_epi32(both, 16);

	(void)narrow;
	return (struct w16){
		_mm512_mask_cvtps_pd(rest.lo, w16_mask((n + 1) / 2, 0), _mm256_castsi256_ps(even)),
		_mm512_mask_cvtps_pd(rest.hi, w16_mask(n / 2, 0), _mm256_castsi256_ps(odd))
	};
}

static inline bool
tail_is_first_bf16(size_t n)
{
	(void)n;
	return false;
}

static inline bool
tail_is_low_bf16(size_t n)
{
	return n == 1;
}

static inline void
store_mixed_bf16(double *p, struct w16 v)
{
	const __m512i lo = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
	const __m512i hi = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);

	w16_store(p, (struct w16){ _mm512_permutex2var_pd(v.lo, lo, v.hi),
				   _mm512_permutex2var_pd(v.lo, hi, v.hi) });
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

static inline struct w16
load_wide_f16(const uint16_t *p)
{
	__m128i lo = _mm_loadu_si128((const __m128i *)p);
	__m128i hi = _mm_loadu_si128((const __m128i *)(p + 8));

	return (struct w16){ _mm512_cvtps_pd(_mm256_cvtph_ps(lo)),
			     _mm512_cvtps_pd(_mm256_cvtph_ps(hi)) };
}

#endif
