/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <syncbn/memory.h>
#include <syncbn/shard.h>

#include "base/fail.h"
#include "base/math.h"
#include "comm/group.h"
#include "perf_cache.h"
#include "perf_work.h"
#include "platform/cgroup.h"

enum {
	MAX_BUFFERS = 1024,
	MAX_SETTLING = 32, /* small tensors would settle for longer than they are measured */
	ALIGN = 128,
	CHANNEL_BYTES = 512 /* of a rank, as measured with a million channels */
};

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

static bool
is_output(enum perf_bn_tensor tensor)
{
	return tensor == PERF_BN_TY || tensor == PERF_BN_TDX || tensor == PERF_BN_TDZ;
}

/*
 * By rank 0's part, the largest, so that all ranks take as many turns. Outputs are never in the
 * cache: in a network, too, they go to memory that was used for something else.
 */
static void
choose_buffers(struct perf_bn_memory *memory, size_t n_ranks, const bool *places)
{
	size_t largest = sbn_ceil_div(memory->batch.n, n_ranks) * perf_bn_image(&memory->batch) *
			 perf_bn_dtype_bytes(memory->batch.dtype);
	const struct perf_cache cache = perf_last_cache();
	size_t inputs = (size_t)1 + (memory->batch.act == PERF_BN_ADD_RELU) +
			perf_bn_has_backward(memory->op);
	size_t n = sbn_ceil_div(PERF_CACHE_TIMES * cache.all, inputs * n_ranks * largest);
	size_t outputs = (size_t)perf_bn_has_forward(memory->op) +
			 (perf_bn_has_backward(memory->op) ? inputs - 1 : 0);

	memory->stride = sbn_align_up(largest, ALIGN);
	n = SBN_MIN(SBN_MAX(n, 2), (size_t)MAX_BUFFERS);
	memory->n_hot = SBN_MIN(perf_cache_hot(&cache, inputs * largest, outputs * largest, n_ranks,
					       &memory->fits),
				(size_t)MAX_BUFFERS);
	memory->n_outputs = places[PERF_BN_COLD] || places[PERF_BN_HOT] ? n : 1;
	memory->n_inputs = places[PERF_BN_HOT] ? memory->n_hot : 1;
	if (places[PERF_BN_COLD])
		memory->n_inputs = SBN_MAX(n, memory->n_inputs);
	memory->n_settling =
		SBN_MIN(sbn_ceil_div(cache.all, inputs * n_ranks * largest), (size_t)MAX_SETTLING);
}

size_t
perf_bn_inputs(const struct perf_bn_memory *memory, enum perf_bn_place place)
{
	return place == PERF_BN_HOT ? memory->n_hot : memory->n_inputs;
}

static size_t
buffers_of(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor)
{
	return is_output(tensor) ? memory->n_outputs : memory->n_inputs;
}

/* Of all tensors in all their buffers, of a rank. */
static size_t
bytes_of_all(const struct perf_bn_memory *memory)
{
	size_t buffers = 0;

	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++)
		if (uses(memory, (enum perf_bn_tensor)tensor))
			buffers += buffers_of(memory, (enum perf_bn_tensor)tensor);
	return buffers * memory->stride;
}

/*
 * Memory outlives the shapes: fresh pages would take longer to be made than the batch norms to be
 * measured.
 */
static struct {
	unsigned char *memory;
	size_t bytes;
} pool[PERF_BN_TENSORS];

static size_t
pool_bytes(void)
{
	size_t bytes = 0;

	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++)
		bytes += pool[tensor].bytes;
	return bytes;
}

/* NULL without memory. */
static unsigned char *
take_from_pool(enum perf_bn_tensor tensor, size_t bytes)
{
	if (pool[tensor].bytes < bytes) {
		syncbn_free(pool[tensor].memory);
		pool[tensor].memory = syncbn_alloc(bytes);
		pool[tensor].bytes = pool[tensor].memory != NULL ? bytes : 0;
	}
	return pool[tensor].memory;
}

