/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 and float16 in memory as v16 of NEON, which every 64-bit ARM converts float16 with. */
#ifndef SBN_KERNELS_HALF_NEON_H
#define SBN_KERNELS_HALF_NEON_H

#include "kernels/v16_neon.h"
#include "kernels/w16_neon.h"

static inline float32x4_t
half_widen_bf16(uint16x4_t half)
{
	return vreinterpretq_f32_u32(vshll_n_u16(half, 16));
}

/* To nearest even; the carry of the largest makes infinity, a NaN becomes a quiet one. */
static inline uint16x4_t
half_round_bf16(float32x4_t v)
{
	uint32x4_t bits = vreinterpretq_u32_f32(v), upper = vshrq_n_u32(bits, 16);
	uint32x4_t odd = vandq_u32(upper, vdupq_n_u32(1));
	uint32x4_t sum = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
	uint32x4_t quiet = vorrq_u32(upper, vdupq_n_u32(0x40));

	return vmovn_u32(vbslq_u32(vceqq_f32(v, v), vshrq_n_u32(sum, 16), quiet));
}

static inline struct v16
load_bf16(const uint16_t *p)
{
	return (struct v16){ half_widen_bf16(vld1_u16(p)), half_widen_bf16(vld1_u16(p + 4)),
			     half_widen_bf16(vld1_u16(p + 8)), half_widen_bf16(vld1_u16(p + 12)) };
}

static inline struct v16
load_n_bf16(const uint16_t *p, size_t n, struct v16 rest)
{
	uint16_t lanes[16] = { 0 };

	memcpy(lanes, p, n * sizeof(*p));
	return v16_blend(n, load_bf16(lanes), rest);
}

static inline struct w16
load_wide_bf16(const uint16_t *p)
{
	return w16_of_v16(load_bf16(p));
}

static inline void
store_bf16(uint16_t *p, struct v16 v)
{
	vst1_u16(p, half_round_bf16(v.a));
	vst1_u16(p + 4, half_round_bf16(v.b));
	vst1_u16(p + 8, half_round_bf16(v.c));
	vst1_u16(p + 12, half_round_bf16(v.d));
}

static inline void
stream_bf16(uint16_t *p, struct v16 v)
{
	store_bf16(p, v);
}

static inline void
store_n_bf16(uint16_t *p, size_t n, struct v16 v)
{
	uint16_t lanes[16];

	store_bf16(lanes, v);
	memcpy(p, lanes, n * sizeof(*p));
}

static inline float32x4_t
half_widen_f16(const uint16_t *p)
{
	return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

static inline struct v16
load_f16(const uint16_t *p)
{
	return (struct v16){ half_widen_f16(p), half_widen_f16(p + 4), half_widen_f16(p + 8),
			     half_widen_f16(p + 12) };
}

static inline struct v16
load_n_f16(const uint16_t *p, size_t n, struct v16 rest)
{
	uint16_t lanes[16] = { 0 };

	memcpy(lanes, p, n * sizeof(*p));
	return v16_blend(n, load_f16(lanes), rest);
}

static inline struct w16
load_wide_f16(const uint16_t *p)
{
	return w16_of_v16(load_f16(p));
}

static inline void
store_f16(uint16_t *p, struct v16 v)
{
	vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v.a)));
	vst1_u16(p + 4, vreinterpret_u16_f16(vcvt_f16_f32(v.b)));
	vst1_u16(p + 8, vreinterpret_u16_f16(vcvt_f16_f32(v.c)));
	vst1_u16(p + 12, vreinterpret_u16_f16(vcvt_f16_f32(v.d)));
}

static inline void
stream_f16(uint16_t *p, struct v16 v)
{
	store_f16(p, v);
}

static inline void
store_n_f16(uint16_t *p, size_t n, struct v16 v)
{
	uint16_t lanes[16];

	store_f16(lanes, v);
	memcpy(p, lanes, n * sizeof(*p));
}

#endif
