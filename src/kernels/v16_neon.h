/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of v16_scalar.h as four 128-bit registers: NEON of 64-bit ARM. */
#ifndef SBN_KERNELS_V16_NEON_H
#define SBN_KERNELS_V16_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct v16 {
	float32x4_t a, b, c, d;
};

/* keep is a mask: relu's product is cut away, since 0 * inf is not 0. */
struct v16_leak {
	float32x4_t slope;
	uint32x4_t keep;
};

#define V16_OF_TWO(f, x, y) \
	((struct v16){ f((x).a, (y).a), f((x).b, (y).b), f((x).c, (y).c), f((x).d, (y).d) })
/* f(z, x, y): NEON's fused operations take the summand first */
#define V16_FUSED(f, x, y, z)                                                                  \
	((struct v16){ f((z).a, (x).a, (y).a), f((z).b, (x).b, (y).b), f((z).c, (x).c, (y).c), \
		       f((z).d, (x).d, (y).d) })

/* Of the first n lanes' masks the four of one register: the words from word 16 - n on. */
static inline uint32x4_t
v16_mask(size_t n, size_t quarter)
{
	static const uint32_t words[32] = { ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u,
					    ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u };

	return vld1q_u32(words + 16 - n + quarter * 4);
}

static inline struct v16
v16_set1(float value)
{
	float32x4_t v = vdupq_n_f32(value);

	return (struct v16){ v, v, v, v };
}

static inline struct v16
v16_load(const float *p)
{
	return (struct v16){ vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12) };
}

static inline void
v16_store(float *p, struct v16 v)
{
	vst1q_f32(p, v.a);
	vst1q_f32(p + 4, v.b);
	vst1q_f32(p + 8, v.c);
	vst1q_f32(p + 12, v.d);
}

/* There are no masked loads and stores: by way of the stack. */
static inline struct v16
v16_load_n(const float *p, size_t n, struct v16 rest)
{
	float lanes[16];

	v16_store(lanes, rest);
	memcpy(lanes, p, n * sizeof(*p));
	return v16_load(lanes);
}

static inline void
v16_store_n(float *p, size_t n, struct v16 v)
{
	float lanes[16];

	v16_store(lanes, v);
	memcpy(p, lanes, n * sizeof(*p));
}

/* A hint of pairs that no compiler offers as a function; whole lines are written at once anyway. */
static inline void
v16_stream(float *p, struct v16 v)
{
	v16_store(p, v);
}

static inline struct v16
v16_blend(size_t n, struct v16 a, struct v16 b)
{
	return (struct v16){
		vbslq_f32(v16_mask(n, 0), a.a, b.a),
		vbslq_f32(v16_mask(n, 1), a.b, b.b),
		vbslq_f32(v16_mask(n, 2), a.c, b.c),
		vbslq_f32(v16_mask(n, 3), a.d, b.d),
	};
}

static inline struct v16
v16_add(struct v16 a, struct v16 b)
{
	return V16_OF_TWO(vaddq_f32, a, b);
}

static inline struct v16
v16_sub(struct v16 a, struct v16 b)
{
	return V16_OF_TWO(vsubq_f32, a, b);
}

static inline struct v16
v16_mul(struct v16 a, struct v16 b)
{
	return V16_OF_TWO(vmulq_f32, a, b);
}

static inline struct v16
v16_div(struct v16 a, struct v16 b)
{
	return V16_OF_TWO(vdivq_f32, a, b);
}

static inline struct v16
v16_fma(struct v16 a, struct v16 b, struct v16 c)
{
	return V16_FUSED(vfmaq_f32, a, b, c);
}

static inline struct v16
v16_fnmadd(struct v16 a, struct v16 b, struct v16 c)
{
	return V16_FUSED(vfmsq_f32, a, b, c);
}

static inline struct v16_leak
v16_leak(float slope, bool leaky)
{
	return (struct v16_leak){ vdupq_n_f32(slope), vdupq_n_u32(leaky ? ~0u : 0) };
}

static inline float32x4_t
v16_quarter_through(float32x4_t v, float32x4_t a, struct v16_leak leak)
{
	uint32x4_t through = vandq_u32(vreinterpretq_u32_f32(vmulq_f32(a, leak.slope)), leak.keep);

	return vbslq_f32(vclezq_f32(v), vreinterpretq_f32_u32(through), a);
}

static inline struct v16
v16_through(struct v16 v, struct v16 a, struct v16_leak leak)
{
	return (struct v16){
		v16_quarter_through(v.a, a.a, leak),
		v16_quarter_through(v.b, a.b, leak),
		v16_quarter_through(v.c, a.c, leak),
		v16_quarter_through(v.d, a.d, leak),
	};
}

static inline float32x4_t
v16_quarter_through_less(float32x4_t v, float32x4_t a, struct v16_leak leak, float32x4_t c)
{
	float32x4_t kept = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), leak.keep));

	return vbslq_f32(vclezq_f32(v), vfmaq_f32(vnegq_f32(c), kept, leak.slope),
			 vsubq_f32(a, c));
}

static inline struct v16
v16_through_less(struct v16 v, struct v16 a, struct v16_leak leak, struct v16 c)
{
	return (struct v16){
		v16_quarter_through_less(v.a, a.a, leak, c.a),
		v16_quarter_through_less(v.b, a.b, leak, c.b),
		v16_quarter_through_less(v.c, a.c, leak, c.c),
		v16_quarter_through_less(v.d, a.d, leak, c.d),
	};
}

#endif
