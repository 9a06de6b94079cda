/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_train.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "fm_checkpoint.h"
#include "fm_layers.h"
#include "fm_sampler.h"

static const float momentum = 0.9f, weight_decay = 5e-4f;

enum { LAST_STEPS = 50 };

struct trainer {
	syncbn_group_t *world, *norms;
	const struct fm_options *options;
	const struct fm_data *data;
	struct fm_model *model;
	struct fm_sampler *sampler;
};

static void
load(const struct trainer *trainer, const uint32_t *items)
{
	struct fm_model *model = trainer->model;

	for (int i = 0; i < model->batch; i++) {
		fm_data_image(trainer->data, items[i], model->input + i * FM_PIXELS);
		model->labels[i] = trainer->data->labels[items[i]];
	}
}

/* v = momentum * v + dw + decay * w; w -= rate * v */
static void
descend(const struct fm_model *model, float rate)
{
	const float *gradient = (const float *)(const void *)model->grads.base;
	float *param = (float *)(void *)model->params.base, *velocity = model->velocity;

#pragma omp simd
	for (size_t i = 0; i < model->n_params; i++) {
		float decay = i < model->n_decayed ? weight_decay * param[i] : 0;

		velocity[i] = momentum * velocity[i] + (gradient[i] + decay);
		param[i] -= rate * velocity[i];
	}
}

static syncbn_status_t
step(struct trainer *trainer, double rate, double *loss)
{
	struct fm_model *model = trainer->model;
	int n = model->batch, rank = syncbn_group_rank(trainer->world);
	syncbn_status_t status, gathered;

	load(trainer, fm_sampler_next(trainer->sampler) + rank * n);
	status = fm_model_forward(model, n, 1);
	if (status != SYNCBN_OK)
		return status;
	*model->loss = (float)fm_cross_entropy(n, model->logits, model->labels, model->dlogits);
	status = fm_model_backward(model, n);
	gathered = fm_model_gather(model);
	if (status != SYNCBN_OK || gathered != SYNCBN_OK)
		return status != SYNCBN_OK ? status : gathered;
	*loss = *model->loss;
	descend(model, (float)rate);
	return SYNCBN_OK;
}

/* For trying what becomes of a run that loses a rank; a restarted one goes on. */
static void
crash(const struct trainer *trainer)
{
	const char *restarts = getenv("SYNCBN_RESTART_COUNT");
	int last = syncbn_group_size(trainer->world) - 1;

	if (syncbn_group_rank(trainer->world) == last && (!restarts || atoi(restarts) == 0))
		raise(SIGKILL);
}

static enum fm_exit
keep(const struct trainer *trainer, const struct fm_results *results, long done)
{
	const struct fm_options *options = trainer->options;

	if (!options->checkpoint || (done % options->checkpoint_every && done != options->steps))
		return FM_DONE;
	return fm_checkpoint_save(trainer->world, options, trainer->model, results, done);
}

static enum fm_exit
loop(struct trainer *trainer, struct fm_results *results)
{
	long steps = trainer->options->steps;
	struct fm_progress progress;
	double begun = fm_seconds();
	enum fm_exit code = FM_DONE;

	fm_progress_begin(&progress, trainer->options, trainer->world, results->first_step);
	for (long i = results->first_step; i < steps && code == FM_DONE; i++) {
		double falls = 0.5 * (1 + cos(M_PI * (double)i / (double)steps));

		if (i + 1 == trainer->options->crash_at)
			crash(trainer);
		code = fm_library("training", step(trainer, trainer->options->lr * falls,
						   &results->losses[i]));
		if (code == FM_DONE) {
			fm_progress_step(&progress, i, results->losses[i]);
			code = keep(trainer, results, i + 1);
		}
	}
	results->seconds = fm_seconds() - begun;
	return code;
}

/* Adds what a group has counted so far, or with sign -1 takes it away. */
static syncbn_status_t
count(const syncbn_group_t *group, int sign, struct fm_results *results)
{
	syncbn_counters_t counters = { .size = sizeof(counters) };
	syncbn_status_t status = syncbn_counters_get(group, &counters);
	double unit = sign * 1e-9;

	if (status != SYNCBN_OK)
		return status;
	results->phases[FM_MOMENTS] += unit * (double)counters.moments_ns;
	results->phases[FM_EXCHANGE] += unit * (double)counters.exchange_ns;
	results->phases[FM_WAITING] += unit * (double)counters.wait_ns;
	results->phases[FM_NORMALIZE] += unit * (double)counters.normalize_ns;
	results->phases[FM_REDUCE] += unit * (double)counters.reduce_ns;
	results->exchange_calls += (uint64_t)sign * counters.exchange_calls;
	results->exchange_bytes += (uint64_t)sign * counters.exchange_bytes;
	return SYNCBN_OK;
}

/* A local batch norm's group counts for itself. */
static syncbn_status_t
count_both(const struct trainer *trainer, int sign, struct fm_results *results)
{
	syncbn_status_t status = count(trainer->world, sign, results);

	if (status == SYNCBN_OK && trainer->norms != trainer->world)
		status = count(trainer->norms, sign, results);
	return status;
}

static void
summarize(const struct trainer *trainer, struct fm_results *results)
{
	long steps = trainer->options->steps, last = steps < LAST_STEPS ? steps : LAST_STEPS;
	double images = (double)(steps - results->first_step) *
			(double)(trainer->options->batch * results->world_size);

	results->train_loss = 0;
	for (long i = steps - last; i < steps; i++)
		results->train_loss += results->losses[i] / (double)last;
	results->images_per_second = images / results->seconds;
	results->phases[FM_REST] = results->seconds;
	for (int i = 0; i < FM_REST; i++)
		results->phases[FM_REST] -= results->phases[i];
}

static syncbn_status_t
prepare(struct trainer *trainer, const struct fm_results *results)
{
	const struct fm_options *options = trainer->options;
	int world_size = results->world_size;
	size_t ranks = (size_t)(world_size > 1 ? world_size : options->as_ranks);

	trainer->sampler = fm_sampler_new(trainer->data->labels, trainer->data->count, ranks,
					  options->shards == FM_CLASS,
					  (size_t)options->batch * (size_t)world_size,
					  (uint64_t)options->seed);
	if (!trainer->sampler)
		return SYNCBN_ERR_NO_MEMORY;
	fm_sampler_skip(trainer->sampler, results->first_step);
	return fm_model_mode(trainer->model, 1);
}

/* Counts the loop, and nothing else, into the results. */
static enum fm_exit
counted_loop(struct trainer *trainer, struct fm_results *results)
{
	enum fm_exit code = fm_library("counting", count_both(trainer, -1, results));

	if (code == FM_DONE)
		code = loop(trainer, results);
	if (code == FM_DONE)
		code = fm_library("counting", count_both(trainer, 1, results));
	return code;
}

enum fm_exit
fm_train(syncbn_group_t *world, syncbn_group_t *norms, const struct fm_options *options,
	 const struct fm_data *data, struct fm_model *model, struct fm_results *results)
{
	struct trainer trainer = { .world = world, .norms = norms, .options = options,
				   .data = data, .model = model };
	enum fm_exit code = fm_checkpoint_load(world, options, model, results,
					       &results->first_step);

	if (code == FM_DONE)
		code = fm_library("preparing", prepare(&trainer, results));
	if (code == FM_DONE)
		code = counted_loop(&trainer, results);
	if (code == FM_DONE)
		summarize(&trainer, results);
	fm_sampler_free(trainer.sampler);
	return code;
}
