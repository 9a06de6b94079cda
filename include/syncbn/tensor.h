/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_TENSOR_H
#define SYNCBN_TENSOR_H

#include <stdint.h>

#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCBN_MAX_DIMS 5

typedef enum syncbn_dtype {
	SYNCBN_FLOAT32 = 1,
	SYNCBN_FLOAT64 = 2,
	SYNCBN_BFLOAT16 = 3, /* the upper half of a float32; rounded to nearest even */
	SYNCBN_FLOAT16 = 4   /* IEEE 754 binary16; rounded to nearest even */
} syncbn_dtype_t;

/*
 * How the elements lie in memory. A tensor is dense: no gaps between rows.
 *
 * CHANNELS_FIRST	N, C, spatial (NCHW; also N, C)
 * CHANNELS_LAST	N, spatial, C (NHWC)
 * BLOCKED_8, _16	N, ceil(C / 8), spatial, 8: oneDNN's nChw8c; and nChw16c. The channels
 *			between C and the next multiple are padding: never read, zeros when written
 */
typedef enum syncbn_layout {
	SYNCBN_CHANNELS_FIRST = 1,
	SYNCBN_CHANNELS_LAST = 2,
	SYNCBN_BLOCKED_8 = 3,
	SYNCBN_BLOCKED_16 = 4
} syncbn_layout_t;

/*
 * Activations in the caller's memory. shape is always in the order N, C, spatial..., whatever the
 * layout; data is aligned to its elements. N may be 0 (an empty local batch; data may then be
 * NULL).
 */
typedef struct syncbn_tensor {
	void *data;
	syncbn_dtype_t dtype;
	syncbn_layout_t layout;
	int ndim; /* 2 (N, C) to 5 (N, C, D, H, W) */
	int64_t shape[SYNCBN_MAX_DIMS];
} syncbn_tensor_t;

/*
 * The tensor behind strides, as frameworks have them: strides[i] elements from index to index of
 * dimension i, in the order N, C, spatial.... It is CHANNELS_FIRST or CHANNELS_LAST (torch's
 * contiguous, channels_last and channels_last_3d); strides of dimensions of size 1, and all
 * strides of an empty tensor, do not matter. Local.
 *
 * INVALID: NULL, ndim or a size out of range. UNSUPPORTED: any other strides.
 */
syncbn_status_t syncbn_tensor_from_strides(void *data, syncbn_dtype_t dtype, int ndim,
					   const int64_t *shape, const int64_t *strides,
					   syncbn_tensor_t *tensor);

/*
 * Short for the usual ones, of float32. Of other types and layouts one sets the fields:
 *
 *	syncbn_tensor_t t = { data, SYNCBN_BFLOAT16, SYNCBN_CHANNELS_LAST, 4, { n, c, h, w } };
 *
 * where 16-bit elements are their bits, uint16_t, and converting is the caller's.
 */

/* float32 [n, c] */
static inline syncbn_tensor_t
syncbn_tensor_nc(float *data, int64_t n, int64_t c)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_FIRST, 2, { n, c, 0, 0, 0 } };

	return t;
}

/* float32 [n, c, l], channels first */
static inline syncbn_tensor_t
syncbn_tensor_ncl(float *data, int64_t n, int64_t c, int64_t l)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_FIRST, 3, { n, c, l, 0, 0 } };

	return t;
}

/* float32 [n, c, h, w], channels first */
static inline syncbn_tensor_t
syncbn_tensor_nchw(float *data, int64_t n, int64_t c, int64_t h, int64_t w)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_FIRST, 4, { n, c, h, w, 0 } };

	return t;
}

/* float32 [n, c, h, w] that lies as n, h, w, c: channels last */
static inline syncbn_tensor_t
syncbn_tensor_nhwc(float *data, int64_t n, int64_t c, int64_t h, int64_t w)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_LAST, 4, { n, c, h, w, 0 } };

	return t;
}

/* float32 [n, c, d, h, w], channels first */
static inline syncbn_tensor_t
syncbn_tensor_ncdhw(float *data, int64_t n, int64_t c, int64_t d, int64_t h, int64_t w)
{
	syncbn_tensor_t t = { data, SYNCBN_FLOAT32, SYNCBN_CHANNELS_FIRST, 5, { n, c, d, h, w } };

	return t;
}

#ifdef __cplusplus
}
#endif
#endif
