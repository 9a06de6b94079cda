/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_work.h"

#include <stdlib.h>

#include <syncbn/syncbn.h>

#include "base/fail.h"
#include "perf_bn_apart.h"
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
forward(struct perf_bn_work *work, const struct perf_bn_layer *layer, struct perf_bn_turn turn)
{
	syncbn_tensor_t x = perf_bn_tensor(&work->memory, PERF_BN_TX, turn);
	syncbn_tensor_t z = perf_bn_tensor(&work->memory, PERF_BN_TZ, turn);
	syncbn_tensor_t y =
		perf_bn_tensor(&work->memory, has_forward(work) ? PERF_BN_TY : PERF_BN_TDX, turn);
	syncbn_saved_t *saved = layer->saved != NULL ? layer->saved[turn.in] : NULL;
	bool adds = has_residual(work) && layer != &work->apart;

	return syncbn_batch_norm_forward(layer->bn, &x, adds ? &z : NULL, &y, saved);
}

static syncbn_status_t
backward(struct perf_bn_work *work, const struct perf_bn_layer *layer, struct perf_bn_turn turn)
{
	syncbn_tensor_t dy = perf_bn_tensor(&work->memory, PERF_BN_TDY, turn);
	syncbn_tensor_t dx = perf_bn_tensor(&work->memory, PERF_BN_TDX, turn);
	syncbn_tensor_t dz = perf_bn_tensor(&work->memory, PERF_BN_TDZ, turn);

	return syncbn_batch_norm_backward(layer->bn, layer->saved[turn.in], &dy, &dx,
					  has_residual(work) ? &dz : NULL, SYNCBN_WANT_ALL);
}

/* A step's backward: of inputs whose forward was long ago, as in training, if there are more. */
static struct perf_bn_turn
turn_back(const struct perf_bn_work *work, struct perf_bn_turn turn)
{
	if (work->options->op == PERF_BN_STEP)
		turn.in = (turn.in + turn.n_in / 2) % turn.n_in;
	return turn;
}

static syncbn_status_t
call_layer(struct perf_bn_work *work, const struct perf_bn_layer *layer, struct perf_bn_turn turn)
{
	syncbn_status_t status = SYNCBN_OK;

	if (has_forward(work))
		status = forward(work, layer, turn);
	if (status == SYNCBN_OK && has_backward(work))
		status = backward(work, layer, turn_back(work, turn));
	return status;
}

static syncbn_status_t
call_apart(struct perf_bn_work *work, struct perf_bn_turn turn)
{
	syncbn_tensor_t y = perf_bn_tensor(&work->memory, PERF_BN_TY, turn);
	syncbn_tensor_t z = perf_bn_tensor(&work->memory, PERF_BN_TZ, turn);
	syncbn_status_t status = forward(work, &work->apart, turn);

	if (status == SYNCBN_OK)
		perf_bn_apart(work->options->act, y.data, z.data,
			      work->memory.bytes / sizeof(float));
	return status;
}

static void
copy(const struct perf_bn_streams *streams, bool reads_first)
{
	if (reads_first)
		perf_bn_floor_read(streams);
	perf_bn_floor_copy(streams);
}

static void
call_floor(const struct perf_bn_work *work, struct perf_bn_turn turn, bool reads_first)
{
	struct perf_bn_streams streams;

	if (has_forward(work)) {
		streams = perf_bn_forward_streams(&work->memory, turn);
		copy(&streams, reads_first && work->options->op != PERF_BN_EVAL);
	}
	if (has_backward(work)) {
		streams = perf_bn_backward_streams(&work->memory, turn_back(work, turn));
		copy(&streams, reads_first);
	}
}

syncbn_status_t
perf_bn_work_call(struct perf_bn_work *work, enum perf_bn_variant variant, struct perf_bn_turn turn)
{
	switch (variant) {
	case PERF_BN_OURS:
		return call_layer(work, &work->ours, turn);
	case PERF_BN_ALONE:
		return call_layer(work, &work->alone, turn);
	case PERF_BN_APART:
		return call_apart(work, turn);
	default:
		call_floor(work, turn, variant == PERF_BN_READ_COPY);
		return SYNCBN_OK;
	}
}

