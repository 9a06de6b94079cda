/* SPDX-License-Identifier: Apache-2.0 */
/* The forward pass: which statistics normalize, their merge, and the running statistics. */
#include <float.h>
#include <math.h>

#include "base/math.h"
#include "kernels/merge.h"
#include "nn/pipeline.h"
#include "nn/planes.h"
#include "nn/rows.h"
#include "nn/tiles.h"

struct sbn_decision
sbn_batch_norm_decide(const struct syncbn_batch_norm *bn)
{
	const syncbn_batch_norm_config_t *config = &bn->config;
	bool always = config->use_batch_statistics == SYNCBN_BATCH_STATISTICS_ALWAYS;
	bool never = config->use_batch_statistics == SYNCBN_BATCH_STATISTICS_NEVER;
	bool records = always || bn->training;

	if (never || (!records && config->track_running_stats))
		return (struct sbn_decision){ .by = SBN_BY_RUNNING };
	return (struct sbn_decision){
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
		return 1 / ((double)bn->batches_tracked + 1);
	default:
		return bn->config.momentum;
	}
}

/* A float layer multiplies by a float, which must not be inf: 0 * inf is no number. */
static double
inverse_std(const struct syncbn_batch_norm *bn, double var)
{
	double sum = var + bn->config.eps, inverse;

	if (sum == 0)
		return 0;
	inverse = 1 / sqrt(sum);
	if (inverse <= (double)FLT_MAX || bn->wide)
		return inverse;
	return isnan(inverse) ? inverse : (double)FLT_MAX;
}

static void
save_channel(const struct sbn_pass *pass, uint32_t c, const struct sbn_moments *moments, double var)
{
	pass->saved->mean[c] = moments->mean;
	pass->saved->mean_low[c] = moments->low;
	pass->saved->invstd[c] = inverse_std(pass->bn, var);
	sbn_set_normalize(pass, c);
}

/* running = (1 - factor) * running + factor * value */
static void
move(const struct sbn_pass *pass, syncbn_param_t which, uint32_t c, double value)
{
	struct syncbn_batch_norm *bn = pass->bn;
	double old = sbn_real_get(bn, bn->param[which], c);

	sbn_real_set(bn, bn->param[which], c, (1 - pass->factor) * old + pass->factor * value);
}

static void
update_running(const struct sbn_pass *pass, uint32_t c, const struct sbn_moments *batch)
{
	bool unbiased = pass->bn->config.var_mode == SYNCBN_VAR_UNBIASED_GLOBAL;

	move(pass, SYNCBN_RUNNING_MEAN, c, batch->mean);
	move(pass, SYNCBN_RUNNING_VAR, c, batch->m2 / (unbiased ? batch->count - 1 : batch->count));
}

static void
use_batch(const struct sbn_pass *pass, uint32_t c, const struct sbn_moments *batch)
{
	save_channel(pass, c, batch, batch->m2 / batch->count);
	if (pass->factor != 0)
		update_running(pass, c, batch);
}

/* float64: means of two doubles. */
static void
merge_wide(const struct sbn_pass *pass, uint32_t begin, uint32_t end, const struct sbn_pairs *pairs)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_moments batch = { 0 };

		for (uint32_t rank = 0; rank < pairs->n_ranks; rank++) {
			struct sbn_pair pair = pairs->row[rank][c - pairs->first];
			struct sbn_moments part = { pairs->count[rank], pair.a, pair.b,
						    pairs->low[rank][c - pairs->first] };

			sbn_moments_merge_wide(&batch, &part);
		}
		use_batch(pass, c, &batch);
	}
}

/* In rank order on every rank: equal bits everywhere. */
static void
merge_channels(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	       const struct sbn_pairs *pairs)
{
	const struct sbn_pair *row[pairs->n_ranks];
	struct sbn_pair sum[SBN_MERGE_CHANNELS];

	for (uint32_t rank = 0; rank < pairs->n_ranks; rank++)
		row[rank] = pairs->row[rank] + (begin - pairs->first);
	pass->bn->group->process->kernels->merge_moments(sum, row, pairs->count, pairs->n_ranks,
							 end - begin);
	for (uint32_t c = begin; c < end; c++) {
		const struct sbn_moments batch = {
			.count = pairs->total,
			.mean = sum[c - begin].a,
			.m2 = sum[c - begin].b,
		};

		use_batch(pass, c, &batch);
	}
}

