/* SPDX-License-Identifier: Apache-2.0 */
/* What forward and backward passes begin with, and what they ask of their operands. */
#include "nn/pass.h"
#include "base/prefetch.h"
#include "nn/cache.h"
#include "nn/stores.h"

void
sbn_pass_begin(struct sbn_pass *pass, struct syncbn_batch_norm *bn, const syncbn_tensor_t *x)
{
	static const enum sbn_activation activations[] = {
		[SYNCBN_ACTIVATION_NONE] = SBN_ACT_NONE,
		[SYNCBN_ACTIVATION_RELU] = SBN_ACT_RELU,
		[SYNCBN_ACTIVATION_LEAKY_RELU] = SBN_ACT_LEAKY_RELU,
	};

	pass->bn = bn;
	pass->geometry = sbn_geometry_of(x);
	pass->count = pass->geometry.n * pass->geometry.spatial;
	pass->kernels = &bn->group->process->kernels->of[pass->geometry.type];
	pass->near = sbn_cache_find().near;
	pass->x = sbn_view_of(x);
	pass->k = (struct sbn_coefficients){
		.mean_hi = bn->coefficient[SBN_MEAN_HI],
		.mean_lo = bn->coefficient[SBN_MEAN_LO],
		.scale = bn->coefficient[SBN_SCALE],
		.shift = bn->coefficient[SBN_SHIFT],
		.dy_hi = bn->coefficient[SBN_DY_HI],
		.dy_lo = bn->coefficient[SBN_DY_LO],
		.slope = bn->coefficient[SBN_SLOPE],
		.slope_lo = bn->coefficient[SBN_SLOPE_LO],
		.activation = activations[bn->config.activation],
		.negative_slope = bn->wide ? bn->config.negative_slope :
					     (double)(float)bn->config.negative_slope,
	};
}

static bool
is_input(const struct sbn_pass *pass, const struct sbn_view *view)
{
	return view->data == pass->x.data || view->data == pass->z.data ||
	       view->data == pass->dy.data;
}

static bool
go_past(const struct sbn_pass *pass, size_t bytes)
{
	struct sbn_process *process = pass->bn->group->process;

	return sbn_stores_go_past(process, bytes / (size_t)sbn_team_threads(process->team));
}

/* Ordinary where an output lies over an input: its lines are in the caches already. */
void
sbn_pass_choose_stores(struct sbn_pass *pass)
{
	const size_t inputs = 1 + (pass->z.data != NULL) +
			      (pass->dy.data != NULL && pass->dy.data != pass->x.data);
	const size_t tensors = inputs + (pass->out.data != NULL) + (pass->dz.data != NULL);
	const size_t bytes =
		tensors * sbn_geometry_elements(&pass->geometry) * pass->geometry.element_bytes;
	const enum sbn_stores stores = pass->bn->group->process->stores;

	if (stores == SBN_STORES_AUTO)
		pass->stream = !(pass->out.data != NULL && is_input(pass, &pass->out)) &&
			       !(pass->dz.data != NULL && is_input(pass, &pass->dz)) &&
			       go_past(pass, bytes);
	else
		pass->stream = stores == SBN_STORES_STREAMING;
}

static void
fetch_array(const void *array, size_t element, uint32_t begin, uint32_t end)
{
	const char *line, *last;

	if (array == NULL)
		return;
	last = (const char *)array + end * element - 1;
	for (line = (const char *)array + begin * element; line < last; line += SBN_STORE_LINE)
		sbn_prefetch_to_write(line);
	sbn_prefetch_to_write(last);
}

void
sbn_pass_fetch(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const struct syncbn_saved *saved = pass->saved;
	const bool backward = pass->op == SBN_OP_BACKWARD;
	const size_t real = bn->wide ? sizeof(double) : sizeof(float);

	if (begin >= end)
		return;
	fetch_array(saved->mean, sizeof(double), begin, end);
	fetch_array(saved->mean_low, sizeof(double), begin, end);
	fetch_array(saved->invstd, sizeof(double), begin, end);
	for (int i = 0; i < (backward ? SBN_COEFFICIENTS : SBN_SHIFT + 1); i++)
		fetch_array(bn->coefficient[i], real, begin, end);
	for (int i = 0; i < SBN_PARAMS; i++)
		if (backward == (i >= SYNCBN_DGAMMA))
			fetch_array(bn->param[i], real, begin, end);
}

static bool
is_in_order(const struct sbn_view *view, enum sbn_order order)
{
	return view->data == NULL || view->order == order;
}

enum sbn_order
sbn_pass_order_of_inputs(const struct sbn_pass *pass)
{
	enum sbn_order order = pass->x.order;

	return is_in_order(&pass->z, order) && is_in_order(&pass->dy, order) ? order : SBN_BLOCKS;
}

enum sbn_order
sbn_pass_order(const struct sbn_pass *pass)
{
	enum sbn_order order = sbn_pass_order_of_inputs(pass);

	return is_in_order(&pass->out, order) && is_in_order(&pass->dz, order) ? order : SBN_BLOCKS;
}
