/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_TENSOR_H
#define SYNCBN_TENSOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCBN_MAX_DIMS 5

typedef enum syncbn_dtype {
	SYNCBN_FLOAT32 = 1,
	SYNCBN_FLOAT64 = 2 /* in collectives; not yet in layers */
} syncbn_dtype_t;

/*
 * How the elements lie in memory. A tensor is dense: no gaps between rows.
 * CHANNELS_FIRST: N, C, spatial (NCHW; also N, C). CHANNELS_LAST: N, spatial, C (NHWC).
 */
typedef enum syncbn_layout { SYNCBN_CHANNELS_FIRST = 1, SYNCBN_CHANNELS_LAST = 2 } syncbn_layout_t;

/*
 * Activations in the caller's memory. shape is always in the order N, C, spatial..., whatever the
 * layout. N may be 0 (an empty local batch; data may then be NULL).
 */
typedef struct syncbn_tensor {
	void *data;
	syncbn_dtype_t dtype;
	syncbn_layout_t layout;
	int ndim;
	int64_t shape[SYNCBN_MAX_DIMS];
} syncbn_tensor_t;

/* float32 [n, c] */
static inline syncbn_tensor_t
syncbn_tensor_nc(float *data, int64_t n, int64_t c)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_FIRST, 2, { n, c, 0, 0, 0 } };

	return t;
}

/* float32 [n, c, h, w], channels first */
static inline syncbn_tensor_t
syncbn_tensor_nchw(float *data, int64_t n, int64_t c, int64_t h, int64_t w)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_FIRST, 4, { n, c, h, w, 0 } };

	return t;
}

#ifdef __cplusplus
}
#endif
#endif
