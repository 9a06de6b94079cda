/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 and float16 in memory as v16 of AVX2; float16 by F16C. */
#ifndef SBN_KERNELS_HALF_AVX2_H
#define SBN_KERNELS_HALF_AVX2_H

#include "kernels/v16_avx2.h"
#include "kernels/w16_avx2.h"

/* 16 elements of 16 bits, of which the first n are read: pairs, then the odd one. */
static inline __m256i
half_load_n(const uint16_t *p, size_t n)
{
	__m256i pairs = v16_mask(n / 2, 0), odd = v16_mask((n + 1) / 2, 0);

	if (n == 8)
		return _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)p));
	pairs = _mm256_maskload_epi32((const int *)p, pairs);
	odd = _mm256_andnot_si256(v16_mask(n / 2, 0), odd);
	return _mm256_or_si256(pairs, _mm256_and_si256(odd, _mm256_set1_epi32(p[n - 1])));
}

/* In pieces, as v16_store_n; n is below 16. */
static inline void
half_store_n(uint16_t *p, size_t n, __m256i v)
{
	__m128i eight = _mm256_castsi256_si128(v);

	if (n & 8) {
		_mm_storeu_si128((__m128i *)p, eight);
		eight = _mm256_extracti128_si256(v, 1);
		p += 8;
	}
	if (n & 4) {
		_mm_storel_epi64((__m128i *)p, eight);
		eight = _mm_srli_si128(eight, 8);
		p += 4;
	}
	if (n & 2) {
		_mm_storeu_si32(p, eight);
		eight = _mm_srli_si128(eight, 4);
		p += 2;
	}
	if (n & 1)
		*p = (uint16_t)_mm_extract_epi16(eight, 0);
}

/* The first n lanes of v, the others of rest. */
static inline struct v16
half_rest(struct v16 v, size_t n, struct v16 rest)
{
	return (struct v16){
		_mm256_blendv_ps(rest.lo, v.lo, _mm256_castsi256_ps(v16_mask(n, 0))),
		_mm256_blendv_ps(rest.hi, v.hi, _mm256_castsi256_ps(v16_mask(n, 1))),
	};
}

static inline __m256
half_widen_bf16(__m128i half)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

/* To nearest even, in the upper halves; the carry of the largest makes infinity. */
static inline __m256i
half_round_bf16(__m256 v)
{
	__m256i bits = _mm256_castps_si256(v), upper = _mm256_srli_epi32(bits, 16);
	__m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
	__m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
	__m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
	__m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));

	return _mm256_blendv_epi8(sum, quiet, nan);
}

static inline struct v16
half_to_v16_bf16(__m256i half)
{
	return (struct v16){ half_widen_bf16(_mm256_castsi256_si128(half)),
			     half_widen_bf16(_mm256_extracti128_si256(half, 1)) };
}

static inline __m256i
half_of_v16_bf16(struct v16 v)
{
	__m256i lo = _mm256_srli_epi32(half_round_bf16(v.lo), 16);
	__m256i hi = _mm256_srli_epi32(half_round_bf16(v.hi), 16);
	__m256i mixed = _mm256_packus_epi32(lo, hi);

	return _mm256_permute4x64_epi64(mixed, 0xd8); /* the packing is one a 128-bit lane */
}

static inline struct v16
half_to_v16_f16(__m256i half)
{
	return (struct v16){ _mm256_cvtph_ps(_mm256_castsi256_si128(half)),
			     _mm256_cvtph_ps(_mm256_extracti128_si256(half, 1)) };
}

static inline __m256i
half_of_v16_f16(struct v16 v)
{
	__m128i lo = _mm256_cvtps_ph(v.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m128i hi = _mm256_cvtps_ph(v.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);

	return _mm256_set_m128i(hi, lo);
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

static inline struct w16
load_wide_bf16(const uint16_t *p)
{
	return w16_of_v16(load_bf16(p));
}

/* Of each 16 the elements of even numbers, and then those of odd ones: no shuffling. */
#define SBN_BF16_HAS_AN_ORDER

struct two_bf16 {
	struct v16 a, b;
};

static inline __m256
half_even_bf16(__m256i both)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
}

static inline __m256
half_odd_bf16(__m256i both)
{
	return _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32((int)0xffff0000)));
}

