/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_model.h"

#include <math.h>

#include "fm_data.h"
#include "fm_layers.h"
#include "fm_random.h"

static const struct fm_block conv_blocks[FM_BLOCKS] = {
	{ .linear = { 1, 16, FM_SIDE }, .pools = 1 },
	{ .linear = { 16, 32, FM_SIDE / 2 }, .pools = 1 },
	{ .linear = { 32, 64, FM_SIDE / 4 } },
};

static const struct fm_block mlp_blocks[] = {
	{ .linear = { FM_PIXELS, 256, 0 } },
	{ .linear = { 256, 128, 0 } },
};

static void *
take_bytes(struct fm_slab *slab, size_t bytes)
{
	void *part = slab->base ? slab->base + slab->bytes : NULL;

	slab->bytes += (bytes + 127) / 128 * 128;
	return part;
}

static float *
take(struct fm_slab *slab, size_t n)
{
	return take_bytes(slab, n * sizeof(float));
}

/* A parameter and its gradient, at the same offset of both buffers. */
static float *
take_param(struct fm_model *model, size_t n, float **gradient)
{
	*gradient = take(&model->grads, n);
	return take(&model->params, n);
}

static void
lay_out_params(struct fm_model *model)
{
	struct fm_block *end = model->blocks + model->n_blocks;

	for (struct fm_block *block = model->blocks; block < end; block++)
		block->weight = take_param(model, fm_linear_weights(&block->linear),
					   &block->dweight);
	model->head_weight = take_param(model, fm_linear_weights(&model->head),
					&model->head_dweight);
	model->n_decayed = model->params.bytes / sizeof(float);
	for (struct fm_block *block = model->blocks; block < end; block++) {
		size_t channels = (size_t)block->linear.out;

		block->gamma = take_param(model, channels, &block->dgamma);
		block->beta = take_param(model, channels, &block->dbeta);
		block->running_mean = take(&model->running, channels);
		block->running_var = take(&model->running, channels);
	}
	model->head_bias = take_param(model, FM_CLASSES, &model->head_dbias);
	model->n_params = model->params.bytes / sizeof(float);
	model->loss = take(&model->grads, 1);
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void
lay_out_work(struct fm_model *model)
{
	size_t batch = (size_t)model->batch, widest = 0;
	size_t scratch = fm_linear_scratch(&model->head, model->batch);
	const float *input = model->input = take(&model->work, batch * FM_PIXELS);

	model->labels = take_bytes(&model->work, batch);
	for (int i = 0; i < model->n_blocks; i++) {
		struct fm_block *block = &model->blocks[i];
		size_t outputs = batch * fm_linear_outputs(&block->linear);

		block->input = input;
		block->mapped = take(&model->work, outputs);
		block->active = take(&model->work, outputs);
		block->pooled = block->pools ? take(&model->work, outputs / 4) : block->active;
		input = block->pooled;
		widest = larger(widest, outputs);
		scratch = larger(scratch, fm_linear_scratch(&block->linear, model->batch));
	}
	model->features = take(&model->work, batch * (size_t)model->head.in);
	model->logits = take(&model->work, batch * FM_CLASSES);
	model->dlogits = take(&model->work, batch * FM_CLASSES);
	model->upper = take(&model->work, widest);
	model->lower = take(&model->work, widest);
	model->scratch = take(&model->work, scratch);
	model->velocity = take(&model->work, model->n_params);
}

static void
lay_out(struct fm_model *model)
{
	model->params.bytes = model->grads.bytes = model->running.bytes = model->work.bytes = 0;
	lay_out_params(model);
	lay_out_work(model);
}

static syncbn_status_t
allocate(syncbn_group_t *world, struct fm_model *model)
{
	syncbn_status_t status;

	lay_out(model);
	status = syncbn_arena_new(world, model->grads.bytes, &model->arena);
	if (status != SYNCBN_OK)
		return status;
	model->grads.base = syncbn_arena_alloc(model->arena, model->grads.bytes);
	model->params.base = syncbn_alloc(model->params.bytes);
	model->running.base = syncbn_alloc(model->running.bytes);
	model->work.base = syncbn_alloc(model->work.bytes);
	if (!model->grads.base || !model->params.base || !model->running.base || !model->work.base)
		return SYNCBN_ERR_NO_MEMORY;
	lay_out(model);
	return SYNCBN_OK;
}

/* The layer works on our memory: its gradients travel with the others, its state is one buffer. */
static syncbn_status_t
bind(struct fm_block *block)
{
	float *const memory[] = {
		[SYNCBN_GAMMA] = block->gamma, [SYNCBN_BETA] = block->beta,
		[SYNCBN_RUNNING_MEAN] = block->running_mean,
		[SYNCBN_RUNNING_VAR] = block->running_var,
		[SYNCBN_DGAMMA] = block->dgamma, [SYNCBN_DBETA] = block->dbeta,
	};

	for (int which = SYNCBN_GAMMA; which <= SYNCBN_DBETA; which++) {
		syncbn_status_t status = syncbn_batch_norm_bind(block->bn, (syncbn_param_t)which,
								memory[which]);
		if (status != SYNCBN_OK)
			return status;
	}
	return syncbn_batch_norm_reset(block->bn);
}

static syncbn_status_t
make_norms(syncbn_group_t *norms, struct fm_model *model)
{
	static const char *const names[FM_BLOCKS] = { "bn1", "bn2", "bn3" };
	syncbn_status_t status = SYNCBN_OK;

	for (int i = 0; i < model->n_blocks && status == SYNCBN_OK; i++) {
		struct fm_block *block = &model->blocks[i];
		syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(block->linear.out);

		config.name = names[i];
		status = syncbn_batch_norm_new(norms, &config, &block->bn);
		if (status == SYNCBN_OK)
			status = bind(block);
		if (status == SYNCBN_OK)
			status = syncbn_saved_new(block->bn, &block->saved);
	}
	return status;
}

/* He, Zhang, Ren and Sun (2015): keeps the variance through a ReLU layer. */
static void
draw(struct fm_random *random, const struct fm_linear *linear, float *weight)
{
	size_t n = fm_linear_weights(linear);
	double deviation = sqrt(2.0 * linear->out / (double)n);

	for (size_t i = 0; i < n; i++)
		weight[i] = (float)(deviation * fm_random_normal(random));
}

static syncbn_status_t
initialize(syncbn_group_t *world, uint64_t seed, struct fm_model *model)
{
	struct fm_random random = fm_random_seeded(seed, 0, 0);

	if (syncbn_group_rank(world) == 0) {
		for (int i = 0; i < model->n_blocks; i++)
			draw(&random, &model->blocks[i].linear, model->blocks[i].weight);
		draw(&random, &model->head, model->head_weight);
	}
	return syncbn_broadcast(world, model->params.base, model->params.bytes, 0);
}

syncbn_status_t
fm_model_new(syncbn_group_t *world, syncbn_group_t *norms, const struct fm_options *options,
	     struct fm_model *model)
{
	int is_conv = options->model == FM_CONV;
	const struct fm_block *blocks = is_conv ? conv_blocks : mlp_blocks;
	syncbn_status_t status;

	*model = (struct fm_model){ .batch = (int)options->batch, .world = world };
	model->n_blocks = is_conv ? FM_BLOCKS : (int)(sizeof(mlp_blocks) / sizeof(mlp_blocks[0]));
	for (int i = 0; i < model->n_blocks; i++)
		model->blocks[i] = blocks[i];
	model->head = (struct fm_linear){ blocks[model->n_blocks - 1].linear.out, FM_CLASSES, 0 };
	status = allocate(world, model);
	if (status == SYNCBN_OK)
		status = make_norms(norms, model);
	if (status == SYNCBN_OK)
		status = initialize(world, (uint64_t)options->seed, model);
	return status;
}

void
fm_model_free(struct fm_model *model)
{
	for (int i = 0; i < model->n_blocks; i++) {
		syncbn_saved_free(model->blocks[i].saved);
		syncbn_batch_norm_free(model->blocks[i].bn);
	}
	syncbn_free(model->work.base);
	syncbn_free(model->running.base);
	syncbn_free(model->params.base);
	syncbn_arena_free(model->arena);
}

syncbn_status_t
fm_model_mode(struct fm_model *model, int training)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int i = 0; i < model->n_blocks && status == SYNCBN_OK; i++)
		status = syncbn_batch_norm_train(model->blocks[i].bn, training);
	return status;
}

