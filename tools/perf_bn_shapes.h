/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of batch norms: as words, and as sets of the layers of real networks. */
#ifndef SYNCBN_PERF_BN_SHAPES_H
#define SYNCBN_PERF_BN_SHAPES_H

#include <stddef.h>

#include <syncbn/status.h>

enum { PERF_BN_MAX_SHAPES = 128, PERF_BN_SHAPE_BYTES = 64 };

struct perf_bn_shape {
	size_t n, channels, height, width; /* N x C is height 1, width 1, flat */
	int flat;                          /* two dimensions */
};

struct perf_bn_shapes {
	struct perf_bn_shape shape[PERF_BN_MAX_SHAPES];
	size_t n;
};

static inline size_t
perf_bn_shape_elements(const struct perf_bn_shape *shape)
{
	return shape->n * shape->channels * shape->height * shape->width;
}

/* Adds "32x64x56x56,4096x1024,...". INVALID: the detail says which word is wrong. */
syncbn_status_t perf_bn_shapes_parse(const char *name, const char *text,
				     struct perf_bn_shapes *shapes);

/*
 * Adds the shapes of a network's batch norms, each once (of DenseNet's many widths some). INVALID
 * lists the networks.
 */
syncbn_status_t perf_bn_shapes_named(const char *name, const char *text,
				     struct perf_bn_shapes *shapes);

/* "32x64x56x56". text: [PERF_BN_SHAPE_BYTES] */
void perf_bn_shape_print(const struct perf_bn_shape *shape, char *text);

#endif
