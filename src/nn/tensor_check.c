/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tensor_check.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "base/dtype.h"
#include "base/fail.h"
#include "nn/view.h"

static const char *
dtype_name(syncbn_dtype_t dtype)
{
	static const char *const names[] = {
		[SYNCBN_FLOAT32] = "float32",
		[SYNCBN_FLOAT64] = "float64",
		[SYNCBN_BFLOAT16] = "bfloat16",
		[SYNCBN_FLOAT16] = "float16",
	};

	return names[dtype];
}

static void
print_shape(const syncbn_tensor_t *tensor, char *text, size_t bytes)
{
	size_t used = 0;

	for (int i = 0; i < tensor->ndim && used < bytes; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%" PRId64,
					 i == 0 ? "" : ", ", tensor->shape[i]);
}

bool
sbn_tensor_is_empty(const syncbn_tensor_t *tensor)
{
	for (int i = 0; i < tensor->ndim; i++)
		if (tensor->shape[i] == 0)
			return true;
	return false;
}

/* No size below 0, none but the batch 0, and no product beyond the address space. */
static syncbn_status_t
check_sizes(const char *what, const syncbn_tensor_t *tensor)
{
	uint64_t elements = 16; /* what the padding of a blocked layout may multiply */

	for (int i = 0; i < tensor->ndim; i++) {
		uint64_t size = (uint64_t)tensor->shape[i];

		if (tensor->shape[i] < 0)
			return sbn_fail(SYNCBN_ERR_INVALID,
					"%s: shape[%d] is %" PRId64 ", not 0 or more", what, i,
					tensor->shape[i]);
		if (size == 0 && i == 1)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: no channels", what);
		/* an empty batch still has an extent that must make sense */
		if (size != 0 && __builtin_mul_overflow(elements, size, &elements))
			elements = UINT64_MAX;
		if (elements > PTRDIFF_MAX / sizeof(double))
			return sbn_fail(SYNCBN_ERR_INVALID,
					"%s: more elements than memory can hold", what);
	}
	return SYNCBN_OK;
}

syncbn_status_t
sbn_tensor_check_shape(const char *what, const syncbn_tensor_t *tensor)
{
	if ((int)tensor->dtype < SYNCBN_FLOAT32 || (int)tensor->dtype > SYNCBN_FLOAT16)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: unknown dtype %d; it is SYNCBN_FLOAT32, SYNCBN_FLOAT64, "
				"SYNCBN_BFLOAT16 or SYNCBN_FLOAT16",
				what, (int)tensor->dtype);
	if (tensor->ndim < 2 || tensor->ndim > SYNCBN_MAX_DIMS)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: %d dimensions; expected 2 (N, C) to %d",
				what, tensor->ndim, SYNCBN_MAX_DIMS);
	return check_sizes(what, tensor);
}

static syncbn_status_t
check_memory(const char *what, const syncbn_tensor_t *tensor)
{
	size_t bytes = sbn_dtype_bytes(tensor->dtype);

	if (tensor->data == NULL && !sbn_tensor_is_empty(tensor))
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: data is NULL but the tensor is not empty",
				what);
	if ((uintptr_t)tensor->data % bytes != 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: data is not aligned to its %zu-byte elements; malloc's and "
				"syncbn_alloc's memory is",
				what, bytes);
	return SYNCBN_OK;
}

static syncbn_status_t
check_fits_layer(const char *what, const syncbn_tensor_t *tensor,
		 const syncbn_batch_norm_config_t *config)
{
	bool wide = tensor->dtype == SYNCBN_FLOAT64;

	if (config->only_2d_4d && tensor->ndim != 2 && tensor->ndim != 4)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: %d dimensions; this layer takes 2 or 4, as mindspore.nn does",
				what, tensor->ndim);
	if (tensor->shape[1] != config->num_features)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: %" PRId64 " channels, the layer has %" PRId64
				", its num_features; a shape is in the order N, C, spatial in "
				"every layout",
				what, tensor->shape[1], config->num_features);
	if (wide != (config->dtype == SYNCBN_FLOAT64))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: %s in a layer whose dtype is %s; float64 goes with float64, "
				"the others with float32",
				what, dtype_name(tensor->dtype), dtype_name(config->dtype));
	return SYNCBN_OK;
}

syncbn_status_t
sbn_tensor_check(const char *what, const syncbn_tensor_t *tensor,
		 const syncbn_batch_norm_config_t *config)
{
	syncbn_status_t status;

	if ((int)tensor->layout < SYNCBN_CHANNELS_FIRST || (int)tensor->layout > SYNCBN_BLOCKED_16)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: unknown layout %d; it is SYNCBN_CHANNELS_FIRST, "
				"SYNCBN_CHANNELS_LAST, SYNCBN_BLOCKED_8 or SYNCBN_BLOCKED_16",
				what, (int)tensor->layout);
	if ((status = sbn_tensor_check_shape(what, tensor)) != SYNCBN_OK ||
	    (status = check_fits_layer(what, tensor, config)) != SYNCBN_OK)
		return status;
	return check_memory(what, tensor);
}

syncbn_status_t
sbn_tensor_check_like(const char *what_a, const syncbn_tensor_t *a, const char *what_b,
		      const syncbn_tensor_t *b)
{
	char shape_a[128], shape_b[128];
	bool same = a->ndim == b->ndim && a->dtype == b->dtype;

	for (int i = 0; same && i < a->ndim; i++)
		same = a->shape[i] == b->shape[i];
	if (same)
		return SYNCBN_OK;
	print_shape(a, shape_a, sizeof(shape_a));
	print_shape(b, shape_b, sizeof(shape_b));
	return sbn_fail(SYNCBN_ERR_INVALID, "%s is (%s) %s, %s is (%s) %s: they must be alike",
			what_a, shape_a, dtype_name(a->dtype), what_b, shape_b,
			dtype_name(b->dtype));
}

static size_t
bytes_of(const syncbn_tensor_t *tensor, const struct sbn_view *view)
{
	struct sbn_geometry g = sbn_geometry_of(tensor);
	/* one position an image: the images have become positions, of an image's size each */
	size_t images =
		view->order == SBN_BLOCKS && view->position == view->image ? g.spatial : g.n;

	if (view->order != SBN_BLOCKS)
		return sbn_geometry_elements(&g) * g.element_bytes;
	return images * view->image * g.element_bytes;
}

enum sbn_sharing
sbn_tensor_sharing(const syncbn_tensor_t *a, const syncbn_tensor_t *b)
{
	struct sbn_view view_a = sbn_view_of(a), view_b = sbn_view_of(b);
	uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;

	if (sbn_tensor_is_empty(a) || sbn_tensor_is_empty(b))
		return SBN_APART;
	if (at_a >= at_b + bytes_of(b, &view_b) || at_b >= at_a + bytes_of(a, &view_a))
		return SBN_APART;
	if (at_a == at_b && view_a.order == view_b.order && view_a.width == view_b.width)
		return SBN_SAME;
	return SBN_OVERLAP;
}
