/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_work.h"

#include <stdlib.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "perf_bn_apart.h"
#include "perf_bn_oracle.h"
#include "perf_work.h"

static bool
has_forward(const struct perf_bn_work *work)
{
	return perf_bn_has_forward(work->options->op);
}

static bool
has_backward(const struct perf_bn_work *work)
{
	return perf_bn_has_backward(work->options->op);
}

static bool
has_residual(const struct perf_bn_work *work)
{
	return work->options->act == PERF_BN_ADD_RELU;
}

/* The type of parameters and statistics. */
static syncbn_dtype_t
layer_dtype(const struct perf_bn_work *work)
{
	return work->options->dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;
}

/* ---- calls ---- */

/* Into dx where there is no y: the backward pass overwrites it. */
static syncbn_status_t
forward(struct perf_bn_work *work, const struct perf_bn_layer *layer, size_t buffer)
{
	syncbn_tensor_t x = perf_bn_tensor(&work->memory, PERF_BN_TX, buffer);
	syncbn_tensor_t z = perf_bn_tensor(&work->memory, PERF_BN_TZ, buffer);
	syncbn_tensor_t y =
		perf_bn_tensor(&work->memory, has_forward(work) ? PERF_BN_TY : PERF_BN_TDX, buffer);
	syncbn_saved_t *saved = layer->saved != NULL ? layer->saved[buffer] : NULL;
	bool adds = has_residual(work) && layer != &work->apart;

	return syncbn_batch_norm_forward(layer->bn, &x, adds ? &z : NULL, &y, saved);
}

static syncbn_status_t
backward(struct perf_bn_work *work, const struct perf_bn_layer *layer, size_t buffer)
{
	syncbn_tensor_t dy = perf_bn_tensor(&work->memory, PERF_BN_TDY, buffer);
	syncbn_tensor_t dx = perf_bn_tensor(&work->memory, PERF_BN_TDX, buffer);
	syncbn_tensor_t dz = perf_bn_tensor(&work->memory, PERF_BN_TDZ, buffer);

	return syncbn_batch_norm_backward(layer->bn, layer->saved[buffer], &dy, &dx,
					  has_residual(work) ? &dz : NULL, SYNCBN_WANT_ALL);
}

