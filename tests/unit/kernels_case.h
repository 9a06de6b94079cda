/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a case through a set's kernels begins with and ends in. A case has a type and a number; what
 * it computed is an outcome that can be compared with another set's, or hashed. The outcome holds
 * output arrays whole, with what lies before, between and behind the elements, which no kernel may
 * touch.
 */
#ifndef SBN_TESTS_UNIT_KERNELS_CASE_H
#define SBN_TESTS_UNIT_KERNELS_CASE_H

#include "kernels/stream.h"
#include "kernels_elements.h"
#include "random.h"

enum {
	CASE_ELEMENTS = 1 << 15, /* of an output, or an input */
	CASE_POOL = 4 * CASE_ELEMENTS,
	CASE_CHANNELS = 1200, /* of a case, the first one's number, and room between arrays */
	CASE_MARGIN = 32      /* elements before and behind an array */
};

#define CASE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum case_output { CASE_Y, CASE_DX, CASE_DZ, N_CASE_OUTPUTS };

struct outcome {
	enum sbn_type type;
	_Alignas(64) double out[N_CASE_OUTPUTS][CASE_ELEMENTS]; /* room for elements of any type */
	size_t n_elements;                                      /* of each */
	double values[5 * CASE_CHANNELS];
	size_t n_values;
};

/* FAINT: squares underflow in float. DEAD: zeros, and stretches that are something else. */
enum case_data { DATA_PLAIN, DATA_LARGE, DATA_TINY, DATA_FAINT, DATA_DEAD, DATA_SPECIAL, N_DATA };

/* Filled once, for all cases; x, z and dy overlap, but nowhere does an element meet itself. */
static double case_pool[SBN_TYPES][N_DATA][CASE_POOL];
static double case_wide_k[8][CASE_CHANNELS];
static float case_k[8][CASE_CHANNELS]; /* coefficients of channels */
static bool case_ready;

static double
case_special(uint64_t *seed)
{
	static const double special[] = { INFINITY, -INFINITY, NAN, -0.0, 3e38, -3e38, 1e-45 };

	return special[sbn_random_below(seed, CASE_COUNT(special))];
}

static void
case_fill(enum sbn_type type, enum case_data data, void *pool)
{
	static const double scale[N_DATA] = { 2, 1e19, 1e-41, 1e-25, 2, 2 };
	double sd = type == SBN_F16 && data == DATA_LARGE ? 2e4 : scale[data];
	double mean = data == DATA_PLAIN ? 1 : 0;
	uint64_t seed = 1 + data;
	size_t next = sbn_random_below(&seed, 50);

	if (type == SBN_F16 && (data == DATA_TINY || data == DATA_FAINT))
		sd = data == DATA_TINY ? 1e-7 : 1e-5;
	for (size_t i = 0; i < CASE_POOL; i++) {
		double value = mean + sd * sbn_random_normal(&seed);

		if (data == DATA_DEAD && i / 700 % 5 != 0)
			value = i / 700 % 5 == 1 ? 0.1 : 0;
		if (data == DATA_SPECIAL && i == next) {
			value = case_special(&seed);
			next += 1 + sbn_random_below(&seed, 3000);
		}
		element_set(type, pool, i, value);
	}
}

static void
case_prepare(void)
{
	uint64_t seed = 99;

	if (case_ready)
		return;
	for (int type = 0; type < SBN_TYPES; type++) {
		for (int data = 0; data < N_DATA; data++)
			case_fill((enum sbn_type)type, (enum case_data)data, case_pool[type][data]);
	}
	for (size_t k = 0; k < CASE_COUNT(case_k); k++) {
		for (size_t c = 0; c < CASE_CHANNELS; c++) {
			const bool low = k == 1 || k == 4 || k == 7;
			double spread = low ? 1e-7 : 0.5;

			case_wide_k[k][c] = 1 + spread * sbn_random_normal(&seed);
			if (low)
				case_wide_k[k][c] -= 1;
			case_k[k][c] = (float)case_wide_k[k][c];
		}
	}
	case_ready = true;
}

