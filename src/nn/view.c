/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/view.h"

#include "base/dtype.h"
#include "base/math.h"

static const enum sbn_type types[] = {
	[SYNCBN_FLOAT32] = SBN_F32,
	[SYNCBN_FLOAT64] = SBN_F64,
	[SYNCBN_BFLOAT16] = SBN_BF16,
	[SYNCBN_FLOAT16] = SBN_F16,
};

static size_t
positions_of(const syncbn_tensor_t *tensor)
{
	size_t positions = 1;

	for (int i = 2; i < tensor->ndim; i++)
		positions *= (size_t)tensor->shape[i];
	return positions;
}

struct sbn_geometry
sbn_geometry_of(const syncbn_tensor_t *tensor)
{
	struct sbn_geometry g = {
		.n = (size_t)tensor->shape[0],
		.channels = (size_t)tensor->shape[1],
		.spatial = positions_of(tensor),
		.type = types[tensor->dtype],
		.element_bytes = sbn_dtype_bytes(tensor->dtype),
	};

	if (g.spatial == 0) /* no elements: the same as no images */
		g.n = 0;
	if (g.spatial == 1) {
		g.spatial = g.n;
		g.n = g.n != 0;
	}
	return g;
}

size_t
sbn_geometry_elements(const struct sbn_geometry *geometry)
{
	return geometry->n * geometry->channels * geometry->spatial;
}

static struct sbn_view
view_blocks(const syncbn_tensor_t *tensor, size_t width)
{
	size_t positions = positions_of(tensor);
	size_t image = sbn_ceil_div((size_t)tensor->shape[1], width) * positions * width;

	return (struct sbn_view){
		.data = tensor->data,
		.order = SBN_BLOCKS,
		.image = image,
		.position = positions == 1 ? image : width,
		.block = positions * width,
		.width = width,
	};
}

struct sbn_view
sbn_view_of(const syncbn_tensor_t *tensor)
{
	size_t positions, channels;
	bool rows;

	if (tensor == NULL)
		return (struct sbn_view){ 0 };
	if (tensor->layout == SYNCBN_BLOCKED_8 || tensor->layout == SYNCBN_BLOCKED_16)
		return view_blocks(tensor, tensor->layout == SYNCBN_BLOCKED_8 ? 8 : 16);
	positions = positions_of(tensor);
	channels = (size_t)tensor->shape[1];
	rows = tensor->layout == SYNCBN_CHANNELS_LAST || positions == 1;
	return (struct sbn_view){
		.data = tensor->data,
		.order = rows && channels != 1 ? SBN_ROWS : SBN_PLANES,
		.image = channels * positions,
		.position = channels,
	};
}