/* Of a step's backward: a buffer whose forward was long ago, as in training, if there are more. */
static size_t
other_buffer(const struct perf_bn_work *work, size_t buffer)
{
	return (buffer + work->memory.n_buffers / 2) % work->memory.n_buffers;
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

static syncbn_status_t
call_apart(struct perf_bn_work *work, size_t buffer)
{
	syncbn_tensor_t y = perf_bn_tensor(&work->memory, PERF_BN_TY, buffer);
	syncbn_tensor_t z = perf_bn_tensor(&work->memory, PERF_BN_TZ, buffer);
	syncbn_status_t status = forward(work, &work->apart, buffer);

	if (status == SYNCBN_OK)
		perf_bn_apart(work->options->act, y.data, z.data,
			      work->memory.bytes / sizeof(float));
	return status;
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
	if (variant == PERF_BN_APART)
		return call_apart(work, buffer);
	if (has_forward(work)) {
		streams = perf_bn_forward_streams(&work->memory, buffer);
		call_floor(&streams, reads_first && work->options->op != PERF_BN_EVAL);
	}
	if (has_backward(work)) {
		streams = perf_bn_backward_streams(&work->memory, back);
		call_floor(&streams, reads_first);
	}
	return SYNCBN_OK;
}

size_t
perf_bn_work_turn(struct perf_bn_work *work, enum perf_bn_place place)
{
	return place == PERF_BN_HOT ? 0 : work->turn++ % work->memory.n_buffers;
}

size_t
perf_bn_work_moved(const struct perf_bn_work *work)
{
	const struct perf_bn_memory *memory = &work->memory;
	struct perf_bn_streams there = perf_bn_forward_streams(memory, 0);
	struct perf_bn_streams back = perf_bn_backward_streams(memory, 0);

	there.bytes = back.bytes = memory->batch.n * perf_bn_image(&memory->batch) *
				   perf_bn_dtype_bytes(memory->batch.dtype);
	return (has_forward(work) ? perf_bn_floor_bytes(&there) : 0) +
	       (has_backward(work) ? perf_bn_floor_bytes(&back) : 0);
}

/* ---- layers ---- */

static void
set_parameters(struct perf_bn_work *work, struct perf_bn_layer *layer)
{
	syncbn_dtype_t dtype = layer_dtype(work);

	for (size_t c = 0; c < work->memory.batch.channels; c++) {
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

	layer->saved = calloc(work->memory.n_buffers, sizeof(syncbn_saved_t *));
	if (layer->saved == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu saved objects", work->memory.n_buffers);
	for (size_t i = 0; i < work->memory.n_buffers && status == SYNCBN_OK; i++)
		status = syncbn_saved_new(layer->bn, &layer->saved[i]);
	for (size_t i = 0; i < work->memory.n_buffers && status == SYNCBN_OK && has_backward(work);
	     i++)
		status = forward(work, layer, i);
	return status;
}

static syncbn_activation_t
activation_of(const struct perf_bn_work *work)
{
	switch (work->options->act) {
	case PERF_BN_NONE:
		return SYNCBN_ACTIVATION_NONE;
	case PERF_BN_LEAKY_RELU:
		return SYNCBN_ACTIVATION_LEAKY_RELU;
	default:
		return SYNCBN_ACTIVATION_RELU;
	}
}

static syncbn_status_t
make_layer(struct perf_bn_work *work, syncbn_group_t *group, struct perf_bn_layer *layer)
{
	syncbn_batch_norm_config_t config =
		SYNCBN_BATCH_NORM_TORCH((int64_t)work->memory.shape->channels);
	syncbn_status_t status;

	config.eps = PERF_BN_EPS;
	config.training = work->options->op != PERF_BN_EVAL;
	config.dtype = layer_dtype(work);
	config.negative_slope = PERF_BN_SLOPE;
	config.activation = layer == &work->apart ? SYNCBN_ACTIVATION_NONE : activation_of(work);
	status = syncbn_batch_norm_new(group, &config, &layer->bn);
	if (status != SYNCBN_OK)
		return status;
	set_parameters(work, layer);
	return config.training ? make_saved(work, layer) : SYNCBN_OK;
}

static void
free_layer(struct perf_bn_work *work, struct perf_bn_layer *layer)
{
	for (size_t i = 0; layer->saved != NULL && i < work->memory.n_buffers; i++)
		syncbn_saved_free(layer->saved[i]);
	free(layer->saved);
	syncbn_batch_norm_free(layer->bn);
}

/* Statistics of one value are an error, of none are no statistics. */
static bool
can_be_alone(const struct perf_bn_work *work)
{
	size_t ranks = work->group->size;

	return ranks > 1 && work->options->op != PERF_BN_EVAL && work->memory.batch.n >= ranks &&
	       work->memory.batch.n / ranks * work->memory.batch.spatial > 1;
}

static bool
can_be_apart(const struct perf_bn_work *work)
{
	return work->options->act != PERF_BN_NONE && !has_backward(work) &&
	       work->options->dtype == SYNCBN_FLOAT32;
}

syncbn_status_t
perf_bn_work_new(const struct perf_bn_options *options, struct syncbn_group *group,
		 syncbn_group_t *alone, const struct perf_bn_shape *shape,
		 struct perf_bn_work *work)
{
	syncbn_status_t status;

	*work = (struct perf_bn_work){ .options = options, .group = group };
	status = perf_bn_memory_new(options, group, shape, &work->memory);
	if (status == SYNCBN_OK)
		status = make_layer(work, group, &work->ours);
	if (status == SYNCBN_OK && can_be_alone(work))
		status = make_layer(work, alone, &work->alone);
	if (status == SYNCBN_OK && can_be_apart(work))
		status = make_layer(work, group, &work->apart);
	return status;
}

void
perf_bn_work_free(struct perf_bn_work *work)
{
	free_layer(work, &work->ours);
	free_layer(work, &work->alone);
	free_layer(work, &work->apart);
	perf_bn_memory_free(&work->memory);
}

bool
perf_bn_work_has(const struct perf_bn_work *work, enum perf_bn_variant variant)
{
	bool rows =
		work->options->layout != SYNCBN_CHANNELS_FIRST || work->memory.batch.spatial == 1;

	if (variant == PERF_BN_ALONE)
		return work->alone.bn != NULL;
	if (variant == PERF_BN_APART)
		return work->apart.bn != NULL;
	return variant != PERF_BN_READ_COPY || (rows && work->options->op != PERF_BN_EVAL);
}

/* ---- check ---- */

static uint64_t
judge(struct perf_bn_work *work, struct perf_bn_oracle *oracle)
{
	struct perf_bn_results results = {
		.first = work->memory.first,
		.count = work->memory.count,
		.y = has_forward(work) ? work->memory.tensor[PERF_BN_TY] : NULL,
		.dx = work->memory.tensor[PERF_BN_TDX],
		.dz = work->memory.tensor[PERF_BN_TDZ],
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

	if (perf_bn_oracle_make(&work->memory.batch, 0, work->memory.batch.n, &oracle) != 0)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the oracle of %zu channels",
				work->memory.batch.channels);
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
