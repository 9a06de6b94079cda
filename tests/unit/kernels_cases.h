/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed sweep of cases through all kernels of a set. A case has a type and a number; what it
 * computed is an outcome that can be compared with another set's, or hashed. The outcome holds
 * output arrays whole, with what lies before, between and behind the elements, which no kernel may
 * touch.
 */
#ifndef SBN_TESTS_UNIT_KERNELS_CASES_H
#define SBN_TESTS_UNIT_KERNELS_CASES_H

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

/* False, and nothing done, when there is no case of that number. */
static bool
case_plane(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t spatials[] = { 0,  1,  15,  16,   17,   31,   32,  33,
					   47, 49, 196, 2047, 2048, 2049, 4097 };
	static const size_t ns[] = { 0, 1, 3, 130 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))];
	size_t n = ns[case_digit(&rest, CASE_COUNT(ns))];
	struct sbn_moments moments;
	struct case_pass pass;
	size_t c = number % 100;

	if (rest >= N_DATA)
		return false;
	n = spatial > 200 && n > 1 ? 2 : n;
	case_begin(type, (enum case_data)rest, number, n, spatial, out, &pass);
	kernels->plane_moments(&pass.forward, n, spatial, &moments);
	kernels->planes_normalize(&pass.forward, n, spatial, &pass.k, c, 1);
	out->values[0] = out->values[1] = 0;
	kernels->plane_sums(&pass.backward, n, spatial, &pass.k, c, out->values);
	kernels->planes_dx(&pass.backward, n, spatial, &pass.k, c, 1);
	out->values[2] = moments.count;
	out->values[3] = moments.mean;
	out->values[4] = moments.m2;
	out->values[5] = moments.low;
	out->n_values = 6;
	return true;
}

/* Planes side by side: their maps, in both ways of storing. */
static bool
case_planes(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t spatials[] = { 1, 3, 8, 15, 16, 17, 33, 49, 196 };
	static const size_t ns[] = { 1, 3 }, channels[] = { 2, 3, 20 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))];
	size_t n = ns[case_digit(&rest, CASE_COUNT(ns))];
	size_t n_channels = channels[case_digit(&rest, CASE_COUNT(channels))];
	struct case_pass pass;
	size_t c = number % 80;

	if (rest >= 2 * N_DATA)
		return false;
	case_begin(type, (enum case_data)(rest / 2), number, n, spatial * n_channels, out, &pass);
	pass.forward.stream = pass.backward.stream = rest % 2 == 1;
	kernels->planes_normalize(&pass.forward, n, spatial, &pass.k, c, n_channels);
	kernels->planes_dx(&pass.backward, n, spatial, &pass.k, c, n_channels);
	sbn_stream_end();
	return true;
}

static struct sbn_operands
case_planes_behind(enum sbn_type type, const struct sbn_operands *at, size_t elements)
{
	return (struct sbn_operands){
		.x = elements_behind(type, at->x, elements),
		.z = elements_behind(type, at->z, elements),
		.dy = elements_behind(type, at->dy, elements),
	};
}

/*
 * Planes are mapped while those behind them are summed: fewer, as many, or more. Both stand in the
 * same rows, as a layer's chunks do.
 */
static bool
case_beside(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t spatials[] = { 1, 3, 15, 16, 17, 49, 64, 65, 127, 128, 129, 196, 2050 };
	static const size_t ns[] = { 1, 3 }, mapped[] = { 0, 1, 3, 7 }, summed[] = { 1, 3, 5 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))];
	size_t n = ns[case_digit(&rest, CASE_COUNT(ns))];
	size_t n_mapped = mapped[case_digit(&rest, CASE_COUNT(mapped))];
	size_t n_summed = summed[case_digit(&rest, CASE_COUNT(summed))], c = number % 80;
	struct sbn_pair *sums = (struct sbn_pair *)out->values;
	double *low = out->values + 2 * n_summed;
	struct sbn_operands next;
	struct case_pass pass;

	if (rest >= 4 * N_DATA)
		return false;
	n = spatial > 200 ? 1 : n;
	n_mapped = spatial > 200 ? n_mapped % 4 : n_mapped;
	case_begin(type, (enum case_data)(rest / 2 % N_DATA), number, n,
		   spatial * (n_mapped + n_summed), out, &pass);
	pass.forward.stream = rest % 2 == 1;
	pass.forward.lockstep = rest >= 2 * N_DATA;
	next = case_planes_behind(type, &pass.forward, spatial * n_mapped);
	memset(low, 0, n_summed * sizeof(*low));
	kernels->planes_normalize_beside(&(struct sbn_beside){ &next, n_summed, sums, low, 0 },
					 &pass.forward, n, spatial, &pass.k, c, n_mapped);
	sbn_stream_end();
	out->n_values = 3 * n_summed;
	return true;
}

/*
 * Long rows, of which some images' are read and written in turns, if their lines begin alike:
 * alone, and beside other planes, forward and backward, from the first image on and from the last;
 * or of which one is written at a time.
 */
