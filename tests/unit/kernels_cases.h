/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed sweep of cases through all kernels of a set. A case has a number; what it computed is an
 * outcome that can be compared with another set's, or hashed. The outcome holds output arrays
 * whole, with what lies before, between and behind the elements, which no kernel may touch.
 */
#ifndef SBN_TESTS_UNIT_KERNELS_CASES_H
#define SBN_TESTS_UNIT_KERNELS_CASES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/kernels.h"
#include "random.h"

enum {
	CASE_FLOATS = 1 << 17,
	CASE_CHANNELS = 1100,
	CASE_MARGIN = 16 /* elements before and behind an array */
};

#define CASE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct outcome {
	float y[CASE_FLOATS], dx[CASE_FLOATS];
	size_t n_floats; /* of each */
	double values[4 * CASE_CHANNELS];
	size_t n_values;
};

enum case_data { DATA_PLAIN, DATA_LARGE, DATA_TINY, DATA_SPECIAL, N_DATA };

static float case_pool[N_DATA][2 * CASE_FLOATS]; /* filled once, for all cases */
static const float *case_x, *case_dy;
static float case_k[8][CASE_CHANNELS]; /* coefficients of channels */

static void
case_fill(uint64_t *seed, enum case_data data, float *x, size_t n)
{
	static const double scale[N_DATA] = { 2, 1e19, 1e-41, 2 };
	static const float special[] = { INFINITY, -INFINITY, NAN, -0.0f, 3e38f, -3e38f, 1e-45f };

	sbn_random_fill(seed, x, n, data == DATA_PLAIN ? 3 : 0, scale[data]);
	if (data != DATA_SPECIAL)
		return;
	for (size_t i = sbn_random_below(seed, 50); i < n; i += 1 + sbn_random_below(seed, 3000))
		x[i] = special[sbn_random_below(seed, CASE_COUNT(special))];
}

static void
case_fill_all(void)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < N_DATA; i++)
		case_fill(&seed, (enum case_data)i, case_pool[i], CASE_COUNT(case_pool[i]));
	for (size_t i = 0; i < CASE_COUNT(case_k); i++)
		sbn_random_fill(&seed, case_k[i], CASE_CHANNELS, 1, i % 2 == 1 ? 1e-7 : 0.5);
}

static void
case_begin(size_t number, enum case_data data, size_t n_elements, struct outcome *out)
{
	if (case_x == NULL)
		case_fill_all();
	out->n_floats = n_elements + 2 * CASE_MARGIN;
	out->n_values = 0;
	/* x and dy overlap, but nowhere does an element meet itself */
	case_x = case_pool[data] + number * 976 % (CASE_FLOATS - out->n_floats);
	case_dy = case_x + CASE_FLOATS / 2 + 7;
	memset(out->y, 0xa5, out->n_floats * sizeof(float));
	memset(out->dx, 0xa5, out->n_floats * sizeof(float));
}

/* The item that `*number` selects, in a mixed radix. */
static size_t
case_digit(size_t *number, size_t radix)
{
	size_t digit = *number % radix;

	*number /= radix;
	return digit;
}

/* False, and nothing done, when there is no case of that number. */
static bool
case_plane(const struct sbn_kernels *set, size_t number, struct outcome *out)
{
	static const size_t spatials[] = { 0,  1,  15,  16,   17,   31,   32,  33,
					   47, 49, 196, 2047, 2048, 2049, 4097 };
	static const size_t ns[] = { 0, 1, 2, 3, 5, 70 };
	size_t rest = number;
	struct sbn_plane p = { .spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))] };
	struct sbn_normalize norm = { 3.1f, 4e-8f, 0.7f, -0.3f };
	struct sbn_backward back = { 3.1f, 4e-8f, 0.1f, 2e-9f, 0.03f, 0.7f };
	struct sbn_moments moments;
	size_t at, extent;

	p.n = ns[case_digit(&rest, CASE_COUNT(ns))];
	p.n = p.spatial > 200 && p.n > 5 ? 4 : p.n;
	p.stride = p.spatial + 3 * case_digit(&rest, 2);
	at = CASE_MARGIN + case_digit(&rest, 2);
	extent = p.n * p.stride + 1;
	if (rest >= N_DATA)
		return false;
	case_begin(number, (enum case_data)rest, extent, out);
	set->plane_moments(case_x + at, &p, &moments);
	set->plane_sums(case_x + at, case_dy + at, &p, norm.mean_hi, norm.mean_lo, out->values);
	set->plane_normalize(case_x + at, out->y + at, &p, &norm);
	set->plane_dx(case_x + at, case_dy + at, out->dx + at, &p, &back);
	out->values[2] = moments.count;
	out->values[3] = moments.mean;
	out->values[4] = moments.m2;
	out->n_values = 5;
	return true;
}

