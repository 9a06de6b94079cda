/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "base/math.h"
#include "perf_bn_oracle.h"
#include "perf_work.h"

/*
 * Caches that do not replace the oldest line first still hold some of a set twice their size, so
 * the buffers take four times the last one.
 */
enum { COLD_TIMES = 4, MAX_BUFFERS = 1024, ALIGN = 128, USUAL_CACHE = 64 * 1024 * 1024 };

static bool
has_forward(const struct perf_bn_work *work)
{
	return work->options->op != PERF_BN_BWD;
}

static bool
has_backward(const struct perf_bn_work *work)
{
	return work->options->op == PERF_BN_BWD || work->options->op == PERF_BN_STEP;
}

static bool
has_residual(const struct perf_bn_work *work)
{
	return work->options->act == PERF_BN_ADD_RELU;
}

/* ---- memory ---- */

static bool
uses(const struct perf_bn_work *work, enum perf_bn_tensor tensor)
{
	switch (tensor) {
	case PERF_BN_TX:
		return true;
	case PERF_BN_TZ:
		return has_residual(work);
	case PERF_BN_TY:
		return has_forward(work);
	case PERF_BN_TDZ:
		return has_backward(work) && has_residual(work);
	default:
		return has_backward(work);
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
choose_buffers(struct perf_bn_work *work)
{
	size_t ranks = work->group->size;
	size_t largest = sbn_ceil_div(work->batch.n, ranks) * perf_bn_image(&work->batch) *
			 perf_bn_dtype_bytes(work->batch.dtype);
	size_t n = sbn_ceil_div(COLD_TIMES * last_cache(), ranks * SBN_MAX(largest, 1));
	size_t inputs = 1 + has_residual(work) + has_backward(work);

	work->stride = sbn_align_up(largest, ALIGN);
	work->n_buffers = work->options->places[PERF_BN_COLD] ?
				  SBN_MIN(SBN_MAX(n, 2), (size_t)MAX_BUFFERS) :
				  1;
	work->fits = inputs * largest * ranks <= last_cache() / 4 * 3;
}

static void *
at_buffer(const struct perf_bn_work *work, enum perf_bn_tensor tensor, size_t buffer)
{
	return work->memory[tensor] == NULL ? NULL : work->memory[tensor] + buffer * work->stride;
}

static void
fill(struct perf_bn_work *work, enum perf_bn_tensor tensor, enum perf_bn_operand operand)
{
	if (work->memory[tensor] == NULL)
		return;
	perf_bn_fill(&work->batch, operand, work->first, work->count, work->memory[tensor]);
	for (size_t buffer = 1; buffer < work->n_buffers; buffer++)
		memcpy(at_buffer(work, tensor, buffer), work->memory[tensor], work->bytes);
}

static syncbn_status_t
make_memory(struct perf_bn_work *work)
{
	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++) {
		size_t bytes = work->n_buffers * work->stride;

		if (!uses(work, (enum perf_bn_tensor)tensor))
			continue;
		work->memory[tensor] = syncbn_alloc(bytes);
		if (work->memory[tensor] == NULL)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes for %zu buffers", bytes,
					work->n_buffers);
		memset(work->memory[tensor], 0, bytes); /* no page is made while it is timed */
	}
	fill(work, PERF_BN_TX, PERF_BN_X);
	fill(work, PERF_BN_TZ, PERF_BN_Z);
	fill(work, PERF_BN_TDY, PERF_BN_DY);
	return SYNCBN_OK;
}

static syncbn_tensor_t
tensor_at(const struct perf_bn_work *work, enum perf_bn_tensor tensor, size_t buffer)
{
	const struct perf_bn_shape *shape = work->shape;

	return (syncbn_tensor_t){
		.data = at_buffer(work, tensor, buffer),
		.dtype = work->batch.dtype,
		.layout = work->batch.layout,
		.ndim = shape->flat ? 2 : 4,
		.shape = { (int64_t)work->count, (int64_t)shape->channels, (int64_t)shape->height,
			   (int64_t)shape->width },
	};
}

/* ---- calls ---- */

/* Into dx where there is no y: the backward pass overwrites it. */
static syncbn_status_t
forward(struct perf_bn_work *work, const struct perf_bn_layer *layer, size_t buffer)
{
	syncbn_tensor_t x = tensor_at(work, PERF_BN_TX, buffer);
	syncbn_tensor_t z = tensor_at(work, PERF_BN_TZ, buffer);
	syncbn_tensor_t y = tensor_at(work, has_forward(work) ? PERF_BN_TY : PERF_BN_TDX, buffer);
	syncbn_saved_t *saved = layer->saved != NULL ? layer->saved[buffer] : NULL;

	return syncbn_batch_norm_forward(layer->bn, &x, has_residual(work) ? &z : NULL, &y, saved);
}

