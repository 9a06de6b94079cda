/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of kernels that have arrays, and not tensors: sums of ranks' arrays, a layer's numbers. */
#ifndef SBN_TESTS_UNIT_KERNELS_ARRAY_CASES_H
#define SBN_TESTS_UNIT_KERNELS_ARRAY_CASES_H

#include "kernels_case.h"

static void
case_sum_f32(const struct sbn_kernels *set, size_t count, size_t n_src, size_t n_dst, float divisor,
	     const struct case_pass *pass, struct outcome *out)
{
	const float *src[] = { pass->forward.x.data, pass->backward.dy.data, case_k[0] };
	float *dst[] = { element_at(SBN_F32, out->out[0], CASE_MARGIN),
			 element_at(SBN_F32, out->out[1], CASE_MARGIN + 1) };

	set->sum_f32(dst, n_dst, src, n_src, count, divisor);
}

static void
case_sum_f64(const struct sbn_kernels *set, size_t count, size_t n_src, size_t n_dst,
	     double divisor, const struct case_pass *pass, struct outcome *out)
{
	const double *src[] = { pass->forward.x.data, pass->backward.dy.data, case_wide_k[0] };
	double *dst[] = { out->out[0] + CASE_MARGIN, out->out[1] + CASE_MARGIN + 1 };

	set->sum_f64(dst, n_dst, src, n_src, count, divisor);
}

static void
case_sum_bf16(const struct sbn_kernels *set, size_t count, size_t n_src, size_t n_dst,
	      float divisor, const struct case_pass *pass, struct outcome *out)
{
	const uint16_t *src[] = { pass->forward.x.data, pass->backward.dy.data,
				  (const uint16_t *)pass->forward.x.data + 1 };
	uint16_t *dst[] = { element_at(SBN_BF16, out->out[0], CASE_MARGIN),
			    element_at(SBN_BF16, out->out[1], CASE_MARGIN + 1) };

	set->sum_bf16(dst, n_dst, src, n_src, count, divisor);
}

static bool
case_sum(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t counts[] = { 0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1024 };
	size_t rest = number, count = counts[case_digit(&rest, CASE_COUNT(counts))];
	size_t n_src = 1 + case_digit(&rest, 3), n_dst = 1 + case_digit(&rest, 2);
	float divisor = case_digit(&rest, 2) == 0 ? 1 : 3;
	struct case_pass pass;

	if (rest >= N_DATA || type > SBN_BF16)
		return false;
	case_begin(type, (enum case_data)rest, number, 1, count, out, &pass);
	if (type == SBN_F32)
		case_sum_f32(set, count, n_src, n_dst, divisor, &pass, out);
	else if (type == SBN_BF16)
		case_sum_bf16(set, count, n_src, n_dst, divisor, &pass, out);
	else
		case_sum_f64(set, count, n_src, n_dst, (double)divisor, &pass, out);
	return true;
}

enum { USE_CHANNELS = 80, USE_MARGIN = 5 };

/* Pairs and parameters, of which some are unusual, as the case has it. */
struct case_numbers {
	struct sbn_pair pair[USE_CHANNELS];
	float gamma[USE_CHANNELS], beta[USE_CHANNELS];
};

static void
case_draw_numbers(size_t number, bool unusual, struct case_numbers *numbers)
{
	uint64_t seed = 7 + number;
	const size_t odd = unusual ? sbn_random_below(&seed, USE_CHANNELS) : USE_CHANNELS;

	for (size_t c = 0; c < USE_CHANNELS; c++) {
		numbers->pair[c].a = c % 5 == 3 ? 0 : 1000 * sbn_random_normal(&seed);
		numbers->pair[c].b = c % 7 == 2 ? 0 : 100 * sbn_random_unit(&seed);
		numbers->gamma[c] = c % 11 == 6 ? -0.0f : (float)sbn_random_normal(&seed);
		numbers->beta[c] = c % 3 == 0 ? -0.0f : (float)sbn_random_normal(&seed);
	}
	if (odd < USE_CHANNELS && number % 3 == 0)
		numbers->pair[odd].a = case_special(&seed) * 1e30;
	else if (odd < USE_CHANNELS && number % 3 == 1)
		numbers->pair[odd].b = case_special(&seed) * 1e30;
	else if (odd < USE_CHANNELS)
		numbers->gamma[odd] = (float)case_special(&seed);
}

