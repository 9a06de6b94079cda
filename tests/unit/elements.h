/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of the four types as doubles, by arithmetic alone: nothing of the library's own
 * conversions. No cmocka, so that forked ranks can use it.
 */
#ifndef SBN_TESTS_UNIT_ELEMENTS_H
#define SBN_TESTS_UNIT_ELEMENTS_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <syncbn/tensor.h>

#include "base/dtype.h"

static const syncbn_dtype_t sbn_all_dtypes[] = { SYNCBN_FLOAT32, SYNCBN_FLOAT64, SYNCBN_BFLOAT16,
						 SYNCBN_FLOAT16 };

static inline const char *
sbn_dtype_name(syncbn_dtype_t dtype)
{
	static const char *const names[] = { "", "float32", "float64", "bfloat16", "float16" };

	return names[dtype];
}

/* The type of gamma, beta and the statistics in a layer for such activations. */
static inline syncbn_dtype_t
sbn_param_dtype(syncbn_dtype_t dtype)
{
	return dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;
}

/* The nearest value of a type with that many bits of significand; ties to even. */
static inline double
sbn_round_to(double x, int significand, int min_exponent, double max)
{
	double quantum, rounded;

	if (x == 0 || !isfinite(x))
		return x;
	quantum = ldexp(1, (ilogb(x) < min_exponent ? min_exponent : ilogb(x)) - significand + 1);
	rounded = nearbyint(x / quantum) * quantum;
	return fabs(rounded) > max ? copysign(INFINITY, x) : rounded;
}

static inline double
sbn_rounded(syncbn_dtype_t dtype, double x)
{
	switch (dtype) {
	case SYNCBN_FLOAT32:
		return sbn_round_to(x, 24, -126, (double)FLT_MAX);
	case SYNCBN_BFLOAT16:
		return sbn_round_to(x, 8, -126, 0x1.fep127);
	case SYNCBN_FLOAT16:
		return sbn_round_to(x, 11, -14, 65504);
	default:
		return x;
	}
}

static inline uint16_t
sbn_float16_bits(double x)
{
	uint16_t sign = signbit(x) ? 0x8000 : 0;
	double size = fabs(sbn_round_to(x, 11, -14, 65504));
	int exponent;

	if (isnan(x))
		return 0x7e00;
	if (isinf(size))
		return (uint16_t)(sign | 0x7c00);
	if (size < 0x1p-14)
		return (uint16_t)(sign | (unsigned)(size * 0x1p24));
	exponent = ilogb(size);
	return (uint16_t)(sign | (unsigned)(exponent + 15) << 10 |
			  ((unsigned)ldexp(size, 10 - exponent) & 0x3ff));
}

static inline double
sbn_float16_value(uint16_t bits)
{
	int exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
	double size = exponent == 0 ? fraction * 0x1p-24 : ldexp(1024 + fraction, exponent - 25);

	if (exponent == 31)
		size = fraction == 0 ? INFINITY : NAN;
	return bits & 0x8000 ? -size : size;
}

/* Element i of an array becomes x, rounded. */
static inline void
sbn_element_set(syncbn_dtype_t dtype, void *array, size_t i, double x)
{
	float single;
	uint32_t bits;

	if (dtype == SYNCBN_FLOAT64) {
		((double *)array)[i] = x;
	} else if (dtype == SYNCBN_FLOAT32) {
		((float *)array)[i] = (float)x;
	} else if (dtype == SYNCBN_FLOAT16) {
		((uint16_t *)array)[i] = sbn_float16_bits(x);
	} else {
		single = (float)sbn_rounded(dtype, x);
		memcpy(&bits, &single, sizeof(bits));
		((uint16_t *)array)[i] = (uint16_t)(bits >> 16);
	}
}

static inline double
sbn_element_get(syncbn_dtype_t dtype, const void *array, size_t i)
{
	uint32_t bits;
	float single;

	if (dtype == SYNCBN_FLOAT64)
		return ((const double *)array)[i];
	if (dtype == SYNCBN_FLOAT32)
		return (double)((const float *)array)[i];
	if (dtype == SYNCBN_FLOAT16)
		return sbn_float16_value(((const uint16_t *)array)[i]);
	bits = (uint32_t)((const uint16_t *)array)[i] << 16;
	memcpy(&single, &bits, sizeof(single));
	return (double)single;
}

#endif
