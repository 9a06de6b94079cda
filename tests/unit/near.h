/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing numbers. cmocka 1.1.5 compares floats only and casts doubles down, so it has no part
 * in it. Include after <cmocka.h>. Equal bits: +0 is not -0, but any NaN equals any NaN.
 */
#ifndef SBN_TESTS_UNIT_NEAR_H
#define SBN_TESTS_UNIT_NEAR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool
sbn_same_f32(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static inline bool
sbn_same_f64(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

/* The index of the first difference, n when there is none. */
static inline size_t
sbn_first_diff_f32(const float *a, const float *b, size_t n)
{
	size_t i = 0;

	while (i < n && sbn_same_f32(a[i], b[i]))
		i++;
	return i;
}

static inline size_t
sbn_first_diff_f64(const double *a, const double *b, size_t n)
{
	size_t i = 0;

	while (i < n && sbn_same_f64(a[i], b[i]))
		i++;
	return i;
}

/* How many floats lie from a to b: 0 for the same one and for +0 and -0. No NaN. */
static inline uint64_t
sbn_ulps_f32(float a, float b)
{
	int32_t i, j;

	memcpy(&i, &a, sizeof(i));
	memcpy(&j, &b, sizeof(j));
	i = i < 0 ? INT32_MIN - i : i;
	j = j < 0 ? INT32_MIN - j : j;
	return (uint64_t)(i < j ? (int64_t)j - i : (int64_t)i - j);
}

/* |actual - expected| <= tolerance; a NaN is never near. */
#define assert_near(actual, expected, tolerance)                                                  \
	do {                                                                                      \
		double near_a = (actual), near_e = (expected), near_t = (tolerance);              \
		if (!(near_a == near_e || fabs(near_a - near_e) <= near_t))                       \
			fail_msg("%s = %.17g, expected %.17g within %g", #actual, near_a, near_e, \
				 near_t);                                                         \
	} while (0)

/* |actual - expected| <= tolerance * |expected| */
#define assert_near_relative(actual, expected, tolerance)                \
	do {                                                             \
		double near_x = (expected);                              \
		assert_near(actual, near_x, fabs(near_x) * (tolerance)); \
	} while (0)

#define assert_ulps_f32(actual, expected, ulps)                                              \
	do {                                                                                 \
		float near_a = (actual), near_e = (expected);                                \
		if (isnan(near_a) || isnan(near_e) || sbn_ulps_f32(near_a, near_e) > (ulps)) \
			fail_msg("%s = %.9g, expected %.9g", #actual, (double)near_a,        \
				 (double)near_e);                                            \
	} while (0)

/* n elements, bit by bit */
#define assert_same_f32(actual, expected, n)                                              \
	do {                                                                              \
		const float *near_a = (actual), *near_e = (expected);                     \
		size_t near_n = (n), near_i = sbn_first_diff_f32(near_a, near_e, near_n); \
		if (near_i < near_n)                                                      \
			fail_msg("%s[%zu] = %a, expected %a", #actual, near_i,            \
				 (double)near_a[near_i], (double)near_e[near_i]);         \
	} while (0)

#define assert_same_f64(actual, expected, n)                                                   \
	do {                                                                                   \
		const double *near_a = (actual), *near_e = (expected);                         \
		size_t near_n = (n), near_i = sbn_first_diff_f64(near_a, near_e, near_n);      \
		if (near_i < near_n)                                                           \
			fail_msg("%s[%zu] = %a, expected %a", #actual, near_i, near_a[near_i], \
				 near_e[near_i]);                                              \
	} while (0)

#endif
