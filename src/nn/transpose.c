/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/transpose.h"

#include <stdint.h>
#include <string.h>

/* elements of any type of that size */
typedef uint16_t __attribute__((may_alias)) word16;
typedef uint32_t __attribute__((may_alias)) word32;
typedef uint64_t __attribute__((may_alias)) word64;

/* to[i * to_stride + j] = from[j * from_stride + i] */
#define TRANSPOSE(type)                                                              \
	static void transpose_##type(const type *from, size_t from_stride, type *to, \
				     size_t to_stride, size_t n_from, size_t n_to)   \
	{                                                                            \
		for (size_t j = 0; j < n_from; j++)                                  \
			for (size_t i = 0; i < n_to; i++)                            \
				to[i * to_stride + j] = from[j * from_stride + i];   \
	}

TRANSPOSE(word16)
TRANSPOSE(word32)
TRANSPOSE(word64)

static void
transpose(const void *from, size_t from_stride, void *to, size_t to_stride, size_t n_from,
	  size_t n_to, size_t element_bytes)
{
	if (element_bytes == sizeof(word16))
		transpose_word16(from, from_stride, to, to_stride, n_from, n_to);
	else if (element_bytes == sizeof(word32))
		transpose_word32(from, from_stride, to, to_stride, n_from, n_to);
	else
		transpose_word64(from, from_stride, to, to_stride, n_from, n_to);
}

void
sbn_transpose_in(const void *planes, size_t plane_stride, void *rows, size_t row_stride,
		 size_t n_channels, size_t n_positions, size_t element_bytes)
{
	transpose(planes, plane_stride, rows, row_stride, n_channels, n_positions, element_bytes);
}

void
sbn_transpose_out(const void *rows, size_t row_stride, void *planes, size_t plane_stride,
		  size_t n_channels, size_t n_positions, size_t element_bytes)
{
	transpose(rows, row_stride, planes, plane_stride, n_positions, n_channels, element_bytes);
}

void
sbn_zero_columns(unsigned char *rows, size_t stride, size_t bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memset(rows + i * stride, 0, bytes);
}
