/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes that are summed while others are mapped: in lockstep or with several images abreast, from
 * the first image on or from the last, wherever lines begin, and whichever comes to its end first,
 * sums and outputs have the same bits.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/math.h"
#include "kernels/kernels.h"
#include "kernels/stream.h"
#include "kernels_elements.h"

enum { CHANNELS = 8, MOST_CHANNELS = 144, ARRAYS = 6, COEFFICIENTS = 7, MOST_SUMMED = 74 };

/* What a call is given, but for the way. */
struct shape {
	enum sbn_type type;
	size_t n, spatial, channels, n_mapped, n_summed;
	size_t offset; /* elements of an image's planes before its first one */
	enum sbn_activation activation;
	bool has_z, in_place;
};

/* x, dy and z; y, dx and dz, of which each is an array of images of all channels. */
struct memory {
	char *array[ARRAYS];
	size_t bytes; /* of an array */
	struct sbn_pair sums[2][MOST_SUMMED];
	double low[MOST_SUMMED];
};

enum { X, DY, Z, Y, DX, DZ };

/* Elements of an image: lines of all images begin alike. */
static size_t
image_of(const struct shape *s)
{
	return sbn_align_up(s->channels * s->spatial + 16, (size_t)32);
}

static struct memory
memory_of(const struct shape *s)
{
	struct memory m = { .bytes = (s->n * image_of(s) + 64) * sbn_type_bytes(s->type) };

	for (int a = 0; a < ARRAYS; a++) {
		uint64_t number = (uint64_t)a + 1;

		m.array[a] = aligned_alloc(64, sbn_align_up(m.bytes, (size_t)64));
		assert_non_null(m.array[a]);
		memset(m.array[a], 0, m.bytes);
		for (size_t i = 0; i < m.bytes / sbn_type_bytes(s->type); i++) {
			number = number * 6364136223846793005u + 1442695040888963407u;
			element_set(s->type, m.array[a], i, (double)(number >> 40) * 0x1p-22 - 1.5);
		}
	}
	return m;
}

static struct memory
copy_of(const struct memory *from)
{
	struct memory m = { .bytes = from->bytes };

	for (int a = 0; a < ARRAYS; a++) {
		m.array[a] = aligned_alloc(64, sbn_align_up(m.bytes, (size_t)64));
		assert_non_null(m.array[a]);
		memcpy(m.array[a], from->array[a], m.bytes);
	}
	return m;
}

static void
free_memory(struct memory *m)
{
	for (int a = 0; a < ARRAYS; a++)
		free(m->array[a]);
}

static void *
at(const struct shape *s, const struct memory *m, int array, size_t channel)
{
	return m->array[array] + (s->offset + channel * s->spatial) * sbn_type_bytes(s->type);
}

static struct sbn_operands
operands(const struct shape *s, const struct memory *m, size_t channel, bool backward, int way)
{
	const size_t stride = image_of(s);
	const bool z = s->has_z && s->activation != SBN_ACT_NONE;
	struct sbn_operands to = {
		.x = { at(s, m, X, channel), stride },
		.out = { at(s, m,
			    s->in_place ? (backward ? DY : X) :
			    backward    ? DX :
					  Y,
			    channel),
			 stride },
		.stream = true,
		.last_first = way % 2 == 1,
		.lockstep = way / 2 > 0,
		.pairs = way / 2 == 2,
		.near = way % 2 == 0,
	};

	if (z)
		to.z = (struct sbn_in){ at(s, m, Z, channel), stride };
	if (backward)
		to.dy = (struct sbn_in){ at(s, m, DY, channel), stride };
	if (backward && z)
		to.dz = (struct sbn_out){ at(s, m, DZ, channel), stride };
	return to;
}

/* Forward, and then backward; coefficients of channel c are their own in each of seven arrays. */
static void
run(const struct sbn_kernels *set, const struct shape *s, struct memory *m, int way)
{
	const struct sbn_type_kernels *kernels = &set->of[s->type];
	const size_t real = s->type == SBN_F64 ? sizeof(double) : sizeof(float);
	double numbers[COEFFICIENTS * MOST_CHANNELS];
	struct sbn_coefficients k = { .activation = s->activation, .negative_slope = 0.25 };
	const void **array[] = { &k.mean_hi, &k.mean_lo, &k.scale, &k.shift,
				 &k.dy_hi,   &k.dy_lo,   &k.slope };

	for (size_t i = 0; i < COEFFICIENTS * s->channels; i++)
		element_set(s->type == SBN_F64 ? SBN_F64 : SBN_F32, numbers, i,
			    0.125 * (double)(i % 11) + 0.5);
	for (size_t i = 0; i < COEFFICIENTS; i++)
		*array[i] = (char *)numbers + i * s->channels * real;
	for (int backward = 0; backward < 2; backward++) {
		const struct sbn_operands mapped = operands(s, m, 0, backward, way);
		struct sbn_operands summed = operands(s, m, s->n_mapped, backward, way);
		const struct sbn_beside beside = { &summed, s->n_summed, m->sums[backward], m->low,
						   s->n_mapped };

		summed.ahead = 1024;
		summed.turns = summed.last_first;
		if (backward)
			kernels->planes_dx_beside(&beside, &mapped, s->n, s->spatial, &k, 0,
						  s->n_mapped);
		else
			kernels->planes_normalize_beside(&beside, &mapped, s->n, s->spatial, &k, 0,
							 s->n_mapped);
		sbn_stream_end();
	}
}

