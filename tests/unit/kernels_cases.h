/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed sweep of cases through all kernels of a set. */
#ifndef SBN_TESTS_UNIT_KERNELS_CASES_H
#define SBN_TESTS_UNIT_KERNELS_CASES_H

#include "kernels_array_cases.h"
#include "kernels_case.h"

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

/* Planes side by side: their maps, in both ways of storing, and their sums. */
static bool
case_planes(const struct sbn_kernels *set, enum sbn_type type, size_t number, struct outcome *out)
{
	static const size_t spatials[] = { 1, 3, 8, 15, 16, 17, 33, 49, 196 };
	static const size_t ns[] = { 1, 3, 8, 35 }, channels[] = { 2, 20, 40 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))];
	size_t n = ns[case_digit(&rest, CASE_COUNT(ns))];
	size_t n_channels = channels[case_digit(&rest, CASE_COUNT(channels))];
	struct sbn_pair *sums = (struct sbn_pair *)out->values;
	struct case_pass pass;
	size_t c = number % 80;

	if (rest >= 2 * N_DATA)
		return false;
	n = SBN_MIN(n, CASE_ELEMENTS / 4 / (spatial * n_channels));
	case_begin(type, (enum case_data)(rest / 2), number, n, spatial * n_channels, out, &pass);
	pass.forward.stream = pass.backward.stream = rest % 2 == 1;
	kernels->planes_normalize(&pass.forward, n, spatial, &pass.k, c, n_channels);
	kernels->planes_dx(&pass.backward, n, spatial, &pass.k, c, n_channels);
	sbn_stream_end();
	for (size_t i = 0; i < n_channels; i++)
		sums[i] = (struct sbn_pair){ (double)i, 0.5 };
	kernels->planes_sums(&pass.backward, n, spatial, &pass.k, c, n_channels, sums);
	out->n_values = 2 * n_channels;
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
	size_t n_images = case_digit(&rest, 2) == 0 ? 1 : 3 + number % 2;
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

/* An image's rows lie together, and images so far apart as case_begin put rows. */
static struct sbn_operands
case_images(struct sbn_operands at, size_t n_images, size_t n_channels)
{
	at.more = (struct sbn_images){ n_images - 1, at.x.stride,   at.z.stride,
				       at.dy.stride, at.out.stride, at.dz.stride };
	at.x.stride = at.z.stride = at.dy.stride = n_channels;
	at.out.stride = at.dz.stride = n_channels;
	return at;
}

/* Rows are mapped while those behind them in each image are summed. */
static bool
case_rows_beside(const struct sbn_kernels *set, enum sbn_type type, size_t number,
		 struct outcome *out)
{
	static const size_t channels[] = { 16, 8, 15, 16, 17 };
	static const size_t rows[] = { 1, 2, 15, 16, 17, 49, 128 }, images[] = { 1, 2, 3, 4 };
	const struct sbn_type_kernels *kernels = &set->of[type];
	size_t rest = number, n_channels = channels[case_digit(&rest, CASE_COUNT(channels))];
	size_t n = rows[case_digit(&rest, CASE_COUNT(rows))], c = number % 80;
	size_t n_images = images[case_digit(&rest, CASE_COUNT(images))];
	double *sums[5];
	struct sbn_operands next, before;
	struct case_pass pass;

	if (rest >= 2 * N_DATA)
		return false;
	for (size_t i = 0; i < CASE_COUNT(sums); i++)
		sums[i] = out->values + i * n_channels;
	case_begin(type, (enum case_data)(rest / 2), number, n_images, 2 * n * n_channels, out,
		   &pass);
	pass.forward = case_images(pass.forward, n_images, n_channels);
	pass.backward = case_images(pass.backward, n_images, n_channels);
	pass.forward.stream = pass.backward.stream = rest % 2 == 1;
	next = case_planes_behind(type, &pass.forward, n * n_channels);
	before = case_planes_behind(type, &pass.backward, n * n_channels);
	next.more = before.more = pass.backward.more;
	next.ahead = before.ahead = number % 3 * 1024;
	memset(sums[2], 0, n_channels * sizeof(*sums[2]));
	kernels->rows_normalize_beside(&(struct sbn_rows_beside){ &next,
								  0,
								  { sums[0], sums[1], sums[2] } },
				       &pass.forward, n, n_channels, &pass.k, c);
	kernels->rows_dx_beside(&(struct sbn_rows_beside){ &before,
							   c + 20,
							   { sums[3], sums[4], NULL } },
				&pass.backward, n, n_channels, &pass.k, c);
	sbn_stream_end();
	out->n_values = 5 * n_channels;
	return true;
}

typedef bool (*case_fn)(const struct sbn_kernels *set, enum sbn_type type, size_t number,
			struct outcome *out);

static const case_fn case_kinds[] = { case_plane, case_planes,      case_beside, case_abreast,
				      case_rows,  case_rows_beside, case_sum,    case_use };

#endif
