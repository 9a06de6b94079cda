/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/batch_norm.h>

#include "api/check.h"
#include "nn/geometry.h"
#include "nn/layer.h"

syncbn_status_t
syncbn_batch_norm_new(syncbn_group_t *group, const syncbn_batch_norm_config_t *config,
		      syncbn_batch_norm_t **bn)
{
	static const char here[] = "syncbn_batch_norm_new";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "config", config)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "bn", bn)) != SYNCBN_OK)
		return status;
	*bn = NULL;
	return sbn_named(here, sbn_batch_norm_new(group, config, bn));
}

void
syncbn_batch_norm_free(syncbn_batch_norm_t *bn)
{
	if (bn != NULL)
		sbn_batch_norm_free(bn);
}

static bool
is_param(syncbn_param_t which)
{
	return (int)which >= 0 && (int)which < SBN_PARAMS;
}

float *
syncbn_batch_norm_param(syncbn_batch_norm_t *bn, syncbn_param_t which)
{
	return bn == NULL || !is_param(which) ? NULL : bn->param[which];
}

syncbn_status_t
syncbn_batch_norm_bind(syncbn_batch_norm_t *bn, syncbn_param_t which, float *memory)
{
	static const char here[] = "syncbn_batch_norm_bind";
	syncbn_status_t status = sbn_check_call(here, "bn", bn);

	if (status != SYNCBN_OK)
		return status;
	if (!is_param(which))
		status = sbn_fail(SYNCBN_ERR_INVALID, "which is %d, not 0 to %d", (int)which,
				  SBN_PARAMS - 1);
	else if ((uintptr_t)memory % sizeof(float) != 0)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "memory is not aligned to its 4-byte elements");
	else
		status = sbn_batch_norm_bind(bn, which, memory);
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_batch_norm_reset(syncbn_batch_norm_t *bn)
{
	syncbn_status_t status = sbn_check_call("syncbn_batch_norm_reset", "bn", bn);

	if (status == SYNCBN_OK)
		sbn_batch_norm_reset(bn);
	return status;
}

syncbn_status_t
syncbn_batch_norm_train(syncbn_batch_norm_t *bn, int training)
{
	syncbn_status_t status = sbn_check_call("syncbn_batch_norm_train", "bn", bn);

	if (status == SYNCBN_OK)
		bn->training = training != 0;
	return status;
}

int64_t
syncbn_batch_norm_batches_tracked(const syncbn_batch_norm_t *bn)
{
	return bn == NULL ? -1 : bn->batches_tracked;
}

syncbn_status_t
syncbn_saved_new(syncbn_batch_norm_t *bn, syncbn_saved_t **saved)
{
	static const char here[] = "syncbn_saved_new";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "bn", bn)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "saved", saved)) != SYNCBN_OK)
		return status;
	*saved = NULL;
	status = sbn_saved_new(bn, saved);
	if (status == SYNCBN_OK)
		bn->group->n_users++;
	return sbn_named(here, status);
}

void
syncbn_saved_free(syncbn_saved_t *saved)
{
	if (saved == NULL)
		return;
	saved->group->n_users--;
	sbn_saved_free(saved);
}

syncbn_status_t
syncbn_saved_statistics(const syncbn_saved_t *saved, syncbn_statistics_t *statistics)
{
	static const char here[] = "syncbn_saved_statistics";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "saved", saved)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "statistics", statistics)) != SYNCBN_OK)
		return status;
	if (saved->by == SBN_BY_NOTHING)
		return sbn_named(here,
				 sbn_fail(SYNCBN_ERR_INVALID,
					  "nothing is saved: give it to a forward pass first"));
	*statistics = (syncbn_statistics_t){ saved->mean, saved->invstd, saved->count };
	return SYNCBN_OK;
}

static syncbn_status_t
check_owner(const syncbn_saved_t *saved, const syncbn_batch_norm_t *bn)
{
	if (saved->bn == bn && saved->number == bn->number)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID, "saved was made for another layer");
}

static syncbn_status_t
check_input(const syncbn_batch_norm_t *bn, const char *what, const syncbn_tensor_t *tensor)
{
	return sbn_tensor_check(what, tensor, bn->config.num_features, bn->config.only_2d_4d);
}