static void
check(const struct sbn_kernels *set, const struct shape *s, const struct memory *begin)
{
	struct memory expected = copy_of(begin);

	run(set, s, &expected, 0);
	for (int way = 1; way < 6; way++) {
		struct memory m = copy_of(begin);

		run(set, s, &m, way);
		for (int a = 0; a < ARRAYS; a++)
			assert_memory_equal(m.array[a], expected.array[a], m.bytes);
		assert_memory_equal(m.sums, expected.sums, sizeof(m.sums));
		assert_memory_equal(m.low, expected.low, sizeof(m.low));
		free_memory(&m);
	}
	free_memory(&expected);
}

/* In every instruction set of this CPU. */
static void
check_chunks(struct shape s, const size_t *mapped, const size_t *summed, size_t n)
{
	struct memory begin = memory_of(&s);

	for (const char *const *isa = sbn_kernels_names; *isa != NULL; isa++) {
		const struct sbn_kernels *set;

		if (sbn_kernels_choose(*isa, &set) != SYNCBN_OK)
			continue;
		for (size_t i = 0; i < n; i++) {
			s.n_mapped = mapped[i];
			s.n_summed = summed[i];
			check(set, &s, &begin);
		}
	}
	free_memory(&begin);
}

/* Mapped chunks that are smaller, larger and as large. */
static void
check_all(struct shape s)
{
	static const size_t mapped[] = { 1, 3, 0, 2, 5 }, summed[] = { 1, 2, 3, 5, 2 };

	s.channels = CHANNELS;
	check_chunks(s, mapped, summed, 5);
}

static void
check_rows(const size_t *spatials, size_t n_spatials)
{
	static const size_t ns[] = { 1, 3, 8, 9 }, offsets[] = { 0, 1, 15 };
	static const enum sbn_type types[] = { SBN_F32, SBN_BF16, SBN_F64, SBN_F16 };

	for (size_t i = 0; i < n_spatials; i++)
		for (size_t j = 0; j < 4; j++)
			for (size_t o = 0; o < 3; o++) {
				const size_t number = i + j + o;

				check_all((struct shape){
					.type = types[number % SBN_TYPES],
					.n = ns[j],
					.spatial = spatials[i],
					.offset = offsets[o],
					.activation = (enum sbn_activation)(number % 3),
					.has_z = (i + j) % 2 == 1,
					.in_place = (i + 2 * j + o) % 5 == 4,
				});
			}
}

static void
test_long_rows(void **state)
{
	static const size_t spatials[] = { 128, 129, 143, 196, 255, 256, 257, 784, 1225 };

	(void)state;
	check_rows(spatials, sizeof(spatials) / sizeof(spatials[0]));
}

static void
test_rows_of_several_blocks(void **state)
{
	static const size_t spatials[] = { 2048, 2050, 4112 };

	(void)state;
	check_rows(spatials, sizeof(spatials) / sizeof(spatials[0]));
}

static void
test_short_rows(void **state)
{
	static const size_t spatials[] = { 1, 4, 15, 16, 17, 49, 64, 100, 127 };

	(void)state;
	check_rows(spatials, sizeof(spatials) / sizeof(spatials[0]));
}

/* So many that a plane has several blocks: sums and strips go on where the one before left them. */
static void
test_short_rows_of_many_images(void **state)
{
	static const size_t spatials[] = { 5, 17, 49, 100 };
	static const enum sbn_type types[] = { SBN_F32, SBN_F64 };

	(void)state;
	for (size_t i = 0; i < 8; i++)
		check_all((struct shape){ .type = types[i % 2],
					  .n = 130,
					  .spatial = spatials[i / 2],
					  .offset = i % 3,
					  .activation = (enum sbn_activation)(i % 3),
					  .has_z = i % 4 != 0 });
}

/*
 * More planes than go together, and so many images that fewer do from the last one on: they go
 * block by block, the last block a shorter one.
 */
static void
test_many_planes(void **state)
{
	static const size_t mapped[] = { 70, 3 }, summed[] = { 66, 74 };
	static const size_t few_mapped[] = { 2, 0 }, few_summed[] = { 26, 23 };
	static const size_t spatials[] = { 129, 257, 500, 784, 1024 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct shape s = { .type = (enum sbn_type)(i % SBN_TYPES),
				   .n = 5,
				   .spatial = spatials[i],
				   .channels = MOST_CHANNELS,
				   .offset = 3 * (i % 2),
				   .activation = (enum sbn_activation)(i % 3),
				   .has_z = i % 2 == 0 };

		check_chunks(s, mapped, summed, 2);
		s.n = i < 2 ? 160 : 19;
		s.channels = 28;
		check_chunks(s, few_mapped, few_summed, 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_rows),
		cmocka_unit_test(test_rows_of_several_blocks),
		cmocka_unit_test(test_short_rows),
		cmocka_unit_test(test_short_rows_of_many_images),
		cmocka_unit_test(test_many_planes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
