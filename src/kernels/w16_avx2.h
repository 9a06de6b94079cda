/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of w16_scalar.h as four 256-bit registers: AVX2 and FMA. */
#ifndef SBN_KERNELS_W16_AVX2_H
#define SBN_KERNELS_W16_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct w16 {
	__m256d a, b, c, d;
};

enum { W16_PART = 4 };

/* Columns whose two sums the registers hold beside all else. */
enum { W16_COLUMNS = 1 };

/* keep is a mask: relu's product is cut away, since 0 * inf is not 0. */
struct w16_leak {
	__m256d slope, keep;
};

#define W16_OF_TWO(f, x, y) \
	((struct w16){ f((x).a, (y).a), f((x).b, (y).b), f((x).c, (y).c), f((x).d, (y).d) })
#define W16_OF_THREE(f, x, y, z)                                                               \
	((struct w16){ f((x).a, (y).a, (z).a), f((x).b, (y).b, (z).b), f((x).c, (y).c, (z).c), \
		       f((x).d, (y).d, (z).d) })

/* Of the first n lanes' masks the four of one register: the 16 words from word 16 - n on. */
static inline __m256i
w16_mask(size_t n, size_t quarter)
{
	static const int64_t words[32] = { -1, -1, -1, -1, -1, -1, -1, -1,
					   -1, -1, -1, -1, -1, -1, -1, -1 };

	return _mm256_loadu_si256((const __m256i *)(words + 16 - n + quarter * 4));
}

static inline struct w16
w16_set1(double value)
{
	__m256d v = _mm256_set1_pd(value);

	return (struct w16){ v, v, v, v };
}

static inline struct w16
w16_load(const double *p)
{
	return (struct w16){ _mm256_loadu_pd(p), _mm256_loadu_pd(p + 4), _mm256_loadu_pd(p + 8),
			     _mm256_loadu_pd(p + 12) };
}

static inline __m256d
w16_load_masked(const double *p, __m256i mask, __m256d rest)
{
	return _mm256_blendv_pd(rest, _mm256_maskload_pd(p, mask), _mm256_castsi256_pd(mask));
}

static inline struct w16
w16_load_n(const double *p, size_t n, struct w16 rest)
{
	return (struct w16){
		w16_load_masked(p, w16_mask(n, 0), rest.a),
		w16_load_masked(p + 4, w16_mask(n, 1), rest.b),
		w16_load_masked(p + 8, w16_mask(n, 2), rest.c),
		w16_load_masked(p + 12, w16_mask(n, 3), rest.d),
	};
}

static inline void
w16_store(double *p, struct w16 v)
{
	_mm256_storeu_pd(p, v.a);
	_mm256_storeu_pd(p + 4, v.b);
	_mm256_storeu_pd(p + 8, v.c);
	_mm256_storeu_pd(p + 12, v.d);
}

/* In pieces, as v16_store_n; n is below 16. */
static inline void
w16_store_n(double *p, size_t n, struct w16 v)
{
	__m256d four = v.a;
	__m128d two;

	if (n >= 4) {
		_mm256_storeu_pd(p, v.a);
		four = v.b;
	}
	if (n >= 8) {
		_mm256_storeu_pd(p + 4, v.b);
		four = v.c;
	}
	if (n >= 12) {
		_mm256_storeu_pd(p + 8, v.c);
		four = v.d;
	}
	p += n & 12;
	two = _mm256_castpd256_pd128(four);
	if (n & 2) {
		_mm_storeu_pd(p, two);
		two = _mm256_extractf128_pd(four, 1);
		p += 2;
	}
	if (n & 1)
		_mm_store_sd(p, two);
}

static inline void
w16_stream(double *p, struct w16 v)
{
	_mm256_stream_pd(p, v.a);
	_mm256_stream_pd(p + 4, v.b);
	_mm256_stream_pd(p + 8, v.c);
	_mm256_stream_pd(p + 12, v.d);
}

static inline __m256d
w16_quarter_blend(__m256i mask, __m256d a, __m256d b)
{
	return _mm256_blendv_pd(b, a, _mm256_castsi256_pd(mask));
}

static inline struct w16
w16_blend(size_t n, struct w16 a, struct w16 b)
{
	return (struct w16){
		w16_quarter_blend(w16_mask(n, 0), a.a, b.a),
		w16_quarter_blend(w16_mask(n, 1), a.b, b.b),
		w16_quarter_blend(w16_mask(n, 2), a.c, b.c),
		w16_quarter_blend(w16_mask(n, 3), a.d, b.d),
	};
}

