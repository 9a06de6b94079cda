/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/play.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "golden/elements.h"
#include "golden/judge.h"

/* A case is run under each of these. */
struct rules {
	const char *name;
	bool mindspore;
	syncbn_var_mode_t var_mode;
	enum golden_var var;
	syncbn_param_grad_mode_t gradients;
};

static const struct rules all_rules[] = {
	{ "torch", false, SYNCBN_VAR_UNBIASED_GLOBAL, GOLDEN_UNBIASED, SYNCBN_PARAM_GRAD_LOCAL },
	{ "mindspore", true, SYNCBN_VAR_BIASED, GOLDEN_BIASED, SYNCBN_PARAM_GRAD_MEAN },
	{ "torch with summed gradients", false, SYNCBN_VAR_UNBIASED_GLOBAL, GOLDEN_UNBIASED,
	  SYNCBN_PARAM_GRAD_SUM },
};

enum { N_RULES = sizeof(all_rules) / sizeof(all_rules[0]) };

/* A case under one of the rules, on one rank. */
struct player {
	const struct golden_case *c;
	const struct rules *rules;
	struct golden_mark *mark;
	int rank;
	struct golden_place place; /* n: of the current step */
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_tensor_t x, dy, z, y, dx, dz; /* of the current step */
};

/* ---- tensors ---- */

/*
 * An [N, C] tensor has no blocked layout of its own in the frameworks: blocked, it is one of 1 x 1
 * pixels.
 */
static syncbn_tensor_t
describe(const struct player *p, void *data)
{
	const struct golden_case *c = p->c;
	syncbn_tensor_t t = { .data = data,
			      .dtype = c->dtype,
			      .layout = p->place.layout,
			      .ndim = 2 + c->n_spatial,
			      .shape = { (int64_t)p->place.n, c->n_channels } };

	for (int i = 0; i < c->n_spatial; i++)
		t.shape[2 + i] = c->spatial[i];
	if (c->n_spatial == 0 && t.layout == SYNCBN_BLOCKED_16) {
		t.ndim = 4;
		t.shape[2] = t.shape[3] = 1;
	}
	return t;
}