struct perf_bn_turn
perf_bn_work_turn(struct perf_bn_work *work, enum perf_bn_place place)
{
	size_t n_in = perf_bn_inputs(&work->memory, place);
	size_t turn = work->turn++;

	return (struct perf_bn_turn){
		.in = turn % n_in,
		.n_in = n_in,
		.out = turn % work->memory.n_outputs,
	};
}

size_t
perf_bn_work_moved(const struct perf_bn_work *work)
{
	const struct perf_bn_memory *memory = &work->memory;
	struct perf_bn_turn first = { 0, 0, 1 };
	struct perf_bn_streams there = perf_bn_forward_streams(memory, first);
	struct perf_bn_streams back = perf_bn_backward_streams(memory, first);

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

	layer->saved = calloc(work->memory.n_inputs, sizeof(syncbn_saved_t *));
	if (layer->saved == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu saved objects", work->memory.n_inputs);
	for (size_t i = 0; i < work->memory.n_inputs && status == SYNCBN_OK; i++)
		status = syncbn_saved_new(layer->bn, &layer->saved[i]);
	for (size_t i = 0; i < work->memory.n_inputs && status == SYNCBN_OK && has_backward(work);
	     i++)
		status = forward(work, layer, (struct perf_bn_turn){ .in = i, .out = i });
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
		SYNCBN_BATCH_NORM_TORCH((int64_t)work->memory.batch.channels);
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
	for (size_t i = 0; layer->saved != NULL && i < work->memory.n_inputs; i++)
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

static syncbn_status_t
make_oracle(struct perf_bn_work *work)
{
	const struct perf_bn_batch *batch = &work->memory.batch;

	if (perf_bn_oracle_make(batch, 0, batch->n, has_backward(work), &work->oracle) != 0)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the oracle of %zu channels",
				batch->channels);
	if (work->options->op == PERF_BN_EVAL)
		perf_bn_oracle_eval(&work->oracle);
	return SYNCBN_OK;
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
		status = make_oracle(work);
	if (status == SYNCBN_OK)
		status = make_layer(work, group, &work->ours);
	if (status == SYNCBN_OK && can_be_alone(work))
		status = make_layer(work, alone, &work->alone);
	if (status == SYNCBN_OK && perf_bn_has_apart(work->options))
		status = make_layer(work, group, &work->apart);
	return status;
}

void
perf_bn_work_free(struct perf_bn_work *work)
{
	free_layer(work, &work->ours);
	free_layer(work, &work->alone);
	free_layer(work, &work->apart);
	perf_bn_oracle_free(&work->oracle);
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
judge(struct perf_bn_work *work, struct perf_bn_turn turn)
{
	struct perf_bn_turn back = turn_back(work, turn);
	struct perf_bn_outputs results = {
		.first = work->memory.first,
		.count = work->memory.count,
		.dx = perf_bn_tensor(&work->memory, PERF_BN_TDX, back).data,
		.dz = perf_bn_tensor(&work->memory, PERF_BN_TDZ, back).data,
	};

	if (has_forward(work))
		results.y = perf_bn_tensor(&work->memory, PERF_BN_TY, turn).data;
	if (has_backward(work)) {
		results.dgamma = syncbn_batch_norm_param(work->ours.bn, SYNCBN_DGAMMA);
		results.dbeta = syncbn_batch_norm_param(work->ours.bn, SYNCBN_DBETA);
	}
	return perf_bn_wrong(&work->oracle, &results);
}

syncbn_status_t
perf_bn_work_check(struct perf_bn_work *work, struct perf_bn_turn turn, uint64_t *wrong)
{
	uint64_t wrongs[work->group->size];
	syncbn_status_t status = perf_bn_work_call(work, PERF_BN_OURS, turn);

	*wrong = 0;
	if (status == SYNCBN_OK) {
		wrongs[work->group->rank] = judge(work, turn);
		status = perf_gather(work->group, wrongs, sizeof(wrongs[0]));
	}
	for (uint32_t rank = 0; rank < work->group->size && status == SYNCBN_OK; rank++)
		*wrong += wrongs[rank];
	return status;
}