/* The block's activations as the batch norm sees them: (N, C, H, W) or (N, C). */
static syncbn_tensor_t
tensor(const struct fm_block *block, int n, float *data)
{
	const struct fm_linear *linear = &block->linear;

	return linear->side ? syncbn_tensor_nchw(data, n, linear->out, linear->side, linear->side)
			    : syncbn_tensor_nc(data, n, linear->out);
}

static syncbn_status_t
block_forward(struct fm_block *block, int n, syncbn_saved_t *saved, float *scratch)
{
	syncbn_tensor_t x = tensor(block, n, block->mapped), y = tensor(block, n, block->active);
	size_t values = (size_t)n * fm_linear_outputs(&block->linear);
	syncbn_status_t status;

	fm_linear_forward(&block->linear, n, block->weight, block->input, block->mapped, scratch);
	status = syncbn_batch_norm_forward(block->bn, &x, NULL, &y, saved);
	if (status != SYNCBN_OK)
		return status;
	fm_relu_forward(values, block->active);
	if (block->pools)
		fm_pool_forward((size_t)(n * block->linear.out), block->linear.side, block->active,
				block->pooled);
	return SYNCBN_OK;
}

syncbn_status_t
fm_model_forward(struct fm_model *model, int n, int backward_follows)
{
	const struct fm_block *last = &model->blocks[model->n_blocks - 1];
	int plane = last->linear.side ? last->linear.side * last->linear.side : 1;

	for (int i = 0; i < model->n_blocks; i++) {
		struct fm_block *block = &model->blocks[i];
		syncbn_status_t status = block_forward(block, n,
						       backward_follows ? block->saved : NULL,
						       model->scratch);
		if (status != SYNCBN_OK)
			return status;
	}
	fm_average_forward((size_t)(n * model->head.in), plane, last->pooled, model->features);
	fm_linear_forward(&model->head, n, model->head_weight, model->features, model->logits,
			  model->scratch);
	fm_bias_forward(n, FM_CLASSES, model->head_bias, model->logits);
	return SYNCBN_OK;
}