static inline struct w16
w16_add(struct w16 a, struct w16 b)
{
	return W16_OF_TWO(_mm256_add_pd, a, b);
}

/*
 * What has been added is there. Else gcc 12 puts off the additions of a loop that it unrolls to the
 * loop's end, and keeps on the stack what is to be added.
 */
static inline struct w16
w16_add_beside_fma(struct w16 a, struct w16 b)
{
	struct w16 sum = w16_add(a, b);

	__asm__("" : "+x"(sum.a));
	__asm__("" : "+x"(sum.b));
	__asm__("" : "+x"(sum.c));
	__asm__("" : "+x"(sum.d));
	return sum;
}

static inline struct w16
w16_by_memory(struct w16 a)
{
	__m256d d = a.d;

	__asm__("" : "+m"(d));
	return (struct w16){ a.a, a.b, a.c, d };
}

static inline struct w16
w16_of_v16(struct v16 v)
{
	return (struct w16){
		_mm256_cvtps_pd(_mm256_castps256_ps128(v.lo)),
		_mm256_cvtps_pd(_mm256_extractf128_ps(v.lo, 1)),
		_mm256_cvtps_pd(_mm256_castps256_ps128(v.hi)),
		_mm256_cvtps_pd(_mm256_extractf128_ps(v.hi, 1)),
	};
}

/* From memory: a conversion of a register's upper half would have to move it first. */
static inline struct w16
w16_of_floats(const float *p)
{
	return (struct w16){ _mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4)),
			     _mm256_cvtps_pd(_mm_loadu_ps(p + 8)),
			     _mm256_cvtps_pd(_mm_loadu_ps(p + 12)) };
}

static inline struct w16
w16_sub(struct w16 a, struct w16 b)
{
	return W16_OF_TWO(_mm256_sub_pd, a, b);
}

static inline struct w16
w16_mul(struct w16 a, struct w16 b)
{
	return W16_OF_TWO(_mm256_mul_pd, a, b);
}

static inline struct w16
w16_div(struct w16 a, struct w16 b)
{
	return W16_OF_TWO(_mm256_div_pd, a, b);
}

static inline struct w16
w16_sqrt(struct w16 v)
{
	return (struct w16){ _mm256_sqrt_pd(v.a), _mm256_sqrt_pd(v.b), _mm256_sqrt_pd(v.c),
			     _mm256_sqrt_pd(v.d) };
}

static inline __m256d
w16_quarter_within(__m256d v, double most)
{
	const __m256d size = _mm256_andnot_pd(_mm256_set1_pd(-0.0), v);

	return _mm256_cmp_pd(size, _mm256_set1_pd(most), _CMP_LE_OQ);
}

static inline bool
w16_all_within(struct w16 v, double most)
{
	const __m256d low =
		_mm256_and_pd(w16_quarter_within(v.a, most), w16_quarter_within(v.b, most));
	const __m256d high =
		_mm256_and_pd(w16_quarter_within(v.c, most), w16_quarter_within(v.d, most));

	return _mm256_movemask_pd(_mm256_and_pd(low, high)) == 15;
}

static inline void
w16_load_four_pairs(const double *p, __m256d *first, __m256d *second)
{
	const __m256d lo = _mm256_loadu_pd(p), hi = _mm256_loadu_pd(p + 4);

	*first = _mm256_permute4x64_pd(_mm256_unpacklo_pd(lo, hi), 0xd8);
	*second = _mm256_permute4x64_pd(_mm256_unpackhi_pd(lo, hi), 0xd8);
}

static inline void
w16_load_pairs(const double *p, struct w16 *first, struct w16 *second)
{
	w16_load_four_pairs(p, &first->a, &second->a);
	w16_load_four_pairs(p + 8, &first->b, &second->b);
	w16_load_four_pairs(p + 16, &first->c, &second->c);
	w16_load_four_pairs(p + 24, &first->d, &second->d);
}

static inline struct v16
v16_of_w16(struct w16 w)
{
	return (struct v16){ _mm256_set_m128(_mm256_cvtpd_ps(w.b), _mm256_cvtpd_ps(w.a)),
			     _mm256_set_m128(_mm256_cvtpd_ps(w.d), _mm256_cvtpd_ps(w.c)) };
}