static inline struct v16
half_mixed_bf16(const uint16_t *p)
{
	__m256i both = _mm256_loadu_si256((const __m256i *)p);

	return (struct v16){ half_even_bf16(both), half_odd_bf16(both) };
}

static inline __m256i
half_of_mixed_bf16(struct v16 v)
{
	__m256i even = _mm256_srli_epi32(half_round_bf16(v.lo), 16);

	return _mm256_blend_epi16(even, half_round_bf16(v.hi), 0xaa);
}

static inline struct two_bf16
load_two_bf16(const uint16_t *p)
{
	return (struct two_bf16){ half_mixed_bf16(p), half_mixed_bf16(p + 16) };
}

static inline struct two_bf16
load_addends_bf16(const uint16_t *p)
{
	return load_two_bf16(p);
}

static inline struct v16
half_mixed_n_bf16(const uint16_t *p, size_t n)
{
	__m256i both = half_load_n(p, n);

	return (struct v16){ half_even_bf16(both), half_odd_bf16(both) };
}

/* Those at n and behind are not touched, and are 0. */
static inline struct two_bf16
load_two_n_bf16(const uint16_t *p, size_t n)
{
	if (n < 16)
		return (struct two_bf16){ half_mixed_n_bf16(p, n), v16_set1(0) };
	if (n == 16)
		return (struct two_bf16){ half_mixed_bf16(p), v16_set1(0) };
	return (struct two_bf16){ half_mixed_bf16(p), half_mixed_n_bf16(p + 16, n - 16) };
}

static inline struct v16
pairs_of_two_bf16(struct two_bf16 two)
{
	return (struct v16){ _mm256_add_ps(two.a.lo, two.a.hi), _mm256_add_ps(two.b.lo, two.b.hi) };
}

static inline void
half_store_in_order(float *p, struct v16 v)
{
	__m256 lo = _mm256_unpacklo_ps(v.lo, v.hi), hi = _mm256_unpackhi_ps(v.lo, v.hi);

	_mm256_storeu_ps(p, _mm256_permute2f128_ps(lo, hi, 0x20));
	_mm256_storeu_ps(p + 8, _mm256_permute2f128_ps(lo, hi, 0x31));
}

static inline void
store_in_order_bf16(float *p, struct two_bf16 two)
{
	half_store_in_order(p, two.a);
	half_store_in_order(p + 16, two.b);
}

/* n <= 16 elements stay. */
static inline struct v16
half_blend_bf16(size_t n, struct v16 v, struct v16 rest)
{
	const __m256i even = v16_mask((n + 1) / 2, 0), odd = v16_mask(n / 2, 0);

	return (struct v16){ _mm256_blendv_ps(rest.lo, v.lo, _mm256_castsi256_ps(even)),
			     _mm256_blendv_ps(rest.hi, v.hi, _mm256_castsi256_ps(odd)) };
}

static inline struct two_bf16
blend_two_bf16(size_t n, struct two_bf16 two, struct v16 v)
{
	const size_t in_a = n < 16 ? n : 16;

	return (struct two_bf16){ half_blend_bf16(in_a, two.a, v),
				  half_blend_bf16(n - in_a, two.b, v) };
}

static inline void
store_two_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm256_storeu_si256((__m256i *)p, half_of_mixed_bf16(two.a));
	_mm256_storeu_si256((__m256i *)(p + 16), half_of_mixed_bf16(two.b));
}

static inline void
stream_two_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm256_stream_si256((__m256i *)p, half_of_mixed_bf16(two.a));
	_mm256_stream_si256((__m256i *)(p + 16), half_of_mixed_bf16(two.b));
}