static syncbn_status_t
check_forward(const syncbn_batch_norm_t *bn, const syncbn_tensor_t *x, const syncbn_tensor_t *z,
	      const syncbn_tensor_t *y, const syncbn_saved_t *saved)
{
	syncbn_status_t status;

	if (z != NULL)
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"z must be NULL: adding a residual is not supported");
	if ((saved != NULL && (status = check_owner(saved, bn)) != SYNCBN_OK) ||
	    (status = check_input(bn, "x", x)) != SYNCBN_OK ||
	    (status = check_input(bn, "y", y)) != SYNCBN_OK ||
	    (status = sbn_tensor_check_like("x", x, "y", y)) != SYNCBN_OK)
		return status;
	if (sbn_tensor_overlaps(x, y))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"x and y overlap without being the same memory");
	if (saved != NULL && x->data == y->data && !sbn_tensor_is_empty(x))
		return sbn_fail(
			SYNCBN_ERR_INVALID,
			"y is x, but the backward pass will need x: give y memory of its own, "
			"or saved NULL");
	return SYNCBN_OK;
}

syncbn_status_t
syncbn_batch_norm_forward(syncbn_batch_norm_t *bn, const syncbn_tensor_t *x,
			  const syncbn_tensor_t *z, const syncbn_tensor_t *y, syncbn_saved_t *saved)
{
	static const char here[] = "syncbn_batch_norm_forward";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "bn", bn)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "x", x)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "y", y)) != SYNCBN_OK)
		return status;
	status = check_forward(bn, x, z, y, saved);
	if (status == SYNCBN_OK)
		status = sbn_batch_norm_forward(bn, x, y, saved);
	return sbn_named(here, status);
}

static syncbn_status_t
check_dx(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved, const syncbn_tensor_t *dy,
	 const syncbn_tensor_t *dx)
{
	syncbn_status_t status;

	if (dx == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "dx is NULL but SYNCBN_WANT_DX is set");
	if ((status = check_input(bn, "dx", dx)) != SYNCBN_OK ||
	    (status = sbn_tensor_check_like("x", &saved->x, "dx", dx)) != SYNCBN_OK)
		return status;
	if (sbn_tensor_overlaps(dy, dx) || sbn_tensor_overlaps(&saved->x, dx))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"dx overlaps dy or x without being the same memory");
	return SYNCBN_OK;
}

static syncbn_status_t
check_backward(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved,
	       const syncbn_tensor_t *dy, const syncbn_tensor_t *dx, const syncbn_tensor_t *dz,
	       unsigned want)
{
	syncbn_status_t status = check_owner(saved, bn);

	if (status != SYNCBN_OK)
		return status;
	if (saved->by == SBN_BY_NOTHING)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"nothing is saved: run a forward pass with this object first");
	if ((want & SYNCBN_WANT_ALL) == 0 || (want & ~(SYNCBN_WANT_ALL | SYNCBN_ACCUMULATE)) != 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"want is %#x: or together SYNCBN_WANT_DX, _DGAMMA, _DBETA and "
				"SYNCBN_ACCUMULATE",
				want);
	if (dz != NULL)
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"dz must be NULL: adding a residual is not supported");
	if ((status = check_input(bn, "dy", dy)) != SYNCBN_OK ||
	    (status = sbn_tensor_check_like("x", &saved->x, "dy", dy)) != SYNCBN_OK)
		return status;
	return want & SYNCBN_WANT_DX ? check_dx(bn, saved, dy, dx) : SYNCBN_OK;
}

syncbn_status_t
syncbn_batch_norm_backward(syncbn_batch_norm_t *bn, syncbn_saved_t *saved,
			   const syncbn_tensor_t *dy, const syncbn_tensor_t *dx,
			   const syncbn_tensor_t *dz, unsigned want)
{
	static const char here[] = "syncbn_batch_norm_backward";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "bn", bn)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "saved", saved)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "dy", dy)) != SYNCBN_OK)
		return status;
	status = check_backward(bn, saved, dy, dx, dz, want);
	if (status == SYNCBN_OK)
		status = sbn_batch_norm_backward(bn, saved, dy, dx, want);
	return sbn_named(here, status);
}
