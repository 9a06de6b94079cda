/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers with weights, as matrix products: 3x3 convolution through im2col, and fully
 * connected. Backward passes overwrite the gradients. dx NULL: the input needs no gradient.
 *
 * Products are taken over a fixed number of images, so that an image's values do not depend on
 * how many others share the batch.
 */
#ifndef FM_LINEAR_H
#define FM_LINEAR_H

#include <stddef.h>

struct fm_linear {
	int in, out; /* channels */
	int side;    /* of the square images of a convolution; 0: fully connected */
};

/* weight: [out, in, 3, 3] or [out, in] */
size_t fm_linear_weights(const struct fm_linear *linear);

/* What one image's output holds. */
size_t fm_linear_outputs(const struct fm_linear *linear);

/* How many floats of scratch the passes over n images need. */
size_t fm_linear_scratch(const struct fm_linear *linear, int n);

/* x: [n, in, side, side] or [n, in]; y: [n, out, side, side] or [n, out] */
void fm_linear_forward(const struct fm_linear *linear, int n, const float *weight, const float *x,
		       float *y, float *scratch);

void fm_linear_backward(const struct fm_linear *linear, int n, const float *weight, const float *x,
			const float *dy, float *dx, float *dweight, float *scratch);

#endif
