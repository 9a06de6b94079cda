/* SPDX-License-Identifier: Apache-2.0 */
/* The forward pass: which statistics normalize, their merge, and the running statistics. */
#include <math.h>

#include "kernels/merge.h"
#include "nn/pipeline.h"
#include "nn/planes.h"
#include "nn/rows.h"

/* The decision tables of torch and MindSpore, in one. */
struct decision {
	enum sbn_normalized_by by;
	bool update; /* the running statistics record the batch */
};

static struct decision
decide(const struct syncbn_batch_norm *bn)
{
	const syncbn_batch_norm_config_t *config = &bn->config;
	bool always = config->use_batch_statistics == SYNCBN_BATCH_STATISTICS_ALWAYS;
	bool never = config->use_batch_statistics == SYNCBN_BATCH_STATISTICS_NEVER;
	bool records = always || bn->training;

	if (never || (!records && config->track_running_stats))
		return (struct decision){ .by = SBN_BY_RUNNING };
	return (struct decision){
		.by = records ? SBN_BY_GROUP : SBN_BY_LOCAL,
		.update = records && config->track_running_stats,
	};
}

/* The weight of this batch in the running statistics. */
static double
batch_weight(const struct syncbn_batch_norm *bn)
{
	switch (bn->config.momentum_rule) {
	case SYNCBN_MOMENTUM_OLD:
		return 1 - bn->config.momentum;
	case SYNCBN_MOMENTUM_CUMULATIVE:
		return 1 / (double)(bn->batches_tracked + 1);
	default:
		return bn->config.momentum;
	}
}

static double
inverse_std(double var, double eps)
{
	return var + eps == 0 ? 0 : 1 / sqrt(var + eps);
}

static void
set_coefficients(const struct sbn_pass *pass, uint32_t c, double mean, double invstd)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	double gamma = bn->config.affine ? (double)bn->param[SYNCBN_GAMMA][c] : 1;

	pass->saved->mean[c] = mean;
	pass->saved->invstd[c] = invstd;
	bn->k.mean_hi[c] = (float)mean;
	bn->k.mean_lo[c] = (float)(mean - (double)bn->k.mean_hi[c]);
	bn->k.scale[c] = (float)(gamma * invstd);
	bn->k.shift[c] = bn->config.affine ? bn->param[SYNCBN_BETA][c] : 0;
}

static void
update_running(const struct sbn_pass *pass, uint32_t c, const struct sbn_moments *batch)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	bool unbiased = bn->config.var_mode == SYNCBN_VAR_UNBIASED_GLOBAL;
	double var = batch->m2 / (unbiased ? batch->count - 1 : batch->count);
	float *running_mean = &bn->param[SYNCBN_RUNNING_MEAN][c];
	float *running_var = &bn->param[SYNCBN_RUNNING_VAR][c];

	*running_mean =
		(float)((1 - pass->factor) * (double)*running_mean + pass->factor * batch->mean);
	*running_var = (float)((1 - pass->factor) * (double)*running_var + pass->factor * var);
}

/* In rank order on every rank: equal bits everywhere. */
static struct sbn_moments
merge_channel(const struct sbn_pairs *pairs, uint32_t c)
{
	struct sbn_moments sum = { 0 };

	for (uint32_t rank = 0; rank < pairs->n_ranks; rank++) {
		struct sbn_moments part = {
			.count = pairs->count[rank],
			.mean = pairs->row[rank][c - pairs->first].a,
			.m2 = pairs->row[rank][c - pairs->first].b,
		};

		sbn_moments_merge(&sum, &part);
	}
	return sum;
}

static bool
merge_batch(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	    const struct sbn_pairs *pairs)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_moments batch = merge_channel(pairs, c);

		/* none: nothing to record, gradients of 0; one: the pipeline refuses */
		if (pairs->total < 2) {
			pass->saved->mean[c] = pass->saved->invstd[c] = 0;
			continue;
		}

		set_coefficients(pass, c, batch.mean,
				 inverse_std(batch.m2 / batch.count, pass->bn->config.eps));
		if (pass->factor != 0)
			update_running(pass, c, &batch);
	}
	return pairs->total >= 2;
}

static bool
use_running(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	    const struct sbn_pairs *pairs)
{
	const struct syncbn_batch_norm *bn = pass->bn;

	(void)pairs;
	for (uint32_t c = begin; c < end; c++)
		set_coefficients(pass, c, (double)bn->param[SYNCBN_RUNNING_MEAN][c],
				 inverse_std((double)bn->param[SYNCBN_RUNNING_VAR][c],
					     bn->config.eps));
	return true;
}

static void
choose_steps(struct sbn_pass *pass, enum sbn_normalized_by by)
{
	bool rows = pass->geometry.rows;

	pass->merge = by == SBN_BY_RUNNING ? use_running : merge_batch;
	if (by != SBN_BY_RUNNING)
		pass->sum = rows ? sbn_rows_sum_moments : sbn_planes_sum_moments;
	if (rows && by != SBN_BY_RUNNING)
		pass->before = sbn_rows_block_moments;
	if (rows)
		pass->after = sbn_rows_normalize;
	else
		pass->apply = sbn_planes_normalize;
}

syncbn_status_t
sbn_batch_norm_forward(struct syncbn_batch_norm *bn, const syncbn_tensor_t *x,
		       const syncbn_tensor_t *y, syncbn_saved_t *saved)
{
	struct decision decision = decide(bn);
	struct sbn_pass pass = {
		.bn = bn,
		.saved = saved != NULL ? saved : bn->scratch,
		.geometry = sbn_geometry_of(x),
		.x = x->data,
		.out = y->data,
		.exchange = decision.by == SBN_BY_GROUP,
		.op = SBN_OP_FORWARD,
		.needs_two = decision.by != SBN_BY_RUNNING,
		.factor = decision.update ? batch_weight(bn) : 0,
	};
	syncbn_status_t status = SYNCBN_OK;

	pass.count = pass.geometry.n * pass.geometry.spatial;
	pass.saved->by = SBN_BY_NOTHING;
	choose_steps(&pass, decision.by);
	if (pass.before != NULL)
		status = sbn_rows_prepare(&pass);
	if (status == SYNCBN_OK)
		status = sbn_pipeline_run(&pass);
	if (status != SYNCBN_OK)
		return status;
	if (decision.update)
		bn->batches_tracked++;
	pass.saved->by = decision.by;
	pass.saved->count = decision.by == SBN_BY_RUNNING ? 0 : pass.total;
	pass.saved->x = *x;
	return SYNCBN_OK;
}
