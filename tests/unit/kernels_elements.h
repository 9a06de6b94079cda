/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of all types as doubles, by arithmetic on values: nothing of it is shared with the
 * kernels, which shift bits or use instructions of the CPU.
 */
#ifndef SBN_TESTS_UNIT_KERNELS_ELEMENTS_H
#define SBN_TESTS_UNIT_KERNELS_ELEMENTS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"

static const char *const element_names[SBN_TYPES] = { "f32", "f64", "bf16", "f16" };

/* Bits of the fraction; the others but the sign are of the exponent. */
static inline int
element_fraction_bits(enum sbn_type type)
{
	return type == SBN_BF16 ? 7 : 10;
}

static inline double
element_widen(enum sbn_type type, uint16_t half)
{
	int bits = element_fraction_bits(type), bias = (1 << (14 - bits)) - 1;
	int exponent = half >> bits & (2 * bias + 1), fraction = half & ((1 << bits) - 1);
	double value;

	if (exponent == 2 * bias + 1)
		value = fraction == 0 ? INFINITY : NAN;
	else if (exponent == 0)
		value = ldexp(fraction, 1 - bias - bits);
	else
		value = ldexp(fraction + (1 << bits), exponent - bias - bits);
	return half & 0x8000 ? -value : value;
}

/* To the nearest, ties to even: what nearbyint does in steps of the value's last place. */
static inline uint16_t
element_narrow(enum sbn_type type, float value)
{
	int bits = element_fraction_bits(type), bias = (1 << (14 - bits)) - 1, exponent;
	int infinity = (2 * bias + 1) << bits, sign = signbit(value) ? 0x8000 : 0;
	uint32_t payload;
	double steps;

	memcpy(&payload, &value, sizeof(payload));
	if (isnan(value))
		return (uint16_t)(sign | infinity | 1 << (bits - 1) |
				  (int)((payload & 0x7fffff) >> (23 - bits)));
	if (isinf(value))
		return (uint16_t)(sign | infinity);
	frexp((double)value, &exponent);
	exponent = exponent - 1 < 1 - bias || value == 0 ? 1 - bias : exponent - 1;
	steps = nearbyint(ldexp(fabs((double)value), bits - exponent));
	/* a step of the exponent follows the last of the fraction, infinity the last of all */
	steps += ldexp(exponent + bias - 1, bits);
	return (uint16_t)(sign | (steps < infinity ? (int)steps : infinity));
}

static inline double
element_get(enum sbn_type type, const void *array, size_t i)
{
	if (type == SBN_F64)
		return ((const double *)array)[i];
	if (type == SBN_F32)
		return (double)((const float *)array)[i];
	return element_widen(type, ((const uint16_t *)array)[i]);
}

static inline void
element_set(enum sbn_type type, void *array, size_t i, double value)
{
	if (type == SBN_F64)
		((double *)array)[i] = value;
	else if (type == SBN_F32)
		((float *)array)[i] = (float)value;
	else
		((uint16_t *)array)[i] = element_narrow(type, (float)value);
}

static inline void *
element_at(enum sbn_type type, const void *array, size_t i)
{
	return (char *)(uintptr_t)array + i * sbn_type_bytes(type);
}

/* The operand from element i on; none where there is none. */
static inline struct sbn_in
elements_behind(enum sbn_type type, struct sbn_in in, size_t i)
{
	if (in.data != NULL)
		in.data = element_at(type, in.data, i);
	return in;
}

static inline struct sbn_out
elements_behind_out(enum sbn_type type, struct sbn_out out, size_t i)
{
	if (out.data != NULL)
		out.data = (unsigned char *)out.data + i * sbn_type_bytes(type);
	return out;
}

/* Equal bits, where any NaN is the same. */
static inline bool
element_same(enum sbn_type type, const void *a, const void *b, size_t i)
{
	return memcmp(element_at(type, a, i), element_at(type, b, i), sbn_type_bytes(type)) == 0 ||
	       (isnan(element_get(type, a, i)) && isnan(element_get(type, b, i)));
}

/* The index of the first difference, n when there is none. */
static inline size_t
element_first_diff(enum sbn_type type, const void *a, const void *b, size_t n)
{
	size_t i = 0;

	if (memcmp(a, b, n * sbn_type_bytes(type)) == 0)
		return n;
	while (i < n && element_same(type, a, b, i))
		i++;
	return i;
}

#endif