/* Array i of an output, which is as it was before and behind the channels. */
static float *
case_use_floats(struct outcome *out, enum case_output which, size_t i)
{
	return element_at(SBN_F32, out->out[which], USE_MARGIN + i * (USE_CHANNELS + USE_MARGIN));
}

static struct sbn_moments_use
case_moments_use(const struct case_numbers *numbers, size_t how, struct outcome *out)
{
	const bool affine = how & 1, running = how & 2;

	return (struct sbn_moments_use){
		.mean = out->values,
		.invstd = out->values + USE_CHANNELS,
		.mean_hi = case_use_floats(out, CASE_Y, 0),
		.mean_lo = case_use_floats(out, CASE_Y, 1),
		.scale = case_use_floats(out, CASE_Y, 2),
		.shift = case_use_floats(out, CASE_Y, 3),
		.gamma = affine ? numbers->gamma : NULL,
		.beta = affine ? numbers->beta : NULL,
		.running_mean = running ? case_use_floats(out, CASE_DX, 0) : NULL,
		.running_var = running ? case_use_floats(out, CASE_DX, 1) : NULL,
		.count = 392,
		.divisor = 391,
		.eps = how & 4 ? 0 : 1e-5,
		.factor = running ? 0.1 : 0,
	};
}

static struct sbn_gradients_use
case_gradients_use(size_t how, struct outcome *out)
{
	const bool affine = how & 1;

	return (struct sbn_gradients_use){
		.invstd = out->values + USE_CHANNELS,
		.mean_lo = case_use_floats(out, CASE_Y, 1),
		.dy_hi = case_use_floats(out, CASE_DZ, 0),
		.dy_lo = case_use_floats(out, CASE_DZ, 1),
		.slope = case_use_floats(out, CASE_DZ, 2),
		.slope_lo = case_use_floats(out, CASE_DZ, 3),
		.dgamma = affine ? case_use_floats(out, CASE_DX, 2) : NULL,
		.dbeta = affine ? case_use_floats(out, CASE_DX, 3) : NULL,
		.count = 392,
		.divisor = 3,
		.accumulate = how & 2,
	};
}

/* What a float layer makes of moments, of what it saved, and of gradients' sums. */
static bool
case_use(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t ns[] = { 0, 15, 16, 17, 50, USE_CHANNELS };
	size_t rest = number, n = ns[case_digit(&rest, CASE_COUNT(ns))];
	const size_t first = SBN_MIN(3 * case_digit(&rest, 2), n), how = case_digit(&rest, 8);
	double *done = out->values + 2 * USE_CHANNELS;
	struct case_numbers numbers;
	struct sbn_gradients_use gradients;
	struct sbn_moments_use use;
	struct case_pass pass;

	if (rest >= 8 || type != SBN_F32)
		return false;
	case_begin(type, DATA_PLAIN, number, 4, USE_CHANNELS + USE_MARGIN, out, &pass);
	case_draw_numbers(number, rest >= 4, &numbers);
	for (size_t i = 0; i < 2 * USE_CHANNELS; i++)
		out->values[i] = 1;
	use = case_moments_use(&numbers, how, out);
	done[0] = (double)set->use_moments(&use, numbers.pair, first, n);
	done[1] = (double)set->use_saved(&use, first, n);
	gradients = case_gradients_use(how, out);
	done[2] = (double)set->use_gradients(&gradients, numbers.pair,
					     how & 4 ? numbers.pair : NULL, first, n);
	out->n_values = 2 * USE_CHANNELS + 3;
	return true;
}

#endif