static inline __m256
half_plain_nans(__m256 v)
{
	const __m256 upper = _mm256_castsi256_ps(_mm256_set1_epi32(-0x10000));
	const __m256 quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x400000));

	return _mm256_blendv_ps(v, _mm256_or_ps(_mm256_and_ps(v, upper), quiet),
				_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

/* A NaN is made a quiet one whose lower half is 0. */
static inline struct v16
plain_nans_bf16(struct v16 v)
{
	return (struct v16){ half_plain_nans(v.lo), half_plain_nans(v.hi) };
}

/*
 * Upper halves side by side, and lower halves: those above 0x8000, or from there on if the upper
 * half is odd, count one. A NaN, which has none, stays as it is.
 */
static inline __m256i
half_of_mixed_plain_bf16(struct v16 v)
{
	const __m256i even = _mm256_castps_si256(v.lo), odd = _mm256_castps_si256(v.hi);
	const __m256i up = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa);
	const __m256i low = _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), 0xaa);
	const __m256i even_one = _mm256_andnot_si256(up, _mm256_set1_epi16(1));

	return _mm256_add_epi16(up, _mm256_srli_epi16(_mm256_subs_epu16(low, even_one), 15));
}

static inline void
store_two_plain_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm256_storeu_si256((__m256i *)p, half_of_mixed_plain_bf16(two.a));
	_mm256_storeu_si256((__m256i *)(p + 16), half_of_mixed_plain_bf16(two.b));
}

static inline void
stream_two_plain_bf16(uint16_t *p, struct two_bf16 two)
{
	_mm256_stream_si256((__m256i *)p, half_of_mixed_plain_bf16(two.a));
	_mm256_stream_si256((__m256i *)(p + 16), half_of_mixed_plain_bf16(two.b));
}

/* Elements 0, 2, 4, 6; 8, 10, 12, 14; 1, 3, 5, 7; 9, 11, 13, 15. */
static inline struct w16
half_wide_mixed_bf16(__m128i lo, __m128i hi)
{
	const __m128i odd = _mm_set1_epi32((int)0xffff0000);

	return (struct w16){ _mm256_cvtps_pd(_mm_castsi128_ps(_mm_slli_epi32(lo, 16))),
			     _mm256_cvtps_pd(_mm_castsi128_ps(_mm_slli_epi32(hi, 16))),
			     _mm256_cvtps_pd(_mm_castsi128_ps(_mm_and_si128(lo, odd))),
			     _mm256_cvtps_pd(_mm_castsi128_ps(_mm_and_si128(hi, odd))) };
}

static inline struct w16
load_mixed_bf16(const uint16_t *p)
{
	return half_wide_mixed_bf16(_mm_loadu_si128((const __m128i *)p),
				    _mm_loadu_si128((const __m128i *)(p + 8)));
}

static inline struct w16
load_n_mixed_bf16(const uint16_t *p, size_t n, struct v16 narrow, struct w16 rest)
{
	__m256i both = half_load_n(p, n);
	struct w16 v = half_wide_mixed_bf16(_mm256_castsi256_si128(both),
					    _mm256_extracti128_si256(both, 1));

	(void)narrow;
	return (struct w16){ w16_quarter_blend(w16_mask((n + 1) / 2, 0), v.a, rest.a),
			     w16_quarter_blend(w16_mask((n + 1) / 2, 1), v.b, rest.b),
			     w16_quarter_blend(w16_mask(n / 2, 0), v.c, rest.c),
			     w16_quarter_blend(w16_mask(n / 2, 1), v.d, rest.d) };
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
half_store_mixed(double *p, __m256d even, __m256d odd)
{
	__m256d lo = _mm256_unpacklo_pd(even, odd), hi = _mm256_unpackhi_pd(even, odd);

	_mm256_storeu_pd(p, _mm256_permute2f128_pd(lo, hi, 0x20));
	_mm256_storeu_pd(p + 4, _mm256_permute2f128_pd(lo, hi, 0x31));
}

static inline void
store_mixed_bf16(double *p, struct w16 v)
{
	half_store_mixed(p, v.a, v.c);
	half_store_mixed(p + 8, v.b, v.d);
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
	return w16_of_v16(load_f16(p));
}

#endif