static bool
case_rows(const struct sbn_kernels *set, size_t number, struct outcome *out)
{
	static const size_t channels[] = { 0, 1, 15, 16, 17, 33, 100, 513, 1040 };
	static const size_t rows[] = { 1, 2, 15, 16, 17, 127, 128 };
	size_t rest = number, n_channels = channels[case_digit(&rest, CASE_COUNT(channels))];
	size_t n_rows = rows[case_digit(&rest, CASE_COUNT(rows))];
	size_t stride = n_channels + 3 * case_digit(&rest, 2), offset = case_digit(&rest, 2);
	size_t at = CASE_MARGIN + offset;
	struct sbn_normalize_rows norm = { case_k[0] + offset, case_k[1] + offset, case_k[2],
					   case_k[4] };
	struct sbn_backward_rows back = { case_k[0] + offset, case_k[1] + offset, case_k[2],
					  case_k[3],          case_k[4] + offset, case_k[6] };
	double *values = out->values;

	if (rest >= N_DATA)
		return false;
	if (n_rows * stride > 100000)
		n_rows = 20;
	case_begin(number, (enum case_data)rest, n_rows * stride + 1, out);
	set->rows_moments(case_x + at, n_rows, stride, n_channels, values, values + n_channels);
	set->rows_sums(case_x + at, case_dy + at, n_rows, stride, n_channels, norm.mean_hi,
		       norm.mean_lo, values + 2 * n_channels, values + 3 * n_channels);
	set->rows_normalize(case_x + at, out->y + at, n_rows, stride, n_channels, &norm);
	set->rows_dx(case_x + at, case_dy + at, out->dx + at, n_rows, stride, n_channels, &back);
	out->n_values = 4 * n_channels;
	return true;
}

/* Sums of the same numbers in float, to y and dx, and in double. */
static bool
case_sum(const struct sbn_kernels *set, size_t number, struct outcome *out)
{
	static const size_t counts[] = { 0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1024 };
	static double wide[3][1024];
	size_t rest = number, count = counts[case_digit(&rest, CASE_COUNT(counts))];
	size_t n_src = 1 + case_digit(&rest, 3), n_dst = 1 + case_digit(&rest, 2);
	float divisor = case_digit(&rest, 2) == 0 ? 1 : 3;
	size_t at = CASE_MARGIN + case_digit(&rest, 2);
	const float *src[3];
	float *dst[] = { out->y + at, out->dx + at };
	const double *wide_src[] = { wide[0], wide[1], wide[2] };
	double *wide_dst[] = { out->values, out->values + 2000 };

	if (rest >= N_DATA)
		return false;
	case_begin(number, (enum case_data)rest, count + 1, out);
	src[0] = case_x + at;
	src[1] = case_dy + at;
	src[2] = case_k[0];
	for (size_t i = 0; i < 3 * count; i++)
		wide[i % 3][i / 3] = src[i % 3][i / 3] / 7.0;
	out->n_values = CASE_COUNT(out->values);
	memset(out->values, 0xa5, sizeof(out->values));
	set->sum_f32(dst, n_dst, src, n_src, count, divisor);
	set->sum_f64(wide_dst, n_dst, wide_src, n_src, count, (double)divisor);
	return true;
}

typedef bool (*case_fn)(const struct sbn_kernels *set, size_t number, struct outcome *out);

static const case_fn case_kinds[] = { case_plane, case_rows, case_sum };

#endif
