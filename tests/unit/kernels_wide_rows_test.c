/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of many channels: mapped whole, past the caches or not, they have the bits of 16 channels at
 * a time.
 */
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
#include "kernels_sets.h"

enum { MOST_CHANNELS = 2080, MOST_ROWS = 9, SIZE = MOST_CHANNELS * MOST_ROWS, COEFFICIENTS = 7 };

enum { X, DY, Y, DX, ARRAYS };

struct memory {
	_Alignas(SBN_STORE_LINE) double array[ARRAYS][SIZE]; /* room for the widest type */
	double real[COEFFICIENTS][MOST_CHANNELS];
	struct sbn_coefficients k;
};

static double
number_at(size_t i)
{
	return (double)((uint64_t)i * 2654435761u % 4001) * 0x1p-10 - 1.9;
}

static struct memory *
memory_of(enum sbn_type type)
{
	struct memory *m = aligned_alloc(SBN_STORE_LINE, sbn_align_up(sizeof(*m), (size_t)64));

	assert_non_null(m);
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < SIZE; i++) {
		element_set(type, m->array[X], i, number_at(i));
		element_set(type, m->array[DY], i, number_at(i + 7919));
	}
	for (size_t j = 0; j < COEFFICIENTS; j++)
		for (size_t c = 0; c < MOST_CHANNELS; c++)
			element_set(type == SBN_F64 ? SBN_F64 : SBN_F32, m->real[j], c,
				    number_at(13 * c + j) * 0.5);
	m->k = (struct sbn_coefficients){
		.mean_hi = m->real[0],
		.mean_lo = m->real[1],
		.scale = m->real[2],
		.shift = m->real[3],
		.dy_hi = m->real[4],
		.dy_lo = m->real[5],
		.slope = m->real[6],
	};
	return m;
}

/* Channels c..c+n-1 of all rows. */
static void
map(const struct sbn_type_kernels *kernels, enum sbn_type type, struct memory *m, size_t n_rows,
    size_t stride, size_t c, size_t n, bool stream)
{
	const size_t at = c * sbn_type_bytes(type);
	struct sbn_operands to = {
		.x = { (char *)m->array[X] + at, stride },
		.out = { (char *)m->array[Y] + at, stride },
		.stream = stream,
	};

	kernels->rows_normalize(&to, n_rows, n, &m->k, c);
	to.dy = (struct sbn_in){ (char *)m->array[DY] + at, stride };
	to.out = (struct sbn_out){ (char *)m->array[DX] + at, stride };
	kernels->rows_dx(&to, n_rows, n, &m->k, c);
	sbn_stream_end();
}

static void
check(const struct sbn_type_kernels *kernels, enum sbn_type type, size_t n_rows, size_t n_channels)
{
	struct memory *expected = memory_of(type);

	for (size_t c = 0; c < n_channels; c += SBN_LANES)
		map(kernels, type, expected, n_rows, n_channels, c,
		    SBN_MIN(n_channels - c, (size_t)SBN_LANES), false);
	for (int stream = 0; stream < 2; stream++) {
		struct memory *m = memory_of(type);

		map(kernels, type, m, n_rows, n_channels, 0, n_channels, stream == 1);
		for (int a = 0; a < ARRAYS; a++)
			assert_memory_equal(m->array[a], expected->array[a], sizeof(m->array[a]));
		free(m);
	}
	free(expected);
}

static void
test_wide_rows_have_the_bits_of_narrow_ones(void **state)
{
	static const size_t channels[] = { 1008, 1023, 1024, 1040, 1536, 2047, 2048, 2080 };
	static const size_t rows[] = { 1, 3, 4, MOST_ROWS };
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;

	(void)state;
	for (size_t number = 0; (kernels = next_kernels(&number, &type)) != NULL;)
		for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
			check(kernels, type, rows[(i + type) % 4], channels[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide_rows_have_the_bits_of_narrow_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
