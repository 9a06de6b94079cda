/* SPDX-License-Identifier: Apache-2.0 */
/* The layers without weights. n counts values, planes or images as each says. */
#ifndef FM_LAYERS_H
#define FM_LAYERS_H

#include <stddef.h>
#include <stdint.h>

/* y = max(y, 0) in place; backward: dy = 0 where y was cut. y, dy: [n] */
void fm_relu_forward(size_t n, float *y);
void fm_relu_backward(size_t n, const float *y, float *dy);

/*
 * 2x2 max pooling with stride 2; the gradient goes to the largest, the first of equals.
 * x, dx: [n, side, side], side even; y, dy: [n, side / 2, side / 2]
 */
void fm_pool_forward(size_t n, int side, const float *x, float *y);
void fm_pool_backward(size_t n, int side, const float *x, const float *y, const float *dy,
		      float *dx);

/* The mean of each plane. x, dx: [n, plane]; y, dy: [n] */
void fm_average_forward(size_t n, int plane, const float *x, float *y);
void fm_average_backward(size_t n, int plane, const float *dy, float *dx);

/* y[i, j] += bias[j]; backward: dbias = the sum of dy over the images. y, dy: [n, width] */
void fm_bias_forward(int n, int width, const float *bias, float *y);
void fm_bias_backward(int n, int width, const float *dy, float *dbias);

/*
 * The mean of the cross entropy of softmax(logits) against the labels, and its gradient.
 * logits, dlogits: [n, FM_CLASSES]; labels: [n]
 */
double fm_cross_entropy(int n, const float *logits, const uint8_t *labels, float *dlogits);

/* How many of the labels have the largest logit. */
int fm_correct(int n, const float *logits, const uint8_t *labels);

#endif
