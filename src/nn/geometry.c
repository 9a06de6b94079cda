/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/geometry.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fail.h"

struct sbn_geometry
sbn_geometry_of(const syncbn_tensor_t *tensor)
{
	struct sbn_geometry g = {
		.n = (size_t)tensor->shape[0],
		.channels = (size_t)tensor->shape[1],
		.spatial = 1,
	};

	for (int i = 2; i < tensor->ndim; i++)
		g.spatial *= (size_t)tensor->shape[i];
	if (g.spatial == 0) /* no elements: the same as no images */
		g.n = 0;
	if (tensor->layout == SYNCBN_CHANNELS_LAST || g.spatial == 1) {
		g.n *= g.spatial;
		g.spatial = 1;
		g.rows = true;
	}
	return g;
}

size_t
sbn_geometry_elements(const struct sbn_geometry *geometry)
{
	return geometry->n * geometry->channels * geometry->spatial;
}

static void
print_shape(const syncbn_tensor_t *tensor, char *text, size_t bytes)
{
	size_t used = 0;

	for (int i = 0; i < tensor->ndim && used < bytes; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%" PRId64,
					 i == 0 ? "" : ", ", tensor->shape[i]);
}

/* No size below 0, none but the batch 0, and no product beyond the address space. */
static syncbn_status_t
check_shape(const char *what, const syncbn_tensor_t *tensor)
{
	uint64_t elements = 1;

	for (int i = 0; i < tensor->ndim; i++) {
		uint64_t size = (uint64_t)tensor->shape[i];

		if (tensor->shape[i] < 0)
			return sbn_fail(SYNCBN_ERR_INVALID,
					"%s: shape[%d] is %" PRId64 ", not below 0", what, i,
					tensor->shape[i]);
		if (size == 0 && i == 1)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: no channels", what);
		/* an empty batch still has an extent that must make sense */
		if (size != 0 && __builtin_mul_overflow(elements, size, &elements))
			elements = UINT64_MAX;
		if (elements > PTRDIFF_MAX / sizeof(float))
			return sbn_fail(SYNCBN_ERR_INVALID,
					"%s: more elements than memory can hold", what);
	}
	return SYNCBN_OK;
}

bool
sbn_tensor_is_empty(const syncbn_tensor_t *tensor)
{
	for (int i = 0; i < tensor->ndim; i++)
		if (tensor->shape[i] == 0)
			return true;
	return false;
}

static syncbn_status_t
check_kind(const char *what, const syncbn_tensor_t *tensor)
{
	if (tensor->dtype == SYNCBN_FLOAT64)
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"%s: float64 layers are not supported; use float32", what);
	if (tensor->dtype != SYNCBN_FLOAT32)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: unknown dtype %d", what,
				(int)tensor->dtype);
	if (tensor->layout != SYNCBN_CHANNELS_FIRST && tensor->layout != SYNCBN_CHANNELS_LAST)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: unknown layout %d; it is SYNCBN_CHANNELS_FIRST or "
				"SYNCBN_CHANNELS_LAST",
				what, (int)tensor->layout);
	if (tensor->ndim < 2 || tensor->ndim > SYNCBN_MAX_DIMS)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: %d dimensions; expected 2 (N, C) to %d",
				what, tensor->ndim, SYNCBN_MAX_DIMS);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_tensor_check(const char *what, const syncbn_tensor_t *tensor, int64_t channels, bool only_2d_4d)
{
	syncbn_status_t status = check_kind(what, tensor);

	if (status == SYNCBN_OK)
		status = check_shape(what, tensor);
	if (status != SYNCBN_OK)
		return status;
	if (only_2d_4d && tensor->ndim != 2 && tensor->ndim != 4)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: %d dimensions; this layer takes 2 or 4, as mindspore.nn does",
				what, tensor->ndim);
	if (tensor->shape[1] != channels)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: %" PRId64 " channels, the layer has %" PRId64, what,
				tensor->shape[1], channels);
	if (tensor->data == NULL && !sbn_tensor_is_empty(tensor))
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: data is NULL but the tensor is not empty",
				what);
	if ((uintptr_t)tensor->data % sizeof(float) != 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: data is not aligned to its 4-byte elements", what);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_tensor_check_like(const char *what_a, const syncbn_tensor_t *a, const char *what_b,
		      const syncbn_tensor_t *b)
{
	char shape_a[128], shape_b[128];
	bool same = a->ndim == b->ndim && a->layout == b->layout;

	for (int i = 0; same && i < a->ndim; i++)
		same = a->shape[i] == b->shape[i];
	if (same)
		return SYNCBN_OK;
	print_shape(a, shape_a, sizeof(shape_a));
	print_shape(b, shape_b, sizeof(shape_b));
	return sbn_fail(SYNCBN_ERR_INVALID, "%s is (%s)%s, %s is (%s)%s: they must be alike",
			what_a, shape_a, a->layout == SYNCBN_CHANNELS_LAST ? " channels last" : "",
			what_b, shape_b, b->layout == SYNCBN_CHANNELS_LAST ? " channels last" : "");
}

bool
sbn_tensor_overlaps(const syncbn_tensor_t *a, const syncbn_tensor_t *b)
{
	struct sbn_geometry g = sbn_geometry_of(a);
	size_t bytes = sbn_geometry_elements(&g) * sizeof(float);
	uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;

	return at_a != at_b && at_a < at_b + bytes && at_b < at_a + bytes;
}
