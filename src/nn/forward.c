/* SPDX-License-Identifier: Apache-2.0 */
/* The forward pass: which statistics normalize, their merge, and the running statistics. */
#include "base/math.h"
#include "kernels/merge.h"
#include "nn/coefficients.h"
#include "nn/pipeline.h"
#include "nn/plane_blocks.h"
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

/* float64: means of two doubles. */
static void
merge_wide(const struct sbn_pairs *pairs, uint32_t begin, uint32_t end, const struct sbn_sums *out)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_moments batch = { 0 };

		for (uint32_t rank = 0; rank < pairs->n_ranks; rank++) {
			struct sbn_pair pair = pairs->row[rank][c - pairs->first];
			struct sbn_moments part = { pairs->count[rank], pair.a, pair.b,
						    pairs->low[rank][c - pairs->first] };

			sbn_moments_merge_wide(&batch, &part);
		}
		sbn_sums_put(out, c - begin, &batch);
	}
}

static void
merge_plain(const struct sbn_pass *pass, const struct sbn_pairs *pairs, uint32_t begin,
	    uint32_t end, const struct sbn_sums *out)
{
	const struct sbn_pair *row[pairs->n_ranks];

	for (uint32_t rank = 0; rank < pairs->n_ranks; rank++)
		row[rank] = pairs->row[rank] + (begin - pairs->first);
	pass->bn->group->process->kernels->merge_moments(out->pair, row, pairs->count,
							 pairs->n_ranks, end - begin);
}

/* In rank order on every rank: equal bits everywhere. */
static void
merge_channels(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	       const struct sbn_pairs *pairs)
{
	struct sbn_pair pair[SBN_MERGE_CHANNELS];
	double low[SBN_MERGE_CHANNELS];
	const struct sbn_sums batch = { pair, pairs->low != NULL ? low : NULL };

	if (pairs->low != NULL)
		merge_wide(pairs, begin, end, &batch);
	else
		merge_plain(pass, pairs, begin, end, &batch);
	sbn_use_batch(pass, begin, end, &batch, pairs->total);
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
	for (uint32_t c = begin; c < end; c += SBN_MERGE_CHANNELS)
		merge_channels(pass, c, SBN_MIN(end, c + SBN_MERGE_CHANNELS), pairs);
	return true;
}

static bool
use_running(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	    const struct sbn_pairs *pairs)
{
	(void)pairs;
	sbn_use_running(pass, begin, end);
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
		pass->blocks = &sbn_plane_blocks_forward;
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
	sbn_pass_choose_ways(&pass);
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
