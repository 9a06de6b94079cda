/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bfloat16 or float16 at a time, in integer arithmetic: to float exactly, to 16 bits to the
 * nearest, ties to even, denormals kept, beyond the largest to infinity. Of a NaN the payload's
 * upper bits stay and it becomes a quiet one, as F16C does; only bfloat16 to float keeps all bits.
 */
#ifndef SBN_KERNELS_HALF_H
#define SBN_KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

static inline float
sbn_f32_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint32_t
sbn_bits_of_f32(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float
sbn_f32_of_bf16(uint16_t half)
{
	return sbn_f32_of_bits((uint32_t)half << 16);
}

static inline uint16_t
sbn_bf16_of_f32(float value)
{
	uint32_t bits = sbn_bits_of_f32(value);

	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float
sbn_f32_of_f16(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;

	if (rest > 0x7c00)
		return sbn_f32_of_bits(sign | 0x7fc00000 | rest << 13);
	if (rest == 0x7c00)
		return sbn_f32_of_bits(sign | 0x7f800000);
	if (rest < 0x400) /* denormals count in steps of 2^-24 */
		return sbn_f32_of_bits(sign | sbn_bits_of_f32((float)rest * 0x1p-24f));
	return sbn_f32_of_bits(sign | ((rest << 13) + (112u << 23)));
}

/* magnitude: the bits of a float below 2^-14, which becomes a denormal or 2^-14 */
static inline uint32_t
sbn_f16_of_small(uint32_t magnitude)
{
	uint32_t shift = 126 - (magnitude >> 23); /* to steps of 2^-24 */
	uint32_t digits = (magnitude & 0x7fffff) | 0x800000, half;

	if (shift > 25)
		return 0;
	half = digits >> shift;
	digits &= (1u << shift) - 1;
	return half + (digits + (half & 1) > 1u << (shift - 1));
}

static inline uint16_t
sbn_f16_of_f32(float value)
{
	uint32_t bits = sbn_bits_of_f32(value), sign = bits >> 16 & 0x8000;

	bits &= 0x7fffffff;
	if (bits > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x3ff));
	if (bits >= 0x47800000) /* 2^16; less may still round to infinity */
		return (uint16_t)(sign | 0x7c00);
	if (bits < 0x38800000)
		return (uint16_t)(sign | sbn_f16_of_small(bits));
	return (uint16_t)(sign | (bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13);
}

#endif
