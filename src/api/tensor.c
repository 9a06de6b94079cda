/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/tensor.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/check.h"
#include "nn/tensor_check.h"

/*
 * Whether the strides are those of a dense tensor whose dimensions lie in this order, outermost
 * first; a dimension of size 1 has no stride of its own.
 */
static bool
is_dense(const syncbn_tensor_t *tensor, const int64_t *strides, const int *order)
{
	int64_t expected = 1;

	for (int i = tensor->ndim - 1; i >= 0; i--) {
		int64_t size = tensor->shape[order[i]];

		if (size != 1 && strides[order[i]] != expected)
			return false;
		expected *= size;
	}
	return true;
}

static syncbn_status_t
refuse(const syncbn_tensor_t *tensor, const int64_t *strides)
{
	char text[128];
	size_t used = 0;

	for (int i = 0; i < tensor->ndim && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId64,
					 i == 0 ? "" : ", ", strides[i]);
	return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
			"strides (%s) are neither those of a dense channels-first nor of a dense "
			"channels-last tensor: make it contiguous",
			text);
}

static syncbn_status_t
choose_layout(syncbn_tensor_t *tensor, const int64_t *strides)
{
	int first[SYNCBN_MAX_DIMS], last[SYNCBN_MAX_DIMS];

	for (int i = 0; i < tensor->ndim; i++) {
		first[i] = i;
		last[i] = i == 0 ? 0 : i == tensor->ndim - 1 ? 1 : i + 1;
	}
	if (sbn_tensor_is_empty(tensor) || is_dense(tensor, strides, first))
		tensor->layout = SYNCBN_CHANNELS_FIRST;
	else if (is_dense(tensor, strides, last))
		tensor->layout = SYNCBN_CHANNELS_LAST;
	else
		return refuse(tensor, strides);
	return SYNCBN_OK;
}

static syncbn_status_t
from_strides(syncbn_tensor_t *tensor, const int64_t *shape, const int64_t *strides)
{
	syncbn_status_t status;

	for (int i = 0; i < tensor->ndim && i < SYNCBN_MAX_DIMS; i++)
		tensor->shape[i] = shape[i];
	status = sbn_tensor_check_shape("shape", tensor);
	return status == SYNCBN_OK ? choose_layout(tensor, strides) : status;
}

syncbn_status_t
syncbn_tensor_from_strides(void *data, syncbn_dtype_t dtype, int ndim, const int64_t *shape,
			   const int64_t *strides, syncbn_tensor_t *tensor)
{
	static const char here[] = "syncbn_tensor_from_strides";
	syncbn_tensor_t made = { .data = data, .dtype = dtype, .ndim = ndim };
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "shape", shape)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "strides", strides)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "tensor", tensor)) != SYNCBN_OK)
		return status;
	status = from_strides(&made, shape, strides);
	if (status == SYNCBN_OK)
		*tensor = made;
	return sbn_named(here, status);
}
