/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_linear.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "fm_sum.h"

enum {
	TAPS = 9,
	TILE = 8 /* images in one product of a fully connected layer */
};

size_t
fm_linear_weights(const struct fm_linear *linear)
{
	return (size_t)linear->in * (size_t)linear->out * (linear->side ? TAPS : 1);
}

size_t
fm_linear_outputs(const struct fm_linear *linear)
{
	return (size_t)linear->out * (linear->side ? (size_t)(linear->side * linear->side) : 1);
}

static size_t
column_floats(const struct fm_linear *linear)
{
	return (size_t)linear->in * TAPS * (size_t)(linear->side * linear->side);
}

size_t
fm_linear_scratch(const struct fm_linear *linear, int n)
{
	return column_floats(linear) + fm_sum_room((size_t)n) * fm_linear_weights(linear);
}

/*
 * One tap of the kernel reads the image shifted by dy rows and dx columns (-1, 0, 1): the plane as
 * one vector shifted by dy * side + dx, but for the edges that lie outside.
 */
static void
clear_outside(int side, int dy, int dx, float *columns)
{
	int row = dy < 0 ? 0 : side * (side - 1), column = dx < 0 ? 0 : side - 1;

	if (dy)
		memset(columns + row, 0, (size_t)side * sizeof(*columns));
	for (int y = 0; dx && y < side; y++)
		columns[y * side + column] = 0;
}

/* columns[y, x] = plane[y + dy, x + dx], 0 outside. plane, columns: [side, side] */
static void
shift_plane(int side, int dy, int dx, const float *plane, float *columns)
{
	int shift = dy * side + dx, first = shift < 0 ? -shift : 0;

	memcpy(columns + first, plane + first + shift,
	       (size_t)(side * side - abs(shift)) * sizeof(*columns));
	clear_outside(side, dy, dx, columns);
}

/* The reverse: plane[y + dy, x + dx] += columns[y, x]; what lies outside is lost. */
static void
add_shifted(int side, int dy, int dx, float *columns, float *plane)
{
	int shift = dy * side + dx, first = shift < 0 ? -shift : 0;
	int end = shift > 0 ? side * side - shift : side * side;

	clear_outside(side, dy, dx, columns);
#pragma omp simd
	for (int i = first; i < end; i++)
		plane[i + shift] += columns[i];
}

/* image: [in, side, side]; columns: [in, TAPS, side, side] */
static void
image_to_columns(const struct fm_linear *conv, const float *image, float *columns)
{
	int side = conv->side;

	for (int c = 0; c < conv->in; c++, image += side * side)
		for (int tap = 0; tap < TAPS; tap++, columns += side * side)
			shift_plane(side, tap / 3 - 1, tap % 3 - 1, image, columns);
}

static void
columns_to_image(const struct fm_linear *conv, float *columns, float *image)
{
	int side = conv->side;

	memset(image, 0, (size_t)(conv->in * side * side) * sizeof(*image));
	for (int c = 0; c < conv->in; c++, image += side * side)
		for (int tap = 0; tap < TAPS; tap++, columns += side * side)
			add_shifted(side, tap / 3 - 1, tap % 3 - 1, columns, image);
}

static void
conv_forward(const struct fm_linear *conv, int n, const float *weight, const float *x, float *y,
	     float *columns)
{
	int plane = conv->side * conv->side, depth = conv->in * TAPS;

	for (int i = 0; i < n; i++, x += conv->in * plane, y += conv->out * plane) {
		image_to_columns(conv, x, columns);
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, conv->out, plane, depth,
			    1, weight, depth, columns, plane, 0, y, plane);
	}
}

static void
conv_backward(const struct fm_linear *conv, int n, const float *weight, const float *x,
	      const float *dy, float *dx, float *dweight, float *scratch)
{
	int plane = conv->side * conv->side, depth = conv->in * TAPS;
	float *columns = scratch;
	struct fm_sum sum = { scratch + column_floats(conv), fm_linear_weights(conv), 0, 0 };

	for (int i = 0; i < n; i++, x += conv->in * plane, dy += conv->out * plane) {
		image_to_columns(conv, x, columns);
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, conv->out, depth, plane,
			    1, dy, plane, columns, plane, 0, fm_sum_term(&sum), depth);
		fm_sum_add(&sum);
		if (!dx)
			continue;
		cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, depth, plane, conv->out,
			    1, weight, depth, dy, plane, 0, columns, plane);
		columns_to_image(conv, columns, dx + i * conv->in * plane);
	}
	fm_sum_total(&sum, dweight);
}

static int
tile_of(int n, int first)
{
	return n - first < TILE ? n - first : TILE;
}

static void
full_forward(const struct fm_linear *full, int n, const float *weight, const float *x, float *y)
{
	int in = full->in, out = full->out;

	for (int i = 0; i < n; i += TILE)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, tile_of(n, i), out, in,
			    1, x + i * in, in, weight, in, 0, y + i * out, out);
}

static void
full_backward(const struct fm_linear *full, int n, const float *weight, const float *x,
	      const float *dy, float *dx, float *dweight, float *scratch)
{
	int in = full->in, out = full->out;
	struct fm_sum sum = { scratch, fm_linear_weights(full), 0, 0 };

	for (int i = 0; i < n; i += TILE) {
		int tile = tile_of(n, i);

		cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, tile,
			    1, dy + i * out, out, x + i * in, in, 0, fm_sum_term(&sum), in);
		fm_sum_add(&sum);
		if (dx)
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, tile, in, out,
				    1, dy + i * out, out, weight, in, 0, dx + i * in, in);
	}
	fm_sum_total(&sum, dweight);
}

void
fm_linear_forward(const struct fm_linear *linear, int n, const float *weight, const float *x,
		  float *y, float *scratch)
{
	if (linear->side)
		conv_forward(linear, n, weight, x, y, scratch);
	else
		full_forward(linear, n, weight, x, y);
}

void
fm_linear_backward(const struct fm_linear *linear, int n, const float *weight, const float *x,
		   const float *dy, float *dx, float *dweight, float *scratch)
{
	if (linear->side)
		conv_backward(linear, n, weight, x, dy, dx, dweight, scratch);
	else
		full_backward(linear, n, weight, x, dy, dx, dweight, scratch);
}
