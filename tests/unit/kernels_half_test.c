/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of 16 bits are loaded exactly and rounded to nearest even. A row of one element has the
 * element itself for a mean; a gradient without an activation is stored as it was loaded; and with
 * x = 0 and scale 1 a channel's output is its shift, rounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/stream.h"
#include "kernels_elements.h"
#include "kernels_sets.h"
#include "near.h"
#include "random.h"

enum { PATTERNS = 1 << 16, CHUNK = 37 /* whole vectors and a tail */ };

static uint16_t patterns[PATTERNS], halves[PATTERNS];
static float shifts[PATTERNS], zeros[PATTERNS], ones[PATTERNS];
static double means[PATTERNS], m2s[PATTERNS];

static void
fill(void)
{
	for (size_t i = 0; i < PATTERNS; i++) {
		patterns[i] = (uint16_t)i;
		ones[i] = 1;
	}
}

/* The next 16-bit type of the next set. */
static const struct sbn_type_kernels *
next_half(size_t *next, enum sbn_type *type)
{
	const struct sbn_type_kernels *kernels;

	do
		kernels = next_kernels(next, type);
	while (kernels != NULL && sbn_type_bytes(*type) != 2);
	return kernels;
}

static void
test_every_pattern_is_loaded_exactly(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	fill();
	while ((kernels = next_half(&next, &type)) != NULL) {
		const struct sbn_operands at = { .x = { patterns, PATTERNS } };

		kernels->rows_moments(&at, 1, PATTERNS, means, m2s, NULL);
		for (size_t i = 0; i < PATTERNS; i++) {
			double value = element_widen(type, (uint16_t)i);

			if (isfinite(value) && means[i] != value)
				fail_msg("%s %04zx is %a, not %a", element_names[type], i, means[i],
					 value);
			assert_int_equal(isfinite(means[i]) != 0, isfinite(value) != 0);
		}
	}
}

static void
test_every_pattern_survives_a_load_and_a_store(void **state)
{
	const struct sbn_type_kernels *kernels;
	const struct sbn_coefficients k = { .activation = SBN_ACT_NONE };
	const struct sbn_operands at = { .x = { patterns, CHUNK },
					 .dy = { patterns, CHUNK },
					 .dz = { halves, CHUNK } };
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	fill();
	while ((kernels = next_half(&next, &type)) != NULL) {
		int quiet = type == SBN_BF16 ? 0x40 : 0x200;

		memset(halves, 0xa5, sizeof(halves));
		kernels->rows_dx(&at, PATTERNS / CHUNK, CHUNK, &k, 0);
		for (size_t i = 0; i < PATTERNS / CHUNK * CHUNK; i++) {
			bool nan = isnan(element_widen(type, (uint16_t)i));

			if (halves[i] != (nan ? (i | (size_t)quiet) : i))
				fail_msg("%s %04zx became %04x", element_names[type], i, halves[i]);
		}
	}
}

static float
float_of_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* What elements of channels first..first+n-1 have become. */
static void
assert_rounded(enum sbn_type type, const uint16_t *out, size_t stride, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const float shift = shifts[first + i];
		/* 0 * 1 + -0 is +0 */
		uint16_t wanted = element_narrow(type, shift == 0 ? 0 : shift);

		if (out[i * stride] != wanted)
			fail_msg("%s of %a is %04x, not %04x", element_names[type], (double)shift,
				 out[i * stride], wanted);
	}
}

/* In planes of one element, of two images, and of whole lines. */
static void
assert_rounding_in_planes(const struct sbn_type_kernels *kernels, enum sbn_type type,
			  const struct sbn_coefficients *k)
{
	enum { SPATIAL = 128, PLANES = PATTERNS / SPATIAL };
	static _Alignas(SBN_STORE_LINE) uint16_t out[2 * PATTERNS], zero_halves[PATTERNS];
	const struct sbn_operands pass = { .x = { zero_halves, 0 },
					   .out = { out, PATTERNS },
					   .stream = true };

	kernels->planes_normalize(&pass, 2, 1, k, 0, PATTERNS);
	sbn_stream_end();
	assert_rounded(type, out, 1, 0, PATTERNS);
	assert_rounded(type, out + PATTERNS, 1, 0, PATTERNS);
	for (size_t c = 0; c < PATTERNS; c += PLANES) {
		kernels->planes_normalize(&pass, 1, SPATIAL, k, c, PLANES);
		sbn_stream_end();
		assert_rounded(type, out, SPATIAL, c, PLANES);
		assert_rounded(type, out + SPATIAL - 1, SPATIAL, c, PLANES);
	}
}

