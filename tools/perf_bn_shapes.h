/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of batch norms: as words, and as sets of the layers of real networks. */
#ifndef SYNCBN_PERF_BN_SHAPES_H
#define SYNCBN_PERF_BN_SHAPES_H

#include <stddef.h>

#include <syncbn/status.h>
#include <syncbn/tensor.h>

enum { PERF_BN_MAX_SHAPES = 128, PERF_BN_SHAPE_BYTES = 64 };

/* size: N, C and up to three of space, as in a tensor's shape; 1 from `dims` on. */
struct perf_bn_shape {
	size_t size[SYNCBN_MAX_DIMS];
	int dims;
};

struct perf_bn_shapes {
	struct perf_bn_shape shape[PERF_BN_MAX_SHAPES];
	size_t n;
};

static inline size_t
perf_bn_shape_spatial(const struct perf_bn_shape *shape)
{
	return shape->size[2] * shape->size[3] * shape->size[4];
}

/* A channel's. */
static inline size_t
perf_bn_shape_samples(const struct perf_bn_shape *shape)
{
	return shape->size[0] * perf_bn_shape_spatial(shape);
}

/* Adds "32x64x56x56,4096x1024,8x32x1000,2x32x16x64x64". INVALID: the detail names the word. */
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
