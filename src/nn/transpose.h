/* SPDX-License-Identifier: Apache-2.0 */
/* Small transposed copies of elements of 2, 4 or 8 bytes, whatever they mean. */
#ifndef SBN_NN_TRANSPOSE_H
#define SBN_NN_TRANSPOSE_H

#include <stddef.h>

/*
 * rows[p * row_stride + c] = planes[c * plane_stride + p] for n_channels c and n_positions p;
 * strides in elements.
 */
void sbn_transpose_in(const void *planes, size_t plane_stride, void *rows, size_t row_stride,
		      size_t n_channels, size_t n_positions, size_t element_bytes);

/* The way back. */
void sbn_transpose_out(const void *rows, size_t row_stride, void *planes, size_t plane_stride,
		       size_t n_channels, size_t n_positions, size_t element_bytes);

/* Zeroes `bytes` bytes at the beginning of each of n rows; stride in bytes. */
void sbn_zero_columns(unsigned char *rows, size_t stride, size_t bytes, size_t n);

#endif
