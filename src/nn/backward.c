/* SPDX-License-Identifier: Apache-2.0 */
/* The backward pass: gradients of the input, of gamma and of beta. */
#include "base/math.h"
#include "nn/coefficients.h"
#include "nn/pipeline.h"
#include "nn/plane_blocks.h"
#include "nn/planes.h"
#include "nn/rows.h"
#include "nn/tiles.h"

/*
 * Values a channel, in the group, up to which dx is made in double: float32 shows in the third
 * digit where two or three values that nearly agree share a mean. Of more it is about sqrt(count)
 * times less, and costs more to avoid.
 */
enum { FEW = 64 };

enum { FETCHED = 64 }; /* channels whose coefficients are asked for together */

/* In rank order on every rank: equal bits everywhere. */
static void
merge_channels(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	       const struct sbn_pairs *pairs)
{
	const struct sbn_pair *own_row = pairs->row[pairs->self] + (begin - pairs->first);
	const double *row[pairs->n_ranks];
	struct sbn_pair sums[SBN_MERGE_CHANNELS];
	double *sum = &sums->a;

	for (uint32_t rank = 0; rank < pairs->n_ranks; rank++)
		row[rank] = &pairs->row[rank][begin - pairs->first].a;
	pass->bn->group->process->kernels->sum_f64(&sum, 1, row, pairs->n_ranks,
						   2 * (size_t)(end - begin), 1);
	sbn_use_gradients(pass, begin, end, own_row, sums, pairs->divisor);
}

static bool
merge_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		const struct sbn_pairs *pairs)
{
	for (uint32_t c = begin; c < end && pairs != NULL; c += SBN_MERGE_CHANNELS)
		merge_channels(pass, c, SBN_MIN(end, c + SBN_MERGE_CHANNELS), pairs);
	return true;
}

/* What is known before anything is summed. */
static void
set_coefficients(const struct sbn_pass *pass)
{
	const uint32_t n = pass->bn->n_channels;

	for (uint32_t c = 0; c < n; c += FETCHED) {
		const uint32_t end = SBN_MIN(c + FETCHED, n);

		sbn_pass_fetch(pass, c == 0 ? 0 : end, SBN_MIN(c + 2 * FETCHED, n));
		sbn_set_normalize(pass, c, end);
		sbn_set_no_slopes(pass, c, end);
	}
}

static void
choose_sum(struct sbn_pass *pass)
{
	enum sbn_order order = sbn_pass_order_of_inputs(pass);

	if (order == SBN_PLANES) {
		pass->sum = sbn_planes_sum_gradients;
	} else if (order == SBN_ROWS) {
		pass->before = sbn_rows_block_gradients;
		pass->sum = sbn_rows_sum_gradients;
	} else {
		pass->sum = sbn_tiles_sum_gradients;
	}
}

static void
choose_apply(struct sbn_pass *pass)
{
	enum sbn_order order = sbn_pass_order(pass);

	if (order == SBN_PLANES) {
		pass->apply = sbn_planes_dx;
		pass->sum_and_apply = sbn_planes_sum_and_dx;
	} else if (order == SBN_ROWS) {
		pass->after = sbn_rows_dx;
	} else {
		pass->apply = sbn_tiles_dx;
		pass->sum_and_apply = sbn_tiles_sum_and_dx;
		pass->apply_rest = sbn_tiles_dx_rest;
	}
}

static void
choose_steps(struct sbn_pass *pass)
{
	bool wants_dx = pass->want & SYNCBN_WANT_DX;
	bool wants_params =
		pass->bn->config.affine && pass->want & (SYNCBN_WANT_DGAMMA | SYNCBN_WANT_DBETA);
	bool local = pass->bn->config.param_grad_mode == SYNCBN_PARAM_GRAD_LOCAL;

	pass->exchange = (pass->saved->by == SBN_BY_GROUP && wants_dx) || (wants_params && !local);
	pass->merge = merge_gradients;
	if (wants_params || (wants_dx && pass->saved->by != SBN_BY_RUNNING))
		choose_sum(pass);
	if (pass->out.data != NULL || pass->dz.data != NULL)
		choose_apply(pass);
	if (sbn_pass_order(pass) == SBN_PLANES)
		pass->blocks = &sbn_plane_blocks_backward;
}

bool
sbn_backward_needs_x(const struct syncbn_batch_norm *bn, enum sbn_normalized_by by, unsigned want)
{
	bool active = bn->config.activation != SYNCBN_ACTIVATION_NONE;
	bool wants_dgamma = bn->config.affine && want & SYNCBN_WANT_DGAMMA;

	return active || by != SBN_BY_RUNNING || wants_dgamma;
}

/*
 * Without an activation z plays no part, unless y holds it and must serve for x; and after running
 * statistics x plays none in dx, so dy stands in for it: the pass reads less, and x may be gone.
 */
static void
set_operands(struct sbn_pass *pass, const syncbn_tensor_t *dy)
{
	bool active = pass->bn->config.activation != SYNCBN_ACTIVATION_NONE;
	bool needs_x = sbn_backward_needs_x(pass->bn, pass->saved->by, pass->want);

	pass->dy = sbn_view_of(dy);
	pass->k.x_is_y = needs_x && pass->saved->in_place;
	pass->k.flat = pass->saved->by == SBN_BY_RUNNING;
	pass->k.few = !pass->bn->wide && pass->saved->count > 0 && pass->saved->count <= FEW;
	if (pass->saved->has_z && (active || pass->k.x_is_y))
		pass->z = sbn_view_of(&pass->saved->z);
	if (!needs_x)
		pass->x = pass->dy;
}

syncbn_status_t
sbn_batch_norm_backward(struct syncbn_batch_norm *bn, syncbn_saved_t *saved,
			const syncbn_tensor_t *dy, const syncbn_tensor_t *dx,
			const syncbn_tensor_t *dz, unsigned want)
{
	struct sbn_pass pass = {
		.saved = saved,
		.want = want,
		.op = SBN_OP_BACKWARD,
	};
	syncbn_status_t status = SYNCBN_OK;

	sbn_pass_begin(&pass, bn, &saved->x);
	pass.of_forward = saved->forward;
	set_operands(&pass, dy);
	pass.out = sbn_view_of(want & SYNCBN_WANT_DX ? dx : NULL);
	pass.dz = sbn_view_of(dz);
	choose_steps(&pass);
	sbn_pass_choose_stores(&pass);
	sbn_pass_choose_ways(&pass);
	set_coefficients(&pass);
	if (pass.before != NULL)
		status = sbn_rows_prepare(&pass);
	return status == SYNCBN_OK ? sbn_pipeline_run(&pass) : status;
}
