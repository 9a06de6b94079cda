/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_layers.h"

#include <math.h>
#include <string.h>

#include "fm_data.h"

void
fm_relu_forward(size_t n, float *y)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		y[i] = y[i] > 0 ? y[i] : 0;
}

void
fm_relu_backward(size_t n, const float *y, float *dy)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		dy[i] = y[i] > 0 ? dy[i] : 0;
}

/* One row of outputs from two rows of inputs. x: [2, 2 * half]; y: [half] */
static void
pool_row(int half, const float *x, float *y)
{
	const float *below = x + 2 * half;

#pragma omp simd
	for (int j = 0; j < half; j++) {
		float upper = x[2 * j + 1] > x[2 * j] ? x[2 * j + 1] : x[2 * j];
		float lower = below[2 * j + 1] > below[2 * j] ? below[2 * j + 1] : below[2 * j];

		y[j] = lower > upper ? lower : upper;
	}
}

void
fm_pool_forward(size_t n, int side, const float *x, float *y)
{
	int half = side / 2;

	for (size_t row = 0; row < n * (size_t)half; row++, x += 2 * side, y += half)
		pool_row(half, x, y);
}

/* value or 0, without a branch that the processor could not predict */
static inline float
keep_if(int condition, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	bits &= -(uint32_t)condition;
	memcpy(&value, &bits, sizeof(bits));
	return value;
}

static void
unpool_row(int half, const float *x, const float *y, const float *dy, float *dx)
{
	const float *below = x + 2 * half;
	float *dbelow = dx + 2 * half;

	for (int j = 0; j < half; j++) {
		int a = x[2 * j] == y[j], b = ~a & (x[2 * j + 1] == y[j]);
		int c = ~(a | b) & (below[2 * j] == y[j]), d = ~(a | b | c) & 1;

		dx[2 * j] = keep_if(a, dy[j]);
		dx[2 * j + 1] = keep_if(b, dy[j]);
		dbelow[2 * j] = keep_if(c, dy[j]);
		dbelow[2 * j + 1] = keep_if(d, dy[j]);
	}
}

void
fm_pool_backward(size_t n, int side, const float *x, const float *y, const float *dy, float *dx)
{
	int half = side / 2;

	for (size_t row = 0; row < n * (size_t)half; row++) {
		unpool_row(half, x, y, dy, dx);
		x += 2 * side;
		dx += 2 * side;
		y += half;
		dy += half;
	}
}

void
fm_average_forward(size_t n, int plane, const float *x, float *y)
{
	for (size_t i = 0; i < n; i++, x += plane) {
		double sum = 0;

		for (int j = 0; j < plane; j++)
			sum += x[j];
		y[i] = (float)(sum / plane);
	}
}

void
fm_average_backward(size_t n, int plane, const float *dy, float *dx)
{
	for (size_t i = 0; i < n; i++, dx += plane)
		for (int j = 0; j < plane; j++)
			dx[j] = dy[i] / (float)plane;
}

void
fm_bias_forward(int n, int width, const float *bias, float *y)
{
	for (int i = 0; i < n; i++, y += width)
		for (int j = 0; j < width; j++)
			y[j] += bias[j];
}

void
fm_bias_backward(int n, int width, const float *dy, float *dbias)
{
	for (int j = 0; j < width; j++) {
		double sum = 0;

		for (int i = 0; i < n; i++)
			sum += dy[i * width + j];
		dbias[j] = (float)sum;
	}
}

static int
largest(const float *logits)
{
	int best = 0;

	for (int j = 1; j < FM_CLASSES; j++)
		if (logits[j] > logits[best])
			best = j;
	return best;
}

double
fm_cross_entropy(int n, const float *logits, const uint8_t *labels, float *dlogits)
{
	double loss = 0;

	for (int i = 0; i < n; i++, logits += FM_CLASSES, dlogits += FM_CLASSES) {
		double top = logits[largest(logits)], sum = 0, share[FM_CLASSES];

		for (int j = 0; j < FM_CLASSES; j++)
			sum += share[j] = exp(logits[j] - top);
		loss += log(sum) + top - logits[labels[i]];
		for (int j = 0; j < FM_CLASSES; j++)
			dlogits[j] = (float)((share[j] / sum - (j == labels[i])) / n);
	}
	return loss / n;
}

int
fm_correct(int n, const float *logits, const uint8_t *labels)
{
	int correct = 0;

	for (int i = 0; i < n; i++)
		correct += largest(logits + i * FM_CLASSES) == labels[i];
	return correct;
}