/* All that `shifts` holds, in rows of every width up to 40 and then as one, and in planes. */
static void
assert_rounding(const struct sbn_type_kernels *kernels, enum sbn_type type)
{
	const struct sbn_coefficients k = {
		.mean_hi = zeros, .mean_lo = zeros, .scale = ones, .shift = shifts
	};
	static uint16_t zero_halves[PATTERNS];

	for (size_t at = 0, width = 1; at < PATTERNS; at += width, width++) {
		const struct sbn_operands pass = { .x = { zero_halves, 0 },
						   .out = { halves + at, 0 } };

		width = width > 40 ? PATTERNS - at : width;
		kernels->rows_normalize(&pass, 1, width, &k, at);
	}
	assert_rounded(type, halves, 1, 0, PATTERNS);
	assert_rounding_in_planes(kernels, type, &k);
}

static void
test_floats_of_all_sizes_are_rounded_to_nearest(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	uint64_t seed = 3;
	size_t next = 0;

	(void)state;
	fill();
	while ((kernels = next_half(&next, &type)) != NULL) {
		for (int round = 0; round < 5; round++) {
			for (size_t i = 0; i < PATTERNS; i++)
				shifts[i] = float_of_bits((uint32_t)sbn_random(&seed));
			assert_rounding(kernels, type);
		}
	}
}

/* Each value, each tie above one, and the floats beside them: denormals, overflow and NaN too. */
static void
test_ties_are_rounded_to_even(void **state)
{
	static const int beside[] = { -1, 0, 1 };
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	fill();
	while ((kernels = next_half(&next, &type)) != NULL) {
		for (size_t step = 0; step < 6; step++) {
			for (size_t i = 0; i < PATTERNS; i++) {
				float from = (float)element_widen(type, (uint16_t)i);
				float to = (float)element_widen(type, (uint16_t)(i ^ 1));
				float value = step < 3 ? from : from + (to - from) / 2;
				uint32_t bits;

				memcpy(&bits, &value, sizeof(bits));
				shifts[i] = float_of_bits(bits + (uint32_t)beside[step % 3]);
			}
			assert_rounding(kernels, type);
		}
	}
}

static void
test_some_roundings_are_known(void **state)
{
	static const struct {
		enum sbn_type type;
		float value;
		uint16_t half;
	} known[] = {
		{ SBN_BF16, 1.0f, 0x3f80 },       { SBN_BF16, 0x1.01p0f, 0x3f80 },
		{ SBN_BF16, 0x1.03p0f, 0x3f82 },  { SBN_BF16, 3.4e38f, 0x7f80 },
		{ SBN_BF16, 0x1p-133f, 0x0001 },  { SBN_BF16, 0x1p-134f, 0x0000 },
		{ SBN_F16, 1.0f, 0x3c00 },        { SBN_F16, 0x1.002p0f, 0x3c00 },
		{ SBN_F16, 0x1.006p0f, 0x3c02 },  { SBN_F16, 65519.0f, 0x7bff },
		{ SBN_F16, 65520.0f, 0x7c00 },    { SBN_F16, -1e9f, 0xfc00 },
		{ SBN_F16, 0x1p-24f, 0x0001 },    { SBN_F16, 0x1p-25f, 0x0000 },
		{ SBN_F16, 0x1.000002p-25f, 1 },  { SBN_F16, 0x1.ffep-15f, 0x0400 },
		{ SBN_F16, -0x1.8p-24f, 0x8002 }, { SBN_F16, 0x1p-60f, 0x0000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(element_narrow(known[i].type, known[i].value), known[i].half);
}

/* Each pattern as x of a channel, in planes of one element; some scales are NaNs of any payload. */
static void
assert_patterns_in_planes(const struct sbn_type_kernels *kernels, enum sbn_type type)
{
	static _Alignas(SBN_STORE_LINE) uint16_t out[2 * PATTERNS];
	static float scales[PATTERNS];
	const struct sbn_coefficients k = { .mean_hi = zeros, .scale = scales, .shift = zeros };
	const struct sbn_operands pass = { .x = { patterns, 0 },
					   .out = { out, PATTERNS },
					   .stream = true };

	for (size_t i = 0; i < PATTERNS; i++)
		scales[i] = i % 5 == 0 ? float_of_bits(0x7f800001 + ((uint32_t)i % 0x8000 << 8)) :
					 1;
	kernels->planes_normalize(&pass, 2, 1, &k, 0, PATTERNS);
	sbn_stream_end();
	for (size_t i = 0; i < 2 * PATTERNS; i++) {
		const double x = element_widen(type, patterns[i % PATTERNS]);
		const double y = element_widen(type, out[i]);

		if (isnan(x) || isnan(scales[i % PATTERNS]))
			assert_true(isnan(y));
		else
			assert_true(y == x);
	}
}

static void
test_every_pattern_goes_through_planes(void **state)
{
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	fill();
	while ((kernels = next_half(&next, &type)) != NULL)
		assert_patterns_in_planes(kernels, type);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pattern_is_loaded_exactly),
		cmocka_unit_test(test_every_pattern_survives_a_load_and_a_store),
		cmocka_unit_test(test_floats_of_all_sizes_are_rounded_to_nearest),
		cmocka_unit_test(test_ties_are_rounded_to_even),
		cmocka_unit_test(test_some_roundings_are_known),
		cmocka_unit_test(test_every_pattern_goes_through_planes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