/* `offset`: the arrays' first elements differ */
static struct sbn_coefficients
case_coefficients(enum sbn_type type, enum sbn_activation activation, double negative_slope,
		  size_t offset)
{
	const void *k[8];

	for (size_t i = 0; i < CASE_COUNT(k); i++)
		k[i] = type == SBN_F64 ? (const void *)(case_wide_k[i] + offset * (i % 3)) :
					 (const void *)(case_k[i] + offset * (i % 3));
	return (struct sbn_coefficients){
		.mean_hi = k[0],
		.mean_lo = k[1],
		.scale = k[2],
		.shift = k[6],
		.dy_hi = k[3],
		.dy_lo = k[4],
		.slope = k[5],
		.slope_lo = k[7],
		.activation = activation,
		.negative_slope = negative_slope,
	};
}

/* The item that `*number` selects, in a mixed radix. */
static size_t
case_digit(size_t *number, size_t radix)
{
	size_t digit = *number % radix;

	*number /= radix;
	return digit;
}

/* What is asked for, and where operands lie, changes from case to case without a pattern. */
struct case_pass {
	struct sbn_operands forward, backward;
	struct sbn_coefficients k;
};

static struct sbn_in
case_input(enum sbn_type type, enum case_data data, size_t number, size_t which, size_t stride)
{
	size_t at = number * 976 % CASE_ELEMENTS + which * (CASE_ELEMENTS + 7);

	return (struct sbn_in){ element_at(type, case_pool[type][data], at), stride };
}

static struct sbn_out
case_out(struct outcome *out, enum case_output which, size_t margin, size_t stride)
{
	return (struct sbn_out){ element_at(out->type, out->out[which], margin), stride };
}

/* width: of a row; strides are that, or in every other case up to 3 more, and bases odd. */
static void
case_begin(enum sbn_type type, enum case_data data, size_t number, size_t n, size_t width,
	   struct outcome *out, struct case_pass *pass)
{
	uint64_t seed = number * 4 + (uint64_t)type;
	bool loose = sbn_random_below(&seed, 2) == 1;
	size_t stride[6], margin = CASE_MARGIN + loose, want = 1 + sbn_random_below(&seed, 3);
	enum sbn_activation activation = (enum sbn_activation)sbn_random_below(&seed, 3);
	bool has_z = sbn_random_below(&seed, 2) == 1;

	case_prepare();
	for (size_t i = 0; i < CASE_COUNT(stride); i++)
		stride[i] = width + (loose ? sbn_random_below(&seed, 4) : 0);
	out->type = type;
	out->n_values = 0;
	out->n_elements = n * (width + 3) + 2 * CASE_MARGIN + 1;
	for (size_t i = 0; i < N_CASE_OUTPUTS; i++)
		memset(out->out[i], 0xa5, out->n_elements * sbn_type_bytes(type));
	pass->k = case_coefficients(type, activation, -0.25 + 0.5 * (double)(want & 1), loose);
	/* the forward pass takes no notice */
	pass->k.x_is_y = activation != SBN_ACT_RELU && sbn_random_below(&seed, 3) == 0;
	pass->forward = (struct sbn_operands){ .x = case_input(type, data, number, 0, stride[0]) };
	if (has_z)
		pass->forward.z = case_input(type, data, number, 1, stride[1]);
	pass->backward = pass->forward;
	pass->forward.out = case_out(out, CASE_Y, margin, stride[2]);
	pass->backward.dy = case_input(type, data, number, 2, stride[3]);
	pass->k.few = sbn_random_below(&seed, 3) == 0;
	if (want & 1)
		pass->backward.out = case_out(out, CASE_DX, margin, stride[4]);
	if (want & 2)
		pass->backward.dz = case_out(out, CASE_DZ, margin, stride[5]);
}

#endif