static bool
merge_batch(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	    const struct sbn_pairs *pairs)
{
	/* none: nothing to record, gradients of 0; one: the pipeline refuses */
	if (pairs->total < 2) {
		for (uint32_t c = begin; c < end; c++)
			pass->saved->mean[c] = pass->saved->mean_low[c] = pass->saved->invstd[c] =
				0;
		return false;
	}
	if (pairs->low != NULL) {
		merge_wide(pass, begin, end, pairs);
		return true;
	}
	for (uint32_t c = begin; c < end; c += SBN_MERGE_CHANNELS)
		merge_channels(pass, c, SBN_MIN(end, c + SBN_MERGE_CHANNELS), pairs);
	return true;
}

static bool
use_running(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	    const struct sbn_pairs *pairs)
{
	const struct syncbn_batch_norm *bn = pass->bn;

	(void)pairs;
	for (uint32_t c = begin; c < end; c++) {
		const struct sbn_moments running = {
			.mean = sbn_real_get(bn, bn->param[SYNCBN_RUNNING_MEAN], c),
		};

		save_channel(pass, c, &running, sbn_real_get(bn, bn->param[SYNCBN_RUNNING_VAR], c));
	}
	return true;
}

/* What is summed depends on x alone, and so do the bits. */
static void
choose_sum(struct sbn_pass *pass)
{
	if (pass->x.order == SBN_PLANES) {
		pass->sum = sbn_planes_sum_moments;
	} else if (pass->x.order == SBN_ROWS) {
		pass->before = sbn_rows_block_moments;
		pass->sum = sbn_rows_sum_moments;
	} else {
		pass->sum = sbn_tiles_sum_moments;
	}
}

static void
choose_steps(struct sbn_pass *pass, enum sbn_normalized_by by)
{
	pass->merge = by == SBN_BY_RUNNING ? use_running : merge_batch;
	if (by != SBN_BY_RUNNING)
		choose_sum(pass);
	switch (sbn_pass_order(pass)) {
	case SBN_PLANES:
		pass->apply = sbn_planes_normalize;
		pass->sum_and_apply = sbn_planes_sum_and_normalize;
		break;
	case SBN_ROWS:
		pass->after = sbn_rows_normalize;
		break;
	default:
		pass->apply = sbn_tiles_normalize;
		pass->sum_and_apply = sbn_tiles_sum_and_normalize;
		pass->apply_rest = sbn_tiles_normalize_rest;
	}
}

static void
save(struct sbn_pass *pass, enum sbn_normalized_by by, const syncbn_tensor_t *x,
     const syncbn_tensor_t *z)
{
	pass->saved->by = by;
	pass->saved->forward = pass->exchange ? pass->number : 0;
	pass->saved->count = by == SBN_BY_RUNNING ? 0 : pass->total;
	pass->saved->x = *x;
	pass->saved->has_z = z != NULL;
	if (z != NULL)
		pass->saved->z = *z;
	pass->saved->in_place = pass->count != 0 && pass->x.data == pass->out.data;
}

syncbn_status_t
sbn_batch_norm_forward(struct syncbn_batch_norm *bn, const syncbn_tensor_t *x,
		       const syncbn_tensor_t *z, const syncbn_tensor_t *y, syncbn_saved_t *saved)
{
	struct sbn_decision decision = sbn_batch_norm_decide(bn);
	struct sbn_pass pass = {
		.saved = saved != NULL ? saved : bn->scratch,
		.exchange = decision.by == SBN_BY_GROUP,
		.op = SBN_OP_FORWARD,
		.needs_two = decision.by != SBN_BY_RUNNING,
		.factor = decision.update ? batch_weight(bn) : 0,
	};
	syncbn_status_t status = SYNCBN_OK;

	sbn_pass_begin(&pass, bn, x);
	pass.z = sbn_view_of(z);
	pass.out = sbn_view_of(y);
	pass.saved->by = SBN_BY_NOTHING;
	choose_steps(&pass, decision.by);
	sbn_pass_choose_stores(&pass);
	if (pass.before != NULL)
		status = sbn_rows_prepare(&pass);
	if (status == SYNCBN_OK)
		status = sbn_pipeline_run(&pass);
	if (status != SYNCBN_OK)
		return status;
	if (decision.update && bn->batches_tracked < INT64_MAX)
		bn->batches_tracked++;
	save(&pass, decision.by, x, z);
	return SYNCBN_OK;
}