static syncbn_status_t
backward(struct perf_bn_work *work, const struct perf_bn_layer *layer, size_t buffer)
{
	syncbn_tensor_t dy = tensor_at(work, PERF_BN_TDY, buffer);
	syncbn_tensor_t dx = tensor_at(work, PERF_BN_TDX, buffer);
	syncbn_tensor_t dz = tensor_at(work, PERF_BN_TDZ, buffer);

	return syncbn_batch_norm_backward(layer->bn, layer->saved[buffer], &dy, &dx,
					  has_residual(work) ? &dz : NULL, SYNCBN_WANT_ALL);
}

/* Of a step's backward: a buffer whose forward was long ago, as in training, if there are more. */
static size_t
other_buffer(const struct perf_bn_work *work, size_t buffer)
{
	return (buffer + work->n_buffers / 2) % work->n_buffers;
}

static syncbn_status_t
call_layer(struct perf_bn_work *work, const struct perf_bn_layer *layer, size_t buffer,
	   bool is_cold)
{
	size_t back =
		work->options->op == PERF_BN_STEP && is_cold ? other_buffer(work, buffer) : buffer;
	syncbn_status_t status = SYNCBN_OK;

	if (has_forward(work))
		status = forward(work, layer, buffer);
	if (status == SYNCBN_OK && has_backward(work))
		status = backward(work, layer, back);
	return status;
}

static struct perf_bn_streams
forward_streams(const struct perf_bn_work *work, size_t buffer)
{
	return (struct perf_bn_streams){
		.in = { at_buffer(work, PERF_BN_TX, buffer), at_buffer(work, PERF_BN_TZ, buffer) },
		.out = { at_buffer(work, PERF_BN_TY, buffer) },
		.bytes = work->bytes,
	};
}

static struct perf_bn_streams
backward_streams(const struct perf_bn_work *work, size_t buffer)
{
	return (struct perf_bn_streams){
		.in = { at_buffer(work, PERF_BN_TX, buffer), at_buffer(work, PERF_BN_TDY, buffer),
			at_buffer(work, PERF_BN_TZ, buffer) },
		.out = { at_buffer(work, PERF_BN_TDX, buffer),
			 at_buffer(work, PERF_BN_TDZ, buffer) },
		.bytes = work->bytes,
	};
}

static void
call_floor(const struct perf_bn_streams *streams, bool reads_first)
{
	if (reads_first)
		perf_bn_floor_read(streams);
	perf_bn_floor_copy(streams);
}

syncbn_status_t
perf_bn_work_call(struct perf_bn_work *work, enum perf_bn_variant variant, size_t buffer,
		  enum perf_bn_place place)
{
	bool is_cold = place == PERF_BN_COLD, reads_first = variant == PERF_BN_READ_COPY;
	size_t back = has_forward(work) && is_cold ? other_buffer(work, buffer) : buffer;
	struct perf_bn_streams streams;

	if (variant == PERF_BN_OURS)
		return call_layer(work, &work->ours, buffer, is_cold);
	if (variant == PERF_BN_ALONE)
		return call_layer(work, &work->alone, buffer, is_cold);
	if (has_forward(work)) {
		streams = forward_streams(work, buffer);
		call_floor(&streams, reads_first && work->options->op != PERF_BN_EVAL);
	}
	if (has_backward(work)) {
		streams = backward_streams(work, back);
		call_floor(&streams, reads_first);
	}
	return SYNCBN_OK;
}

size_t
perf_bn_work_turn(struct perf_bn_work *work, enum perf_bn_place place)
{
	return place == PERF_BN_HOT ? 0 : work->turn++ % work->n_buffers;
}

size_t
perf_bn_work_moved(const struct perf_bn_work *work)
{
	struct perf_bn_streams there = forward_streams(work, 0), back = backward_streams(work, 0);

	return (has_forward(work) ? perf_bn_floor_bytes(&there) : 0) +
	       (has_backward(work) ? perf_bn_floor_bytes(&back) : 0);
}

/* ---- layers ---- */

static void
set_parameters(struct perf_bn_work *work, struct perf_bn_layer *layer)
{
	syncbn_dtype_t dtype =
		work->batch.dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;

	for (size_t c = 0; c < work->batch.channels; c++) {
		perf_bn_set_element(dtype, syncbn_batch_norm_param(layer->bn, SYNCBN_GAMMA), c,
				    perf_bn_gamma(c));
		perf_bn_set_element(dtype, syncbn_batch_norm_param(layer->bn, SYNCBN_BETA), c,
				    perf_bn_beta(c));
	}
}