/* Every bit set: a NaN, in all dtypes. Nobody may read an output, or padding. */
static syncbn_status_t
new_tensor(const struct player *p, syncbn_tensor_t *t)
{
	size_t bytes = golden_place_elements(&p->place) * golden_element_bytes(p->c->dtype);
	void *data = malloc(bytes + (bytes == 0));

	if (data == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a tensor of %zu bytes", bytes);
	memset(data, 0xff, bytes);
	*t = describe(p, data);
	return SYNCBN_OK;
}

static size_t
source_at(const struct player *p, size_t n, size_t channel, size_t i)
{
	return (n * p->place.channels + channel) * p->place.values + i;
}

/* An input: this rank's samples of the recorded array. */
static syncbn_status_t
fill_tensor(const struct player *p, const struct golden_step *step, const double *source,
	    syncbn_tensor_t *t)
{
	const struct golden_place *place = &p->place;
	syncbn_status_t status = new_tensor(p, t);

	if (status != SYNCBN_OK)
		return status;
	source += (size_t)step->begin[p->rank] * golden_sample(p->c);
	for (size_t n = 0; n < place->n; n++)
		for (size_t channel = 0; channel < place->channels; channel++)
			for (size_t i = 0; i < place->values; i++)
				golden_element_set(p->c->dtype, t->data,
						   golden_place_index(place, n, channel, i),
						   source[source_at(p, n, channel, i)]);
	return SYNCBN_OK;
}

static void
judge_sample(const struct player *p, const struct golden_judge *j, enum golden_array array,
	     const syncbn_tensor_t *t, size_t n)
{
	const struct golden_place *place = &p->place;

	for (size_t channel = 0; channel < golden_place_channels(place); channel++)
		for (size_t i = 0; i < place->values; i++) {
			size_t at = golden_place_index(place, n, channel, i);
			double got = golden_element_get(p->c->dtype, t->data, at);

			if (channel < place->channels)
				golden_judge_element(j, array, (int64_t)n, (int64_t)channel,
						     (int64_t)i, got);
			else
				golden_judge_exact(j, "an element of the padding", got, 0);
		}
}

static void
judge_tensor(const struct player *p, const struct golden_judge *j, enum golden_array array,
	     const syncbn_tensor_t *t)
{
	if (p->place.n > 0 && p->mark->worst[array] < 0)
		p->mark->worst[array] = 0;
	for (size_t n = 0; n < p->place.n; n++)
		judge_sample(p, j, array, t, n);
}

/* ---- the layer ---- */

static syncbn_batch_norm_config_t
configure(const struct golden_case *c, const struct rules *rules)
{
	syncbn_batch_norm_config_t mindspore = SYNCBN_BATCH_NORM_MINDSPORE(c->n_channels);
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(c->n_channels);

	if (rules->mindspore) {
		config = mindspore;
		config.only_2d_4d = c->n_spatial == 0 || c->n_spatial == 2;
	}
	config.name = c->name;
	config.eps = c->eps;
	config.momentum = rules->mindspore ? c->momentum_mindspore : c->momentum_torch;
	if (c->cumulative)
		config.momentum_rule = SYNCBN_MOMENTUM_CUMULATIVE;
	config.var_mode = rules->var_mode;
	config.param_grad_mode = rules->gradients;
	config.affine = c->affine;
	config.track_running_stats = c->track;
	config.training = c->training;
	config.dtype = c->dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;
	config.activation = c->activation;
	config.negative_slope = c->slope;
	config.gamma_init.values = c->weight;
	config.beta_init.values = c->bias;
	config.running_mean_init.values = c->rm0;
	config.running_var_init.values = c->rv0;
	return config;
}

static double
param(const struct player *p, syncbn_param_t which, int64_t channel)
{
	syncbn_dtype_t dtype = p->c->dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;

	return golden_element_get(dtype, syncbn_batch_norm_param(p->bn, which), (size_t)channel);
}

/* The reference of a parameter's gradient, by the rules' mode. */
static double
expected_gradient(const struct player *p, const double *local, int64_t channel)
{
	const struct golden_case *c = p->c;
	double sum = 0;
	int size = 0;

	if (p->rules->gradients == SYNCBN_PARAM_GRAD_LOCAL)
		return local[p->rank * c->n_channels + channel];
	for (int rank = 0; rank < c->world; rank++) {
		bool peer = c->group[rank] >= 0 && c->group[rank] == c->group[p->rank];

		if (!peer && rank != p->rank)
			continue;
		sum += local[rank * c->n_channels + channel];
		size++;
	}
	return p->rules->gradients == SYNCBN_PARAM_GRAD_MEAN ? sum / size : sum;
}

static void
judge_gradients(const struct player *p, const struct golden_judge *j)
{
	for (int64_t channel = 0; p->c->affine && channel < p->c->n_channels; channel++) {
		golden_judge_gradient(j, GOLDEN_GW, channel, param(p, SYNCBN_DGAMMA, channel),
				      expected_gradient(p, j->step->gw, channel));
		golden_judge_gradient(j, GOLDEN_GB, channel, param(p, SYNCBN_DBETA, channel),
				      expected_gradient(p, j->step->gb, channel));
	}
}

static syncbn_status_t
judge_statistics(const struct player *p, const struct golden_judge *j)
{
	const struct golden_case *c = p->c;
	double count = golden_by_running(c) ? 0 : j->step->count[c->unit[p->rank]];
	syncbn_statistics_t statistics;
	syncbn_status_t status = syncbn_saved_statistics(p->saved, &statistics);

	if (status != SYNCBN_OK)
		return status;
	golden_judge_exact(j, "count", statistics.count, count);
	if (count == 0 && !golden_by_running(c))
		return SYNCBN_OK; /* of no samples there are none */
	for (int64_t channel = 0; channel < c->n_channels; channel++)
		golden_judge_statistics(j, channel, statistics.mean[channel],
					statistics.invstd[channel]);
	return SYNCBN_OK;
}

static void
judge_running(const struct player *p, const struct golden_judge *j)
{
	const struct golden_case *c = p->c;

	if (!c->track)
		return;
	for (int64_t channel = 0; channel < c->n_channels; channel++)
		golden_judge_running(j, channel, p->rules->var,
				     param(p, SYNCBN_RUNNING_MEAN, channel),
				     param(p, SYNCBN_RUNNING_VAR, channel));
	golden_judge_exact(j, "num_batches_tracked",
			   (double)syncbn_batch_norm_batches_tracked(p->bn),
			   j->step->nbt[c->unit[p->rank]]);
}

static syncbn_status_t
judge_step(const struct player *p, const struct golden_step *step)
{
	struct golden_judge j = {
		.c = p->c, .step = step, .rules = p->rules->name, .rank = p->rank, .mark = p->mark
	};
	syncbn_status_t status = golden_judge_begin(&j);

	if (status != SYNCBN_OK)
		return status;
	judge_tensor(p, &j, GOLDEN_Y, &p->y);
	judge_tensor(p, &j, GOLDEN_DX, &p->dx);
	if (p->c->adds)
		judge_tensor(p, &j, GOLDEN_DZ, &p->dz);
	judge_gradients(p, &j);
	judge_running(p, &j);
	status = judge_statistics(p, &j);
	golden_judge_end(&j);
	return status;
}

/* ---- one step ---- */

static syncbn_status_t
make_tensors(struct player *p, const struct golden_step *step)
{
	syncbn_status_t status;

	if ((status = fill_tensor(p, step, step->x, &p->x)) ||
	    (status = fill_tensor(p, step, step->dy, &p->dy)) || (status = new_tensor(p, &p->y)) ||
	    (status = new_tensor(p, &p->dx)))
		return status;
	if (p->c->adds &&
	    ((status = fill_tensor(p, step, step->z, &p->z)) || (status = new_tensor(p, &p->dz))))
		return status;
	return SYNCBN_OK;
}

static void
free_tensors(struct player *p)
{
	syncbn_tensor_t *tensors[] = { &p->x, &p->dy, &p->z, &p->y, &p->dx, &p->dz };

	for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++) {
		free(tensors[i]->data);
		tensors[i]->data = NULL;
	}
}