static inline struct w16
w16_fma(struct w16 a, struct w16 b, struct w16 c)
{
	return W16_OF_THREE(_mm256_fmadd_pd, a, b, c);
}

static inline struct w16
w16_fnmadd(struct w16 a, struct w16 b, struct w16 c)
{
	return W16_OF_THREE(_mm256_fnmadd_pd, a, b, c);
}

static inline struct w16
w16_firsts(struct w16 v)
{
	return (struct w16){ _mm256_movedup_pd(v.a), _mm256_movedup_pd(v.b), _mm256_movedup_pd(v.c),
			     _mm256_movedup_pd(v.d) };
}

static inline struct w16
w16_woven(struct w16 a, struct w16 b)
{
	return (struct w16){ _mm256_blend_pd(a.a, b.a, 0xa), _mm256_blend_pd(a.b, b.b, 0xa),
			     _mm256_blend_pd(a.c, b.c, 0xa), _mm256_blend_pd(a.d, b.d, 0xa) };
}

/* The first W16_PART lanes of a, and the others of b. */
static inline struct w16
w16_first_part(struct w16 a, struct w16 b)
{
	return (struct w16){ a.a, b.b, b.c, b.d };
}

static inline struct w16
w16_halves(struct w16 low, struct w16 high)
{
	return (struct w16){ low.a, low.b, high.c, high.d };
}

static inline struct w16_leak
w16_leak(double slope, bool leaky)
{
	return (struct w16_leak){ _mm256_set1_pd(slope),
				  _mm256_castsi256_pd(_mm256_set1_epi64x(leaky ? -1 : 0)) };
}

static inline __m256d
w16_quarter_through(__m256d v, __m256d a, struct w16_leak leak)
{
	__m256d through = _mm256_and_pd(_mm256_mul_pd(a, leak.slope), leak.keep);

	return _mm256_blendv_pd(a, through, _mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_LE_OQ));
}

static inline struct w16
w16_through(struct w16 v, struct w16 a, struct w16_leak leak)
{
	return (struct w16){
		w16_quarter_through(v.a, a.a, leak),
		w16_quarter_through(v.b, a.b, leak),
		w16_quarter_through(v.c, a.c, leak),
		w16_quarter_through(v.d, a.d, leak),
	};
}

static inline __m256d
w16_quarter_through_less(__m256d v, __m256d a, struct w16_leak leak, __m256d c)
{
	__m256d through = _mm256_fmsub_pd(_mm256_and_pd(a, leak.keep), leak.slope, c);
	__m256d where = _mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_LE_OQ);

	return _mm256_blendv_pd(_mm256_sub_pd(a, c), through, where);
}

static inline struct w16
w16_through_less(struct w16 v, struct w16 a, struct w16_leak leak, struct w16 c)
{
	return (struct w16){
		w16_quarter_through_less(v.a, a.a, leak, c.a),
		w16_quarter_through_less(v.b, a.b, leak, c.b),
		w16_quarter_through_less(v.c, a.c, leak, c.c),
		w16_quarter_through_less(v.d, a.d, leak, c.d),
	};
}

/*
 * s0 += g, s1 = fma(g, x - mean, s1) of 16 floats, one register after the other: all eight sums and
 * all eight of what is added to them are more than there are.
 */
#define W16_SUMS_FLOATS

static inline void
w16_sum_four_floats(const float *x, const float *g, __m256d mean, __m256d *s0, __m256d *s1)
{
	const __m256d wide = _mm256_cvtps_pd(_mm_loadu_ps(g));

	*s0 = _mm256_add_pd(*s0, wide);
	*s1 = _mm256_fmadd_pd(wide, _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(x)), mean), *s1);
}

static inline void
w16_sum_floats(const float *x, const float *g, struct w16 mean, struct w16 *s0, struct w16 *s1)
{
	w16_sum_four_floats(x, g, mean.a, &s0->a, &s1->a);
	w16_sum_four_floats(x + 4, g + 4, mean.b, &s0->b, &s1->b);
	w16_sum_four_floats(x + 8, g + 8, mean.c, &s0->c, &s1->c);
	w16_sum_four_floats(x + 12, g + 12, mean.d, &s0->d, &s1->d);
}

#endif
