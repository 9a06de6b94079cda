/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of w16_scalar.h as pairs of 512-bit registers, by AVX-512F. */
#ifndef SBN_KERNELS_W16_AVX512_H
#define SBN_KERNELS_W16_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

struct w16 {
	__m512d lo, hi;
};

enum { W16_PART = 0 };

/* Columns whose two sums the registers hold beside all else. */
enum { W16_COLUMNS = 4 };

/* keep is a mask: relu's product is cut away, since 0 * inf is not 0. */
struct w16_leak {
	__m512d slope;
	__mmask8 keep;
};

/* Of the first n lanes' masks the 8 of one register. */
static inline __mmask8
w16_mask(size_t n, size_t half)
{
	return (__mmask8)(((1u << n) - 1) >> half * 8);
}

static inline struct w16
w16_set1(double value)
{
	return (struct w16){ _mm512_set1_pd(value), _mm512_set1_pd(value) };
}

static inline struct w16
w16_load(const double *p)
{
	return (struct w16){ _mm512_loadu_pd(p), _mm512_loadu_pd(p + 8) };
}

static inline struct w16
w16_load_n(const double *p, size_t n, struct w16 rest)
{
	return (struct w16){ _mm512_mask_loadu_pd(rest.lo, w16_mask(n, 0), p),
			     _mm512_mask_loadu_pd(rest.hi, w16_mask(n, 1), p + 8) };
}

static inline void
w16_store(double *p, struct w16 v)
{
	_mm512_storeu_pd(p, v.lo);
	_mm512_storeu_pd(p + 8, v.hi);
}

static inline void
w16_store_n(double *p, size_t n, struct w16 v)
{
	_mm512_mask_storeu_pd(p, w16_mask(n, 0), v.lo);
	_mm512_mask_storeu_pd(p + 8, w16_mask(n, 1), v.hi);
}

static inline void
w16_stream(double *p, struct w16 v)
{
	_mm512_stream_pd(p, v.lo);
	_mm512_stream_pd(p + 8, v.hi);
}

static inline struct w16
w16_blend(size_t n, struct w16 a, struct w16 b)
{
	return (struct w16){ _mm512_mask_blend_pd(w16_mask(n, 0), b.lo, a.lo),
			     _mm512_mask_blend_pd(w16_mask(n, 1), b.hi, a.hi) };
}

static inline struct w16
w16_add(struct w16 a, struct w16 b)
{
	return (struct w16){ _mm512_add_pd(a.lo, b.lo), _mm512_add_pd(a.hi, b.hi) };
}

/* By the multipliers: the adders are those that convert as well. */
static inline struct w16
w16_add_beside_fma(struct w16 a, struct w16 b)
{
	const __m512d one = _mm512_set1_pd(1);

	return (struct w16){ _mm512_fmadd_pd(b.lo, one, a.lo), _mm512_fmadd_pd(b.hi, one, a.hi) };
}

static inline struct w16
w16_by_memory(struct w16 a)
{
	__m512d hi = a.hi;

	__asm__("" : "+m"(hi));
	return (struct w16){ a.lo, hi };
}

static inline struct w16
w16_of_v16(struct v16 v)
{
	__m256 hi = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v.a), 1));

	return (struct w16){ _mm512_cvtps_pd(_mm512_castps512_ps256(v.a)), _mm512_cvtps_pd(hi) };
}

/* From memory: a conversion of a register's upper half would have to move it first. */
static inline struct w16
w16_of_floats(const float *p)
{
	return (struct w16){ _mm512_cvtps_pd(_mm256_loadu_ps(p)),
			     _mm512_cvtps_pd(_mm256_loadu_ps(p + 8)) };
}

/* By the multipliers as well. */
static inline struct w16
w16_sub(struct w16 a, struct w16 b)
{
	const __m512d one = _mm512_set1_pd(1);

	return (struct w16){ _mm512_fmsub_pd(a.lo, one, b.lo), _mm512_fmsub_pd(a.hi, one, b.hi) };
}

static inline struct w16
w16_mul(struct w16 a, struct w16 b)
{
	return (struct w16){ _mm512_mul_pd(a.lo, b.lo), _mm512_mul_pd(a.hi, b.hi) };
}

static inline struct w16
w16_div(struct w16 a, struct w16 b)
{
	return (struct w16){ _mm512_div_pd(a.lo, b.lo), _mm512_div_pd(a.hi, b.hi) };
}

static inline struct w16
w16_sqrt(struct w16 v)
{
	return (struct w16){ _mm512_sqrt_pd(v.lo), _mm512_sqrt_pd(v.hi) };
}

static inline bool
w16_all_within(struct w16 v, double most)
{
	const __m512d limit = _mm512_set1_pd(most);
	const __mmask8 lo = _mm512_cmp_pd_mask(_mm512_abs_pd(v.lo), limit, _CMP_LE_OQ);
	const __mmask8 hi = _mm512_cmp_pd_mask(_mm512_abs_pd(v.hi), limit, _CMP_LE_OQ);

	return (lo & hi) == 0xff;
}