/* What a backward pass of every buffer needs. */
static syncbn_status_t
make_saved(struct perf_bn_work *work, struct perf_bn_layer *layer)
{
	syncbn_status_t status = SYNCBN_OK;

	layer->saved = calloc(work->n_buffers, sizeof(syncbn_saved_t *));
	if (layer->saved == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu saved objects", work->n_buffers);
	for (size_t i = 0; i < work->n_buffers && status == SYNCBN_OK; i++)
		status = syncbn_saved_new(layer->bn, &layer->saved[i]);
	for (size_t i = 0; i < work->n_buffers && status == SYNCBN_OK && has_backward(work); i++)
		status = forward(work, layer, i);
	return status;
}

static syncbn_status_t
make_layer(struct perf_bn_work *work, syncbn_group_t *group, struct perf_bn_layer *layer)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH((int64_t)work->shape->channels);
	syncbn_status_t status;

	config.eps = PERF_BN_EPS;
	config.training = work->options->op != PERF_BN_EVAL;
	config.dtype = work->batch.dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;
	config.negative_slope = PERF_BN_SLOPE;
	config.activation = work->options->act == PERF_BN_NONE ? SYNCBN_ACTIVATION_NONE :
			    work->options->act == PERF_BN_LEAKY_RELU ?
								 SYNCBN_ACTIVATION_LEAKY_RELU :
								 SYNCBN_ACTIVATION_RELU;
	status = syncbn_batch_norm_new(group, &config, &layer->bn);
	if (status != SYNCBN_OK)
		return status;
	set_parameters(work, layer);
	return config.training ? make_saved(work, layer) : SYNCBN_OK;
}

static void
free_layer(struct perf_bn_work *work, struct perf_bn_layer *layer)
{
	for (size_t i = 0; layer->saved != NULL && i < work->n_buffers; i++)
		syncbn_saved_free(layer->saved[i]);
	free(layer->saved);
	syncbn_batch_norm_free(layer->bn);
}

/* Statistics of one value are an error, of none are no statistics. */
static bool
can_be_alone(const struct perf_bn_work *work)
{
	size_t ranks = work->group->size;

	return ranks > 1 && work->options->op != PERF_BN_EVAL && work->batch.n >= ranks &&
	       work->batch.n / ranks * work->batch.spatial > 1;
}

syncbn_status_t
perf_bn_work_new(const struct perf_bn_options *options, struct syncbn_group *group,
		 syncbn_group_t *alone, const struct perf_bn_shape *shape,
		 struct perf_bn_work *work)
{
	syncbn_status_t status;

	*work = (struct perf_bn_work){ .options = options, .group = group, .shape = shape };
	work->batch = (struct perf_bn_batch){
		.n = shape->n,
		.channels = shape->channels,
		.spatial = shape->height * shape->width,
		.dtype = options->dtype,
		.layout = options->layout,
		.act = options->act,
	};
	status = syncbn_shard(group, shape->n, &work->first, &work->count);
	work->bytes =
		work->count * perf_bn_image(&work->batch) * perf_bn_dtype_bytes(options->dtype);
	choose_buffers(work);
	if (status == SYNCBN_OK)
		status = make_memory(work);
	if (status == SYNCBN_OK)
		status = make_layer(work, group, &work->ours);
	if (status == SYNCBN_OK && can_be_alone(work))
		status = make_layer(work, alone, &work->alone);
	return status;
}

void
perf_bn_work_free(struct perf_bn_work *work)
{
	free_layer(work, &work->ours);
	free_layer(work, &work->alone);
	for (int tensor = 0; tensor < PERF_BN_TENSORS; tensor++)
		syncbn_free(work->memory[tensor]);
}

bool
perf_bn_work_has(const struct perf_bn_work *work, enum perf_bn_variant variant)
{
	bool rows = work->options->layout != SYNCBN_CHANNELS_FIRST || work->batch.spatial == 1;

	if (variant == PERF_BN_ALONE)
		return work->alone.bn != NULL;
	return variant != PERF_BN_READ_COPY || (rows && work->options->op != PERF_BN_EVAL);
}

/* ---- check ---- */

static uint64_t
judge(struct perf_bn_work *work, struct perf_bn_oracle *oracle)
{
	struct perf_bn_results results = {
		.first = work->first,
		.count = work->count,
		.y = has_forward(work) ? work->memory[PERF_BN_TY] : NULL,
		.dx = work->memory[PERF_BN_TDX],
		.dz = work->memory[PERF_BN_TDZ],
	};

	if (work->options->op == PERF_BN_EVAL)
		perf_bn_oracle_eval(oracle);
	if (has_backward(work)) {
		results.dgamma = syncbn_batch_norm_param(work->ours.bn, SYNCBN_DGAMMA);
		results.dbeta = syncbn_batch_norm_param(work->ours.bn, SYNCBN_DBETA);
	}
	return perf_bn_wrong(oracle, &results);
}

syncbn_status_t
perf_bn_work_check(struct perf_bn_work *work, uint64_t *wrong)
{
	uint64_t wrongs[work->group->size];
	struct perf_bn_oracle oracle;
	syncbn_status_t status;

	if (perf_bn_oracle_make(&work->batch, 0, work->batch.n, &oracle) != 0)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the oracle of %zu channels",
				work->batch.channels);
	status = perf_bn_work_call(work, PERF_BN_OURS, 0, PERF_BN_HOT);
	if (status == SYNCBN_OK) {
		wrongs[work->group->rank] = judge(work, &oracle);
		status = perf_gather(work->group, wrongs, sizeof(wrongs[0]));
	}
	perf_bn_oracle_free(&oracle);
	*wrong = 0;
	for (uint32_t rank = 0; rank < work->group->size && status == SYNCBN_OK; rank++)
		*wrong += wrongs[rank];
	return status;
}
