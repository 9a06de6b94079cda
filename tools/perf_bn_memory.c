/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_memory.h"

#include <string.h>
#include <unistd.h>

#include <syncbn/memory.h>
#include <syncbn/shard.h>

#include "base/fail.h"
#include "base/math.h"

/*
 * Caches that do not replace the oldest line first still hold some of a set twice their size, so
 * the buffers take four times the last one.
 */
enum { COLD_TIMES = 4, MAX_BUFFERS = 1024, ALIGN = 128, USUAL_CACHE = 64 * 1024 * 1024 };

bool
perf_bn_has_forward(enum perf_bn_op op)
{
	return op != PERF_BN_BWD;
}

bool
perf_bn_has_backward(enum perf_bn_op op)
{
	return op == PERF_BN_BWD || op == PERF_BN_STEP;
}

static bool
uses(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor)
{
	bool has_residual = memory->batch.act == PERF_BN_ADD_RELU;

	switch (tensor) {
	case PERF_BN_TX:
		return true;
	case PERF_BN_TZ:
		return has_residual;
	case PERF_BN_TY:
		return perf_bn_has_forward(memory->op);
	case PERF_BN_TDZ:
		return perf_bn_has_backward(memory->op) && has_residual;
	default:
		return perf_bn_has_backward(memory->op);
	}
}

static size_t
last_cache(void)
{
	long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);

	bytes = bytes > 0 ? bytes : sysconf(_SC_LEVEL2_CACHE_SIZE);
	return bytes > 0 ? (size_t)bytes : USUAL_CACHE;
}

/* By rank 0's part, the largest, so that all ranks take as many turns. */
static void
choose_buffers(struct perf_bn_memory *memory, size_t n_ranks, bool cold)
{
	size_t largest = sbn_ceil_div(memory->batch.n, n_ranks) * perf_bn_image(&memory->batch) *
			 perf_bn_dtype_bytes(memory->batch.dtype);
	size_t n = sbn_ceil_div(COLD_TIMES * last_cache(), n_ranks * largest);
	size_t inputs = (size_t)1 + (memory->batch.act == PERF_BN_ADD_RELU) +
			perf_bn_has_backward(memory->op);

	memory->stride = sbn_align_up(largest, ALIGN);
	memory->n_buffers = cold ? SBN_MIN(SBN_MAX(n, 2), (size_t)MAX_BUFFERS) : 1;
	memory->fits = inputs * largest * n_ranks <= last_cache() / 4 * 3;
}

static void *
at_buffer(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor, size_t buffer)
{
	return memory->tensor[tensor] == NULL ? NULL :
						memory->tensor[tensor] + buffer * memory->stride;
}

static void
fill(struct perf_bn_memory *memory, enum perf_bn_tensor tensor, enum perf_bn_operand operand)
{
	if (memory->tensor[tensor] == NULL)
		return;
	perf_bn_fill(&memory->batch, operand, memory->first, memory->count, memory->tensor[tensor]);
	for (size_t buffer = 1; buffer < memory->n_buffers; buffer++)
		memcpy(at_buffer(memory, tensor, buffer), memory->tensor[tensor], memory->bytes);
}

static syncbn_status_t
make_tensors(struct perf_bn_memory *memory)
{
	size_t bytes = memory->n_buffers * memory->stride;

	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++) {
		if (!uses(memory, (enum perf_bn_tensor)tensor))
			continue;
		memory->tensor[tensor] = syncbn_alloc(bytes);
		if (memory->tensor[tensor] == NULL)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes for %zu buffers", bytes,
					memory->n_buffers);
		memset(memory->tensor[tensor], 0, bytes); /* no page is made while it is timed */
	}
	fill(memory, PERF_BN_TX, PERF_BN_X);
	fill(memory, PERF_BN_TZ, PERF_BN_Z);
	fill(memory, PERF_BN_TDY, PERF_BN_DY);
	return SYNCBN_OK;
}

syncbn_status_t
perf_bn_memory_new(const struct perf_bn_options *options, const syncbn_group_t *group,
		   const struct perf_bn_shape *shape, struct perf_bn_memory *memory)
{
	syncbn_status_t status;

	*memory = (struct perf_bn_memory){
		.shape = shape,
		.op = options->op,
		.batch = { .n = shape->n,
			   .channels = shape->channels,
			   .spatial = shape->height * shape->width,
			   .dtype = options->dtype,
			   .layout = options->layout,
			   .act = options->act,
			   .numbers = options->numbers },
	};
	status = syncbn_shard(group, shape->n, &memory->first, &memory->count);
	memory->bytes =
		memory->count * perf_bn_image(&memory->batch) * perf_bn_dtype_bytes(options->dtype);
	choose_buffers(memory, (size_t)syncbn_group_size(group), options->places[PERF_BN_COLD]);
	return status == SYNCBN_OK ? make_tensors(memory) : status;
}

void
perf_bn_memory_free(struct perf_bn_memory *memory)
{
	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++)
		syncbn_free(memory->tensor[tensor]);
}

syncbn_tensor_t
perf_bn_tensor(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor, size_t buffer)
{
	const struct perf_bn_shape *shape = memory->shape;

	return (syncbn_tensor_t){
		.data = at_buffer(memory, tensor, buffer),
		.dtype = memory->batch.dtype,
		.layout = memory->batch.layout,
		.ndim = shape->flat ? 2 : 4,
		.shape = { (int64_t)memory->count, (int64_t)shape->channels, (int64_t)shape->height,
			   (int64_t)shape->width },
	};
}

struct perf_bn_streams
perf_bn_forward_streams(const struct perf_bn_memory *memory, size_t buffer)
{
	return (struct perf_bn_streams){
		.in = { at_buffer(memory, PERF_BN_TX, buffer),
			at_buffer(memory, PERF_BN_TZ, buffer) },
		.out = { at_buffer(memory, PERF_BN_TY, buffer) },
		.bytes = memory->bytes,
	};
}

struct perf_bn_streams
perf_bn_backward_streams(const struct perf_bn_memory *memory, size_t buffer)
{
	return (struct perf_bn_streams){
		.in = { at_buffer(memory, PERF_BN_TX, buffer),
			at_buffer(memory, PERF_BN_TDY, buffer),
			at_buffer(memory, PERF_BN_TZ, buffer) },
		.out = { at_buffer(memory, PERF_BN_TDX, buffer),
			 at_buffer(memory, PERF_BN_TDZ, buffer) },
		.bytes = memory->bytes,
	};
}
