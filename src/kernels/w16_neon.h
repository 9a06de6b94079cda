/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of w16_scalar.h as eight 128-bit registers: NEON of 64-bit ARM. */
#ifndef SBN_KERNELS_W16_NEON_H
#define SBN_KERNELS_W16_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct w16 {
	float64x2_t a[8];
};

enum { W16_PART = 0 };

/* Columns whose two sums the registers hold beside all else. */
enum { W16_COLUMNS = 1 };

/* keep is a mask: relu's product is cut away, since 0 * inf is not 0. */
struct w16_leak {
	float64x2_t slope;
	uint64x2_t keep;
};

static inline struct w16
w16_set1(double value)
{
	struct w16 v;

	for (int i = 0; i < 8; i++)
		v.a[i] = vdupq_n_f64(value);
	return v;
}

static inline struct w16
w16_load(const double *p)
{
	struct w16 v;

	for (int i = 0; i < 8; i++)
		v.a[i] = vld1q_f64(p + 2 * i);
	return v;
}

static inline void
w16_store(double *p, struct w16 v)
{
	for (int i = 0; i < 8; i++)
		vst1q_f64(p + 2 * i, v.a[i]);
}

/* There are no masked loads and stores: by way of the stack. */
static inline struct w16
w16_load_n(const double *p, size_t n, struct w16 rest)
{
	double lanes[16];

	w16_store(lanes, rest);
	memcpy(lanes, p, n * sizeof(*p));
	return w16_load(lanes);
}

static inline void
w16_store_n(double *p, size_t n, struct w16 v)
{
	double lanes[16];

	w16_store(lanes, v);
	memcpy(p, lanes, n * sizeof(*p));
}

static inline void
w16_stream(double *p, struct w16 v)
{
	w16_store(p, v);
}

static inline struct w16
w16_blend(size_t n, struct w16 a, struct w16 b)
{
	static const uint64_t words[32] = { [0 ... 15] = ~UINT64_C(0) };

	for (int i = 0; i < 8; i++)
		b.a[i] = vbslq_f64(vld1q_u64(words + 16 - n + 2 * i), a.a[i], b.a[i]);
	return b;
}

static inline struct w16
w16_add(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 8; i++)
		a.a[i] = vaddq_f64(a.a[i], b.a[i]);
	return a;
}

static inline struct w16
w16_add_beside_fma(struct w16 a, struct w16 b)
{
	return w16_add(a, b);
}

static inline struct w16
w16_by_memory(struct w16 a)
{
	return a;
}

static inline struct w16
w16_of_v16(struct v16 v)
{
	return (struct w16){ {
		vcvt_f64_f32(vget_low_f32(v.a)),
		vcvt_high_f64_f32(v.a),
		vcvt_f64_f32(vget_low_f32(v.b)),
		vcvt_high_f64_f32(v.b),
		vcvt_f64_f32(vget_low_f32(v.c)),
		vcvt_high_f64_f32(v.c),
		vcvt_f64_f32(vget_low_f32(v.d)),
		vcvt_high_f64_f32(v.d),
	} };
}

static inline struct w16
w16_of_floats(const float *p)
{
	return w16_of_v16(v16_load(p));
}

static inline struct w16
w16_sub(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 8; i++)
		a.a[i] = vsubq_f64(a.a[i], b.a[i]);
	return a;
}

static inline struct w16
w16_mul(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 8; i++)
		a.a[i] = vmulq_f64(a.a[i], b.a[i]);
	return a;
}

static inline struct w16
w16_div(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 8; i++)
		a.a[i] = vdivq_f64(a.a[i], b.a[i]);
	return a;
}

static inline struct w16
w16_sqrt(struct w16 v)
{
	for (int i = 0; i < 8; i++)
		v.a[i] = vsqrtq_f64(v.a[i]);
	return v;
}

static inline bool
w16_all_within(struct w16 v, double most)
{
	uint64x2_t all = vdupq_n_u64(~UINT64_C(0));

	for (int i = 0; i < 8; i++)
		all = vandq_u64(all, vcleq_f64(vabsq_f64(v.a[i]), vdupq_n_f64(most)));
	return (vgetq_lane_u64(all, 0) & vgetq_lane_u64(all, 1)) != 0;
}

static inline void
w16_load_pairs(const double *p, struct w16 *first, struct w16 *second)
{
	for (int i = 0; i < 8; i++) {
		const float64x2x2_t both = vld2q_f64(p + 4 * i);

		first->a[i] = both.val[0];
		second->a[i] = both.val[1];
	}
}

static inline struct v16
v16_of_w16(struct w16 w)
{
	return (struct v16){ vcvt_high_f32_f64(vcvt_f32_f64(w.a[0]), w.a[1]),
			     vcvt_high_f32_f64(vcvt_f32_f64(w.a[2]), w.a[3]),
			     vcvt_high_f32_f64(vcvt_f32_f64(w.a[4]), w.a[5]),
			     vcvt_high_f32_f64(vcvt_f32_f64(w.a[6]), w.a[7]) };
}

static inline struct w16
w16_fma(struct w16 a, struct w16 b, struct w16 c)
{
	for (int i = 0; i < 8; i++)
		c.a[i] = vfmaq_f64(c.a[i], a.a[i], b.a[i]);
	return c;
}

static inline struct w16
w16_fnmadd(struct w16 a, struct w16 b, struct w16 c)
{
	for (int i = 0; i < 8; i++)
		c.a[i] = vfmsq_f64(c.a[i], a.a[i], b.a[i]);
	return c;
}

static inline struct w16
w16_firsts(struct w16 v)
{
	for (int i = 0; i < 8; i++)
		v.a[i] = vdupq_laneq_f64(v.a[i], 0);
	return v;
}

static inline struct w16
w16_woven(struct w16 a, struct w16 b)
{
	for (int i = 0; i < 8; i++)
		b.a[i] = vcopyq_laneq_f64(b.a[i], 0, a.a[i], 0);
	return b;
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
	for (int i = 0; i < 4; i++)
		high.a[i] = low.a[i];
	return high;
}

static inline struct w16_leak
w16_leak(double slope, bool leaky)
{
	return (struct w16_leak){ vdupq_n_f64(slope), vdupq_n_u64(leaky ? ~UINT64_C(0) : 0) };
}

static inline struct w16
w16_through(struct w16 v, struct w16 a, struct w16_leak leak)
{
	for (int i = 0; i < 8; i++) {
		uint64x2_t product = vreinterpretq_u64_f64(vmulq_f64(a.a[i], leak.slope));
		float64x2_t through = vreinterpretq_f64_u64(vandq_u64(product, leak.keep));

		a.a[i] = vbslq_f64(vclezq_f64(v.a[i]), through, a.a[i]);
	}
	return a;
}

static inline struct w16
w16_through_less(struct w16 v, struct w16 a, struct w16_leak leak, struct w16 c)
{
	for (int i = 0; i < 8; i++) {
		uint64x2_t bits = vandq_u64(vreinterpretq_u64_f64(a.a[i]), leak.keep);
		float64x2_t kept = vreinterpretq_f64_u64(bits);

		a.a[i] = vbslq_f64(vclezq_f64(v.a[i]),
				   vfmaq_f64(vnegq_f64(c.a[i]), kept, leak.slope),
				   vsubq_f64(a.a[i], c.a[i]));
	}
	return a;
}

#endif