static bool
case_abreast(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t spatials[] = { 255, 256, 257, 264, 272, 784, 1025, 2048, 2050, 4100 };
	static const size_t ns[] = { 1, 3, 4, 9 }, mapped[] = { 1, 3, 13 }, summed[] = { 1, 3 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))];
	size_t n = ns[case_digit(&rest, CASE_COUNT(ns))], c = number % 80;
	size_t n_mapped = spatial > 300 ? 1 : mapped[case_digit(&rest, CASE_COUNT(mapped))];
	size_t n_summed = spatial > 1100 ? 1 : summed[case_digit(&rest, CASE_COUNT(summed))];
	bool last_first = case_digit(&rest, 2) == 1;
	size_t image = spatial * (n_mapped + n_summed);
	double *low = out->values + 2 * n_summed, *sums = low + 3 * n_summed;
	struct sbn_operands next, before;
	struct sbn_moments moments;
	struct case_pass pass;

	if (rest >= 4 * N_DATA)
		return false;
	n = SBN_MIN(n, (CASE_ELEMENTS - 3 * CASE_MARGIN) / (image + 3));
	case_begin(type, (enum case_data)(rest / 2 % N_DATA), number, n, image, out, &pass);
	pass.forward.stream = pass.backward.stream = rest % 2 == 1;
	pass.forward.lockstep = pass.backward.lockstep = rest >= 2 * N_DATA;
	next = case_planes_behind(type, &pass.forward, spatial * n_mapped);
	before = case_planes_behind(type, &pass.backward, spatial * n_mapped);
	pass.forward.last_first = pass.backward.last_first = last_first;
	next.last_first = before.last_first = last_first;
	memset(low, 0, n_summed * sizeof(*low));
	kernels->planes_normalize_beside(&(struct sbn_beside){ &next, n_summed,
							       (struct sbn_pair *)out->values, low,
							       0 },
					 &pass.forward, n, spatial, &pass.k, c, n_mapped);
	kernels->planes_dx_beside(&(struct sbn_beside){ &before, n_summed,
							(struct sbn_pair *)(low + n_summed), NULL,
							c + n_mapped },
				  &pass.backward, n, spatial, &pass.k, c, n_mapped);
	sbn_stream_end();
	kernels->plane_moments(&pass.forward, n, spatial, &moments);
	sums[0] = sums[1] = 1;
	kernels->plane_sums(&pass.backward, n, spatial, &pass.k, c, sums);
	sums[2] = moments.mean;
	sums[3] = moments.m2;
	out->n_values = 5 * n_summed + 4;
	return true;
}

/* Of rows that are n_images times as many: an image's lie that far apart, the images between. */
static void
case_interleave(struct sbn_operands *at, size_t n_images)
{
	at->more = (struct sbn_images){ n_images - 1,  at->x.stride,   at->z.stride,
					at->dy.stride, at->out.stride, at->dz.stride };
	at->x.stride *= n_images;
	at->z.stride *= n_images;
	at->dy.stride *= n_images;
	at->out.stride *= n_images;
	at->dz.stride *= n_images;
}

static bool
case_rows(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t channels[] = { 0,  1,  7,  8,   9,   15,   16,  17,
					   33, 64, 65, 100, 513, 1040, 1057 };
	static const size_t rows[] = { 1, 2, 15, 16, 17, 127, 128 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, n_channels = channels[case_digit(&rest, CASE_COUNT(channels))];
	size_t n = rows[case_digit(&rest, CASE_COUNT(rows))], c = number % 50;
	size_t n_images = case_digit(&rest, 2) == 0 ? 1 : 3;
	double *values = out->values, *low = values + 4 * n_channels;
	struct case_pass pass;

	if (rest >= N_DATA)
		return false;
	n = n_channels > 200 && n > 17 ? 19 : n;
	n = n_images > 1 && n * n_channels > 2000 ? 5 : n;
	case_begin(type, (enum case_data)rest, number, n * n_images, n_channels, out, &pass);
	case_interleave(&pass.forward, n_images);
	case_interleave(&pass.backward, n_images);
	pass.forward.stream = pass.backward.stream = number % 2 == 1;
	memset(low, 0, n_channels * sizeof(*low));
	kernels->rows_moments(&pass.forward, n, n_channels, values, values + n_channels, low);
	kernels->rows_normalize(&pass.forward, n, n_channels, &pass.k, c);
	kernels->rows_sums(&pass.backward, n, n_channels, &pass.k, c, values + 2 * n_channels,
			   values + 3 * n_channels);
	kernels->rows_dx(&pass.backward, n, n_channels, &pass.k, c);
	sbn_stream_end();
	out->n_values = 5 * n_channels;
	return true;
}

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

typedef bool (*case_fn)(const struct sbn_kernels *set, enum sbn_type type, size_t number,
			struct outcome *out);

static const case_fn case_kinds[] = { case_plane,   case_planes, case_beside,
				      case_abreast, case_rows,   case_sum };

#endif