/* Bytes of the machine that can be had without swapping; UINT64_MAX: not told. */
static uint64_t
free_of_machine(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	size_t kib = 0;

	while (file != NULL && kib == 0 && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %zu", &kib) != 1)
			kib = 0;
	if (file != NULL)
		fclose(file);
	return kib > 0 ? (uint64_t)kib * 1024 : UINT64_MAX;
}

/* What a container or a batch system leaves, if that is less. */
static uint64_t
free_memory(void)
{
	struct sbn_cgroup cgroup;
	uint64_t bytes = free_of_machine();

	return sbn_cgroup_find(&cgroup) ? SBN_MIN(bytes, sbn_cgroup_room(&cgroup)) : bytes;
}

/* Peers hold as many tensors; a channel's parameters, sums and slots are some more. */
static size_t
bytes_of_everybody(const struct perf_bn_memory *memory, const bool *peers)
{
	size_t bytes = bytes_of_all(memory);

	for (int peer = 0; peer < PERF_PEERS; peer++)
		bytes += peers[peer] ? bytes_of_all(memory) : 0;
	return bytes + CHANNEL_BYTES * memory->batch.channels;
}

/* Before anybody takes any: the system would kill somebody instead of refusing it. */
static syncbn_status_t
check_room(const struct perf_bn_memory *memory, const bool *peers, struct syncbn_group *group)
{
	size_t wanted = bytes_of_everybody(memory, peers) * group->size;
	uint64_t room[group->size];
	syncbn_status_t status;

	room[group->rank] = free_memory();
	if (room[group->rank] != UINT64_MAX)
		room[group->rank] += pool_bytes() * group->size;
	status = perf_gather(group, room, sizeof(room[0]));
	errno = 0; /* no call has failed */
	for (uint32_t rank = 0; rank < group->size && status == SYNCBN_OK; rank++)
		if (room[rank] < wanted)
			status = sbn_fail(SYNCBN_ERR_NO_MEMORY,
					  "this shape and its peers take %zu MiB, of which %zu "
					  "are free on this machine and within its cgroup's "
					  "limits; give a smaller one",
					  wanted >> 20, (size_t)(room[rank] >> 20));
	return status;
}

static void *
at_buffer(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor, struct perf_bn_turn turn)
{
	size_t buffer = is_output(tensor) ? turn.out : turn.in;

	return memory->tensor[tensor] == NULL ? NULL :
						memory->tensor[tensor] + buffer * memory->stride;
}

static void
fill(struct perf_bn_memory *memory, enum perf_bn_tensor tensor, enum perf_bn_operand operand)
{
	if (memory->tensor[tensor] == NULL)
		return;
	perf_bn_fill(&memory->batch, operand, memory->first, memory->count, memory->tensor[tensor]);
	for (size_t buffer = 1; buffer < memory->n_inputs; buffer++)
		memcpy(memory->tensor[tensor] + buffer * memory->stride, memory->tensor[tensor],
		       memory->bytes);
}

static syncbn_status_t
make_tensors(struct perf_bn_memory *memory)
{
	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++) {
		size_t bytes = buffers_of(memory, (enum perf_bn_tensor)tensor) * memory->stride;

		if (!uses(memory, (enum perf_bn_tensor)tensor))
			continue;
		memory->tensor[tensor] = take_from_pool((enum perf_bn_tensor)tensor, bytes);
		if (memory->tensor[tensor] == NULL)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes", bytes);
		memset(memory->tensor[tensor], 0, bytes); /* no page is made while it is timed */
	}
	fill(memory, PERF_BN_TX, PERF_BN_X);
	fill(memory, PERF_BN_TZ, PERF_BN_Z);
	fill(memory, PERF_BN_TDY, PERF_BN_DY);
	return SYNCBN_OK;
}

syncbn_status_t
perf_bn_memory_new(const struct perf_bn_options *options, struct syncbn_group *group,
		   const struct perf_bn_shape *shape, struct perf_bn_memory *memory)
{
	syncbn_status_t status;

	*memory = (struct perf_bn_memory){
		.shape = shape,
		.op = options->op,
		.batch = { .n = shape->size[0],
			   .channels = shape->size[1],
			   .spatial = perf_bn_shape_spatial(shape),
			   .dtype = options->dtype,
			   .layout = options->layout,
			   .act = options->act,
			   .numbers = options->numbers },
	};
	status = syncbn_shard(group, shape->size[0], &memory->first, &memory->count);
	memory->bytes =
		memory->count * perf_bn_image(&memory->batch) * perf_bn_dtype_bytes(options->dtype);
	choose_buffers(memory, group->size, options->places);
	if (status == SYNCBN_OK)
		status = check_room(memory, options->peers, group);
	return status == SYNCBN_OK ? make_tensors(memory) : status;
}

void
perf_bn_memory_free_pool(void)
{
	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++) {
		syncbn_free(pool[tensor].memory);
		pool[tensor].memory = NULL;
		pool[tensor].bytes = 0;
	}
}

syncbn_tensor_t
perf_bn_tensor(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor,
	       struct perf_bn_turn turn)
{
	const struct perf_bn_shape *shape = memory->shape;
	syncbn_tensor_t t = {
		.data = at_buffer(memory, tensor, turn),
		.dtype = memory->batch.dtype,
		.layout = memory->batch.layout,
		.ndim = shape->dims,
		.shape = { (int64_t)memory->count },
	};

	for (int i = 1; i < shape->dims; i++)
		t.shape[i] = (int64_t)shape->size[i];
	return t;
}

struct perf_bn_streams
perf_bn_forward_streams(const struct perf_bn_memory *memory, struct perf_bn_turn turn)
{
	return (struct perf_bn_streams){
		.in = { at_buffer(memory, PERF_BN_TX, turn), at_buffer(memory, PERF_BN_TZ, turn) },
		.out = { at_buffer(memory, PERF_BN_TY, turn) },
		.bytes = memory->bytes,
	};
}

struct perf_bn_streams
perf_bn_backward_streams(const struct perf_bn_memory *memory, struct perf_bn_turn turn)
{
	return (struct perf_bn_streams){
		.in = { at_buffer(memory, PERF_BN_TX, turn), at_buffer(memory, PERF_BN_TDY, turn),
			at_buffer(memory, PERF_BN_TZ, turn) },
		.out = { at_buffer(memory, PERF_BN_TDX, turn),
			 at_buffer(memory, PERF_BN_TDZ, turn) },
		.bytes = memory->bytes,
	};
}
