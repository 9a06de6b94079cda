/* SPDX-License-Identifier: Apache-2.0 */
/* The backward pass: gradients of the input, of gamma and of beta. */
#include "nn/pipeline.h"
#include "nn/planes.h"
#include "nn/rows.h"

static void
store_gradient(const struct sbn_pass *pass, syncbn_param_t which, uint32_t c, double value)
{
	float *gradient = &pass->bn->param[which][c];
	double old = pass->want & SYNCBN_ACCUMULATE ? (double)*gradient : 0;

	*gradient = (float)(old + value);
}

/* dgamma and dbeta by the layer's mode, from this rank's sums and the group's. */
static void
store_gradients(const struct sbn_pass *pass, uint32_t c, struct sbn_pair own, struct sbn_pair sum,
		double group_divisor)
{
	const syncbn_batch_norm_config_t *config = &pass->bn->config;
	double divisor = config->param_grad_mode == SYNCBN_PARAM_GRAD_MEAN ? group_divisor : 1;
	struct sbn_pair chosen = config->param_grad_mode == SYNCBN_PARAM_GRAD_LOCAL ? own : sum;

	if (!config->affine)
		return;
	if (pass->want & SYNCBN_WANT_DBETA)
		store_gradient(pass, SYNCBN_DBETA, c, chosen.a / divisor);
	if (pass->want & SYNCBN_WANT_DGAMMA)
		store_gradient(pass, SYNCBN_DGAMMA, c, chosen.b * pass->saved->invstd[c] / divisor);
}

/* In rank order on every rank: equal bits everywhere. */
static struct sbn_pair
sum_channel(const struct sbn_pairs *pairs, uint32_t c)
{
	struct sbn_pair sum = { 0, 0 };

	for (uint32_t rank = 0; rank < pairs->n_ranks; rank++) {
		sum.a += pairs->row[rank][c - pairs->first].a;
		sum.b += pairs->row[rank][c - pairs->first].b;
	}
	return sum;
}

/* The means over the batch that normalized; none where running statistics did. */
static void
set_slopes(const struct sbn_pass *pass, uint32_t c, struct sbn_pair sum)
{
	const struct sbn_coefficients *k = &pass->bn->k;
	double invstd = pass->saved->invstd[c];
	double mean_dy = sum.a / pass->saved->count;
	double mean_dy_xhat = sum.b * invstd / pass->saved->count;

	k->dy_hi[c] = (float)mean_dy;
	k->dy_lo[c] = (float)(mean_dy - (double)k->dy_hi[c]);
	k->slope[c] = (float)(mean_dy_xhat * invstd);
}

static bool
merge_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		const struct sbn_pairs *pairs)
{
	for (uint32_t c = begin; c < end && pairs != NULL; c++) {
		struct sbn_pair own = pairs->row[pairs->self][c - pairs->first];
		struct sbn_pair sum = sum_channel(pairs, c);

		store_gradients(pass, c, own, sum, pairs->divisor);
		if (pass->saved->count != 0) /* 0: running statistics, or no samples anywhere */
			set_slopes(pass, c, pass->saved->by == SBN_BY_LOCAL ? own : sum);
	}
	return true;
}

/* What is known before anything is summed. */
static void
set_coefficients(const struct sbn_pass *pass)
{
	const struct syncbn_batch_norm *bn = pass->bn;

	for (uint32_t c = 0; c < bn->n_channels; c++) {
		double mean = pass->saved->mean[c];
		double gamma = bn->config.affine ? (double)bn->param[SYNCBN_GAMMA][c] : 1;

		bn->k.mean_hi[c] = (float)mean;
		bn->k.mean_lo[c] = (float)(mean - (double)bn->k.mean_hi[c]);
		bn->k.scale[c] = (float)(gamma * pass->saved->invstd[c]);
		bn->k.dy_hi[c] = bn->k.dy_lo[c] = bn->k.slope[c] = 0;
	}
}

static void
choose_steps(struct sbn_pass *pass)
{
	bool rows = pass->geometry.rows;
	bool wants_dx = pass->want & SYNCBN_WANT_DX;
	bool wants_params =
		pass->bn->config.affine && pass->want & (SYNCBN_WANT_DGAMMA | SYNCBN_WANT_DBETA);
	bool local = pass->bn->config.param_grad_mode == SYNCBN_PARAM_GRAD_LOCAL;

	pass->exchange = (pass->saved->by == SBN_BY_GROUP && wants_dx) || (wants_params && !local);
	pass->merge = merge_gradients;
	if (wants_params || (wants_dx && pass->saved->by != SBN_BY_RUNNING)) {
		pass->before = rows ? sbn_rows_block_gradients : NULL;
		pass->sum = rows ? sbn_rows_sum_gradients : sbn_planes_sum_gradients;
	}
	if (wants_dx && rows)
		pass->after = sbn_rows_dx;
	else if (wants_dx)
		pass->apply = sbn_planes_dx;
}

syncbn_status_t
sbn_batch_norm_backward(struct syncbn_batch_norm *bn, syncbn_saved_t *saved,
			const syncbn_tensor_t *dy, const syncbn_tensor_t *dx, unsigned want)
{
	struct sbn_pass pass = {
		.bn = bn,
		.saved = saved,
		.geometry = sbn_geometry_of(dy),
		.x = saved->x.data,
		.dy = dy->data,
		.out = want & SYNCBN_WANT_DX ? dx->data : NULL,
		.want = want,
		.op = SBN_OP_BACKWARD,
	};
	syncbn_status_t status = SYNCBN_OK;

	pass.count = pass.geometry.n * pass.geometry.spatial;
	choose_steps(&pass);
	set_coefficients(&pass);
	if (pass.before != NULL)
		status = sbn_rows_prepare(&pass);
	return status == SYNCBN_OK ? sbn_pipeline_run(&pass) : status;
}