static syncbn_status_t
play_step(struct player *p, const struct golden_step *step)
{
	bool adds = p->c->adds;
	syncbn_status_t status;

	p->place.n = (size_t)step->ns[p->rank];
	status = make_tensors(p, step);
	if (status == SYNCBN_OK)
		status = syncbn_batch_norm_forward(p->bn, &p->x, adds ? &p->z : NULL, &p->y,
						   p->saved);
	if (status == SYNCBN_OK)
		status = syncbn_batch_norm_backward(p->bn, p->saved, &p->dy, &p->dx,
						    adds ? &p->dz : NULL, SYNCBN_WANT_ALL);
	if (status == SYNCBN_OK)
		status = judge_step(p, step);
	free_tensors(p);
	return status;
}

/* ---- the whole case ---- */

static syncbn_status_t
play_rules(struct player *p, syncbn_group_t *group)
{
	syncbn_batch_norm_config_t config = configure(p->c, p->rules);
	syncbn_status_t status = syncbn_batch_norm_new(group, &config, &p->bn);

	if (status != SYNCBN_OK)
		return status;
	status = syncbn_saved_new(p->bn, &p->saved);
	for (int64_t k = 0; status == SYNCBN_OK && k < p->c->n_steps; k++)
		status = play_step(p, &p->c->step[k]);
	syncbn_saved_free(p->saved);
	syncbn_batch_norm_free(p->bn);
	p->saved = NULL;
	return status;
}

static syncbn_status_t
play_all(const struct golden_case *c, syncbn_group_t *world, syncbn_group_t *group,
	 syncbn_layout_t layout, struct golden_mark *mark)
{
	struct player p = {
		.c = c,
		.mark = mark,
		.rank = syncbn_group_rank(world),
		.place = { .layout = layout,
			   .channels = (size_t)c->n_channels,
			   .values = (size_t)c->values },
	};
	syncbn_status_t status = SYNCBN_OK;

	for (int i = 0; i < N_RULES && status == SYNCBN_OK; i++) {
		p.rules = &all_rules[i];
		status = play_rules(&p, group);
		if (status != SYNCBN_OK)
			golden_mark_fail(mark, "%s: %s", p.rules->name, syncbn_last_error());
	}
	return status;
}

syncbn_status_t
golden_play(const struct golden_case *c, syncbn_group_t *world, syncbn_layout_t layout,
	    struct golden_mark *mark)
{
	syncbn_group_t *group;
	syncbn_status_t status, freed;

	for (int i = 0; i < GOLDEN_ARRAYS; i++)
		mark->worst[i] = -1;
	mark->begun = true;
	status = syncbn_group_split(world, c->ranks, c->n_ranks, c->n_lists, &group);
	if (status != SYNCBN_OK) {
		golden_mark_fail(mark, "%s", syncbn_last_error());
		return status;
	}
	status = play_all(c, world, group, layout, mark);
	freed = syncbn_group_free(group);
	if (freed != SYNCBN_OK)
		golden_mark_fail(mark, "%s", syncbn_last_error());
	mark->finished = true;
	return status != SYNCBN_OK ? status : freed;
}
