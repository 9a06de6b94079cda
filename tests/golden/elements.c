/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/elements.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/math.h"

enum { HALF_DIGITS = 10, HALF_LEAST_EXPONENT = -14, HALF_INFINITY = 0x7c00, BLOCK = 16 };

size_t
golden_element_bytes(syncbn_dtype_t dtype)
{
	return dtype == SYNCBN_FLOAT64 ? 8 : dtype == SYNCBN_FLOAT32 ? 4 : 2;
}

static double
half_value(uint16_t bits)
{
	int exponent = bits >> HALF_DIGITS & 0x1f;
	int digits = bits & 0x3ff;
	double value;

	if (exponent == 0x1f)
		value = digits == 0 ? (double)INFINITY : (double)NAN;
	else if (exponent == 0)
		value = ldexp(digits, HALF_LEAST_EXPONENT - HALF_DIGITS);
	else
		value = ldexp(digits + 0x400, exponent - 1 + HALF_LEAST_EXPONENT - HALF_DIGITS);
	return bits & 0x8000 ? -value : value;
}

static uint16_t
half_bits(double value)
{
	double size = fabs(value);
	int exponent = size < 0x1p-14 ? HALF_LEAST_EXPONENT : ilogb(size);
	double digits;
	int bits;

	if (isnan(value))
		return 0x7e00;
	if (size >= 65520)
		bits = HALF_INFINITY;
	else {
		/* rounding up to the next power of two carries into the exponent */
		digits = nearbyint(ldexp(size, HALF_DIGITS - exponent));
		bits = (exponent - HALF_LEAST_EXPONENT) * 0x400 + (int)digits;
	}
	return (uint16_t)(bits | (signbit(value) ? 0x8000 : 0));
}

static double
bfloat_value(uint16_t bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float value;

	memcpy(&value, &wide, sizeof(value));
	return (double)value;
}

static uint16_t
bfloat_bits(double value)
{
	float narrow = (float)value;
	uint32_t bits;

	memcpy(&bits, &narrow, sizeof(bits));
	if (isnan(value))
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double
golden_element_get(syncbn_dtype_t dtype, const void *memory, size_t i)
{
	switch (dtype) {
	case SYNCBN_FLOAT64:
		return ((const double *)memory)[i];
	case SYNCBN_FLOAT32:
		return (double)((const float *)memory)[i];
	case SYNCBN_BFLOAT16:
		return bfloat_value(((const uint16_t *)memory)[i]);
	default:
		return half_value(((const uint16_t *)memory)[i]);
	}
}

void
golden_element_set(syncbn_dtype_t dtype, void *memory, size_t i, double value)
{
	switch (dtype) {
	case SYNCBN_FLOAT64:
		((double *)memory)[i] = value;
		break;
	case SYNCBN_FLOAT32:
		((float *)memory)[i] = (float)value;
		break;
	case SYNCBN_BFLOAT16:
		((uint16_t *)memory)[i] = bfloat_bits(value);
		break;
	default:
		((uint16_t *)memory)[i] = half_bits(value);
	}
}

size_t
golden_place_channels(const struct golden_place *p)
{
	return p->layout == SYNCBN_BLOCKED_16 ? sbn_align_up(p->channels, BLOCK) : p->channels;
}

size_t
golden_place_elements(const struct golden_place *p)
{
	return p->n * golden_place_channels(p) * p->values;
}

size_t
golden_place_index(const struct golden_place *p, size_t n, size_t c, size_t i)
{
	size_t channels = golden_place_channels(p);

	switch (p->layout) {
	case SYNCBN_CHANNELS_LAST:
		return (n * p->values + i) * channels + c;
	case SYNCBN_BLOCKED_16:
		return n * channels * p->values + (c / BLOCK * p->values + i) * BLOCK + c % BLOCK;
	default:
		return (n * channels + c) * p->values + i;
	}
}