static void
swap_gradients(struct fm_model *model)
{
	float *upper = model->upper;

	model->upper = model->lower;
	model->lower = upper;
}

/* Gradients that are whole take off; meanwhile the layers below are worked on. */
static syncbn_status_t
take_off(struct fm_model *model, float *gradients, size_t n)
{
	syncbn_status_t status =
		syncbn_all_reduce_begin(model->world, gradients, n, SYNCBN_FLOAT32, SYNCBN_MEAN,
					&model->buckets[model->n_buckets]);

	model->n_buckets += status == SYNCBN_OK;
	return status;
}

syncbn_status_t
fm_model_gather(struct fm_model *model)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int i = 0; i < model->n_buckets; i++) {
		syncbn_status_t ended = syncbn_all_reduce_end(&model->buckets[i]);

		status = status == SYNCBN_OK ? ended : status;
	}
	model->n_buckets = 0;
	return status;
}

/* The gradient of the block's output in model->upper becomes that of its input. */
static syncbn_status_t
block_backward(struct fm_model *model, struct fm_block *block, int n, int wants_input)
{
	size_t values = (size_t)n * fm_linear_outputs(&block->linear);
	syncbn_tensor_t dy;
	syncbn_status_t status;

	if (block->pools) {
		fm_pool_backward((size_t)(n * block->linear.out), block->linear.side,
				 block->active, block->pooled, model->upper, model->lower);
		swap_gradients(model);
	}
	fm_relu_backward(values, block->active, model->upper);
	dy = tensor(block, n, model->upper);
	status = syncbn_batch_norm_backward(block->bn, block->saved, &dy, &dy, NULL,
					    SYNCBN_WANT_ALL);
	if (status != SYNCBN_OK)
		return status;
	fm_linear_backward(&block->linear, n, block->weight, block->input, model->upper,
			   wants_input ? model->lower : NULL, block->dweight, model->scratch);
	swap_gradients(model);
	return take_off(model, block->dweight, fm_linear_weights(&block->linear));
}

syncbn_status_t
fm_model_backward(struct fm_model *model, int n)
{
	const struct fm_block *last = &model->blocks[model->n_blocks - 1];
	int plane = last->linear.side ? last->linear.side * last->linear.side : 1;
	float *gradients = (float *)(void *)model->grads.base;
	syncbn_status_t status;

	fm_bias_backward(n, FM_CLASSES, model->dlogits, model->head_dbias);
	fm_linear_backward(&model->head, n, model->head_weight, model->features, model->dlogits,
			   model->lower, model->head_dweight, model->scratch);
	status = take_off(model, model->head_dweight, fm_linear_weights(&model->head));
	fm_average_backward((size_t)(n * model->head.in), plane, model->lower, model->upper);
	for (int i = model->n_blocks - 1; i >= 0 && status == SYNCBN_OK; i--)
		status = block_backward(model, &model->blocks[i], n, i > 0);
	if (status != SYNCBN_OK)
		return status;
	/* behind the weights: what is small, of all layers, and the loss */
	return take_off(model, gradients + model->n_decayed,
			model->grads.bytes / sizeof(float) - model->n_decayed);
}
