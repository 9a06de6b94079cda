/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_data.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

const char *const perf_bn_numbers_names[PERF_BN_KINDS] = {
	"usual", "mean-1e4-sd-1", "mean-1e3..8e3-sd-0.1", "constant", "sd-1e-6", "1e15", "outlier",
};

size_t
perf_bn_dtype_bytes(syncbn_dtype_t dtype)
{
	return dtype == SYNCBN_FLOAT64 ? 8 : dtype == SYNCBN_FLOAT32 ? 4 : 2;
}

/* ---- places ---- */

static size_t
block_of(syncbn_layout_t layout)
{
	return layout == SYNCBN_BLOCKED_8 ? 8 : layout == SYNCBN_BLOCKED_16 ? 16 : 1;
}

static size_t
padded_channels(const struct perf_bn_batch *batch)
{
	size_t block = block_of(batch->layout);

	return (batch->channels + block - 1) / block * block;
}

size_t
perf_bn_image(const struct perf_bn_batch *batch)
{
	return padded_channels(batch) * batch->spatial;
}

size_t
perf_bn_index(const struct perf_bn_batch *batch, size_t n, size_t c, size_t s)
{
	size_t image = n * perf_bn_image(batch), block = block_of(batch->layout);

	if (batch->layout == SYNCBN_CHANNELS_LAST)
		return image + s * batch->channels + c;
	return image + (c / block * batch->spatial + s) * block + c % block;
}

/* ---- elements ---- */

/* To that many binary digits; least: the exponent below which numbers are denormal. */
static double
round_to(double value, int digits, int least, double max)
{
	double unit, rounded;

	if (value == 0 || !isfinite(value))
		return value;
	unit = ldexp(1, fmax(ilogb(value), least) - digits + 1);
	rounded = nearbyint(value / unit) * unit;
	return fabs(rounded) > max ? copysign((double)INFINITY, value) : rounded;
}

double
perf_bn_round(syncbn_dtype_t dtype, double value)
{
	switch (dtype) {
	case SYNCBN_FLOAT32:
		return (double)(float)value;
	case SYNCBN_BFLOAT16:
		return round_to(value, 8, -126, 0x1.fep127);
	case SYNCBN_FLOAT16:
		return round_to(value, 11, -14, 65504);
	default:
		return value;
	}
}

static double
half_value(uint16_t bits)
{
	int exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
	double size = exponent == 0 ? fraction * 0x1p-24 : ldexp(1024 + fraction, exponent - 25);

	if (exponent == 31)
		size = fraction == 0 ? (double)INFINITY : (double)NAN;
	return bits & 0x8000 ? -size : size;
}

static uint16_t
half_bits(double value)
{
	double size = fabs(perf_bn_round(SYNCBN_FLOAT16, value));
	unsigned sign = signbit(value) ? 0x8000 : 0;
	int exponent;

	if (!isfinite(size))
		return (uint16_t)(sign | (isnan(value) ? 0x7e00 : 0x7c00));
	if (size < 0x1p-14)
		return (uint16_t)(sign | (unsigned)(size * 0x1p24));
	exponent = ilogb(size);
	/* the leading digit counts as one in the exponent's place */
	return (uint16_t)(sign + ((unsigned)(exponent + 14) << 10) +
			  (unsigned)ldexp(size, 10 - exponent));
}

double
perf_bn_element(syncbn_dtype_t dtype, const void *memory, size_t i)
{
	uint32_t bits;
	float single;

	switch (dtype) {
	case SYNCBN_FLOAT32:
		return (double)((const float *)memory)[i];
	case SYNCBN_FLOAT64:
		return ((const double *)memory)[i];
	case SYNCBN_FLOAT16:
		return half_value(((const uint16_t *)memory)[i]);
	default:
		bits = (uint32_t)((const uint16_t *)memory)[i] << 16;
		memcpy(&single, &bits, sizeof(single));
		return (double)single;
	}
}

void
perf_bn_set_element(syncbn_dtype_t dtype, void *memory, size_t i, double value)
{
	uint32_t bits;
	float single;

	switch (dtype) {
	case SYNCBN_FLOAT32:
		((float *)memory)[i] = (float)value;
		break;
	case SYNCBN_FLOAT64:
		((double *)memory)[i] = value;
		break;
	case SYNCBN_FLOAT16:
		((uint16_t *)memory)[i] = half_bits(value);
		break;
	default:
		single = (float)perf_bn_round(dtype, value);
		memcpy(&bits, &single, sizeof(bits));
		((uint16_t *)memory)[i] = (uint16_t)(bits >> 16);
	}
}

/* ---- numbers ---- */

/* splitmix64's last steps: number i of a sequence without those before it, from -1 to 1 */
static double
even(uint64_t sequence, uint64_t i)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) + sequence;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((x ^ x >> 31) >> 11) * 0x1p-52 - 1;
}

enum { GAMMA = 3, BETA, MEAN, SPREAD };

/* The spread is the standard deviation: even numbers from -1 to 1 have one of 1 / sqrt(3). */
static const double root3 = 1.7320508075688772;

static double
sequence_number(enum perf_bn_operand operand, size_t i)
{
	return even((uint64_t)operand * UINT64_C(0xd1342543de82ef95), i);
}

double
perf_bn_gamma(size_t c)
{
	return (double)(float)(1 + 0.5 * even(GAMMA, c));
}

double
perf_bn_beta(size_t c)
{
	return (double)(float)even(BETA, c);
}

static double
x_number(const struct perf_bn_batch *batch, size_t c, size_t i, double u)
{
	double mean = even(MEAN, c);

	switch (batch->numbers) {
	case PERF_BN_FAR:
		return 1e4 + root3 * u;
	case PERF_BN_FAR_TIGHT:
		return 4500 + 3500 * mean + 0.1 * root3 * u;
	case PERF_BN_CONSTANT:
		return 1000 * mean;
	case PERF_BN_TINY:
		return 1e-6 * root3 * u;
	case PERF_BN_LARGE:
		return 1e15 + 1e15 * root3 * u;
	case PERF_BN_OUTLIER:
		return i == 0 ? 1e4 : mean + root3 * u;
	default:
		return mean + (1 + 0.5 * even(SPREAD, c)) * root3 * u;
	}
}

double
perf_bn_number(const struct perf_bn_batch *batch, enum perf_bn_operand operand, size_t n, size_t c,
	       size_t s)
{
	double u = sequence_number(operand, (n * batch->channels + c) * batch->spatial + s);

	if (operand == PERF_BN_X)
		u = x_number(batch, c, n * batch->spatial + s, u);
	return perf_bn_round(batch->dtype, u);
}

void
perf_bn_fill(const struct perf_bn_batch *batch, enum perf_bn_operand operand, size_t first,
	     size_t count, void *memory)
{
	if (padded_channels(batch) != batch->channels)
		memset(memory, 0, count * perf_bn_image(batch) * perf_bn_dtype_bytes(batch->dtype));
	for (size_t n = 0; n < count; n++)
		for (size_t c = 0; c < batch->channels; c++)
			for (size_t s = 0; s < batch->spatial; s++)
				perf_bn_set_element(batch->dtype, memory,
						    perf_bn_index(batch, n, c, s),
						    perf_bn_number(batch, operand, first + n, c,
								   s));
}