static inline void
w16_load_eight_pairs(const double *p, __m512d *first, __m512d *second)
{
	const __m512d lo = _mm512_loadu_pd(p), hi = _mm512_loadu_pd(p + 8);
	const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);

	*first = _mm512_permutex2var_pd(lo, even, hi);
	*second = _mm512_permutex2var_pd(lo, _mm512_add_epi64(even, _mm512_set1_epi64(1)), hi);
}

static inline void
w16_load_pairs(const double *p, struct w16 *first, struct w16 *second)
{
	w16_load_eight_pairs(p, &first->lo, &second->lo);
	w16_load_eight_pairs(p + 16, &first->hi, &second->hi);
}

static inline struct v16
v16_of_w16(struct w16 w)
{
	const __m512d lo = _mm512_castps_pd(_mm512_castps256_ps512(_mm512_cvtpd_ps(w.lo)));
	const __m256d hi = _mm256_castps_pd(_mm512_cvtpd_ps(w.hi));

	return (struct v16){ _mm512_castpd_ps(_mm512_insertf64x4(lo, hi, 1)) };
}

static inline struct w16
w16_fma(struct w16 a, struct w16 b, struct w16 c)
{
	return (struct w16){ _mm512_fmadd_pd(a.lo, b.lo, c.lo), _mm512_fmadd_pd(a.hi, b.hi, c.hi) };
}

static inline struct w16
w16_fnmadd(struct w16 a, struct w16 b, struct w16 c)
{
	return (struct w16){ _mm512_fnmadd_pd(a.lo, b.lo, c.lo),
			     _mm512_fnmadd_pd(a.hi, b.hi, c.hi) };
}

static inline struct w16
w16_firsts(struct w16 v)
{
	return (struct w16){ _mm512_movedup_pd(v.lo), _mm512_movedup_pd(v.hi) };
}

static inline struct w16
w16_woven(struct w16 a, struct w16 b)
{
	return (struct w16){ _mm512_mask_blend_pd(0xaa, a.lo, b.lo),
			     _mm512_mask_blend_pd(0xaa, a.hi, b.hi) };
}

static inline struct w16
w16_first_part(struct w16 a, struct w16 b)
{
	(void)b;
	return a;
}

static inline struct w16
w16_halves(struct w16 low, struct w16 high)
{
	return (struct w16){ low.lo, high.hi };
}

static inline struct w16_leak
w16_leak(double slope, bool leaky)
{
	return (struct w16_leak){ _mm512_set1_pd(slope), leaky ? 0xff : 0 };
}

static inline __m512d
w16_half_through(__m512d v, __m512d a, struct w16_leak leak)
{
	__mmask8 where = _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_LE_OQ);

	return _mm512_mask_blend_pd(where, a, _mm512_maskz_mul_pd(leak.keep, a, leak.slope));
}

static inline struct w16
w16_through(struct w16 v, struct w16 a, struct w16_leak leak)
{
	return (struct w16){ w16_half_through(v.lo, a.lo, leak),
			     w16_half_through(v.hi, a.hi, leak) };
}

static inline __m512d
w16_half_through_less(__m512d v, __m512d a, struct w16_leak leak, __m512d c)
{
	__mmask8 where = _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_LE_OQ);
	__m512d kept = _mm512_maskz_mov_pd(leak.keep, a);

	return _mm512_mask_blend_pd(where, _mm512_sub_pd(a, c),
				    _mm512_fmsub_pd(kept, leak.slope, c));
}

static inline struct w16
w16_through_less(struct w16 v, struct w16 a, struct w16_leak leak, struct w16 c)
{
	return (struct w16){ w16_half_through_less(v.lo, a.lo, leak, c.lo),
			     w16_half_through_less(v.hi, a.hi, leak, c.hi) };
}

/* The folds of kernels.h, a's in the lower half of the vectors. */
#define SBN_W16_HAS_FOLD_TWO

static inline void
w16_fold_two(struct w16 a, struct w16 b, double sums[2])
{
	__m512d a8 = _mm512_add_pd(a.lo, a.hi), b8 = _mm512_add_pd(b.lo, b.hi);
	__m512d both = _mm512_add_pd(_mm512_shuffle_f64x2(a8, b8, 0x44),
				     _mm512_shuffle_f64x2(a8, b8, 0xee));

	both = _mm512_add_pd(both, _mm512_permutex_pd(both, 0x4e));
	both = _mm512_add_pd(both, _mm512_permute_pd(both, 0x55));
	sums[0] = _mm512_cvtsd_f64(both);
	sums[1] = _mm256_cvtsd_f64(_mm512_extractf64x4_pd(both, 1));
}

#endif
