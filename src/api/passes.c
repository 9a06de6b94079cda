/* SPDX-License-Identifier: Apache-2.0 */
/* The forward and backward passes: their arguments against the rules. */
#include <syncbn/batch_norm.h>

#include "api/check.h"
#include "nn/layer.h"
#include "nn/tensor_check.h"

static syncbn_status_t
check_owner(const syncbn_saved_t *saved, const syncbn_batch_norm_t *bn)
{
	/* numbers count in a group, which cannot end before its saved objects */
	if (saved->bn == bn && saved->group == bn->group && saved->number == bn->number)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID, "saved was made for another layer");
}

/* A tensor that must be like x. */
static syncbn_status_t
check_like_x(const syncbn_batch_norm_t *bn, const syncbn_tensor_t *x, const char *what,
	     const syncbn_tensor_t *tensor)
{
	syncbn_status_t status = sbn_tensor_check(what, tensor, &bn->config);

	return status == SYNCBN_OK ? sbn_tensor_check_like("x", x, what, tensor) : status;
}

/* `out` is written element by element, so it may be an input, but not lie across one. */
static syncbn_status_t
check_apart(const char *what_out, const syncbn_tensor_t *out, const char *what_in,
	    const syncbn_tensor_t *in)
{
	if (in == NULL || sbn_tensor_sharing(out, in) != SBN_OVERLAP)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%s and %s overlap without being the same memory in the same layout",
			what_out, what_in);
}

static bool
share(const syncbn_tensor_t *a, const syncbn_tensor_t *b)
{
	return a != NULL && b != NULL && sbn_tensor_sharing(a, b) != SBN_APART;
}

/* y over z: the backward pass needs z for the activation, or to compute x again from y. */
static syncbn_status_t
check_over_z(const syncbn_batch_norm_t *bn, bool needs_z)
{
	if (bn->config.activation == SYNCBN_ACTIVATION_NONE && !needs_z)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"y is z, but the backward pass will need z: give y memory of its own, or "
			"saved NULL");
}

/* y over an input, when a backward pass follows. */
static syncbn_status_t
check_in_place(const syncbn_batch_norm_t *bn, const syncbn_tensor_t *x, const syncbn_tensor_t *z,
	       const syncbn_tensor_t *y)
{
	enum sbn_normalized_by by = sbn_batch_norm_decide(bn).by;
	bool undone = share(x, y) && sbn_backward_needs_x(bn, by, 0);
	syncbn_status_t status = undone ? sbn_batch_norm_check_inverse(bn) : SYNCBN_OK;

	if (status != SYNCBN_OK) {
		sbn_fail_prefix("y is x; give y memory of its own, or saved NULL");
		return status;
	}
	return share(z, y) ? check_over_z(bn, undone) : SYNCBN_OK;
}

static syncbn_status_t
check_forward(const syncbn_batch_norm_t *bn, const syncbn_tensor_t *x, const syncbn_tensor_t *z,
	      const syncbn_tensor_t *y, const syncbn_saved_t *saved)
{
	syncbn_status_t status;

	if ((saved != NULL && (status = check_owner(saved, bn)) != SYNCBN_OK) ||
	    (status = sbn_tensor_check("x", x, &bn->config)) != SYNCBN_OK ||
	    (z != NULL && (status = check_like_x(bn, x, "z", z)) != SYNCBN_OK) ||
	    (status = check_like_x(bn, x, "y", y)) != SYNCBN_OK ||
	    (status = check_apart("y", y, "x", x)) != SYNCBN_OK ||
	    (status = check_apart("y", y, "z", z)) != SYNCBN_OK)
		return status;
	return saved != NULL ? check_in_place(bn, x, z, y) : SYNCBN_OK;
}

/* Puts the function's and the layer's name before the detail of an error. */
static syncbn_status_t
named(const char *function, const syncbn_batch_norm_t *bn, syncbn_status_t status)
{
	char layer[SBN_LAYER_NAME + 16];

	if (status == SYNCBN_OK)
		return status;
	sbn_control_layer_name(&bn->group->control, bn->group->members[bn->group->rank], bn->name,
			       layer, sizeof(layer));
	sbn_fail_prefix("%s of %s", function, layer);
	return status;
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
		status = sbn_batch_norm_forward(bn, x, z, y, saved);
	return named(here, bn, status);
}

/* The forward pass may have been given the object, and failed with the group. */
static syncbn_status_t
fail_unsaved(const syncbn_batch_norm_t *bn)
{
	syncbn_status_t status = sbn_group_check_failure(bn->group);

	if (status != SYNCBN_OK)
		return status;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"nothing is saved: run a forward pass with this object first");
}

static syncbn_status_t
check_want(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved, unsigned want)
{
	if (saved->by == SBN_BY_NOTHING)
		return fail_unsaved(bn);
	if ((want & SYNCBN_WANT_ALL) == 0 || (want & ~(SYNCBN_WANT_ALL | SYNCBN_ACCUMULATE)) != 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"want is %#x: it needs one or more of SYNCBN_WANT_DX, _DGAMMA and "
				"_DBETA, may have SYNCBN_ACCUMULATE, and nothing else",
				want);
	return SYNCBN_OK;
}

/* What needs the x that y was written over, and what to do without. */
static void
advise_undoing(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved, unsigned want)
{
	if (sbn_backward_needs_x(bn, saved->by, want & ~(unsigned)SYNCBN_WANT_DGAMMA))
		sbn_fail_prefix("the backward pass needs x, over which y was written; give y "
				"memory of its own");
	else
		sbn_fail_prefix("dgamma needs x, over which y was written; leave "
				"SYNCBN_WANT_DGAMMA out, or give y memory of its own");
}

/* Where y was written over x, what is wanted must go without x, or with what y still tells. */
static syncbn_status_t
check_undoing(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved, unsigned want)
{
	syncbn_status_t status;

	if (!saved->in_place || !sbn_backward_needs_x(bn, saved->by, want))
		return SYNCBN_OK;
	if (saved->has_z && share(&saved->z, &saved->x))
		status = sbn_fail(SYNCBN_ERR_INVALID, "y was written over z, too");
	else
		status = sbn_batch_norm_check_inverse(bn);
	if (status != SYNCBN_OK)
		advise_undoing(bn, saved, want);
	return status;
}

/* One of the gradients that are written. */
static syncbn_status_t
check_gradient(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved,
	       const syncbn_tensor_t *dy, const char *what, const syncbn_tensor_t *gradient)
{
	const syncbn_tensor_t *z = saved->has_z ? &saved->z : NULL;
	syncbn_status_t status = check_like_x(bn, &saved->x, what, gradient);

	if (status != SYNCBN_OK || (status = check_apart(what, gradient, "dy", dy)) != SYNCBN_OK ||
	    (status = check_apart(what, gradient, "z", z)) != SYNCBN_OK)
		return status;
	return check_apart(what, gradient, "x", &saved->x);
}

static syncbn_status_t
check_dz(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved, const syncbn_tensor_t *dy,
	 const syncbn_tensor_t *dx, const syncbn_tensor_t *dz)
{
	syncbn_status_t status;

	if (!saved->has_z)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"dz must be NULL: the forward pass was given no z");
	status = check_gradient(bn, saved, dy, "dz", dz);
	if (status != SYNCBN_OK)
		return status;
	if (dx != NULL && sbn_tensor_sharing(dx, dz) != SBN_APART)
		return sbn_fail(SYNCBN_ERR_INVALID, "dx and dz share memory");
	return SYNCBN_OK;
}

static syncbn_status_t
check_backward(const syncbn_batch_norm_t *bn, const syncbn_saved_t *saved,
	       const syncbn_tensor_t *dy, const syncbn_tensor_t *dx, const syncbn_tensor_t *dz,
	       unsigned want)
{
	syncbn_status_t status;

	if ((status = check_owner(saved, bn)) != SYNCBN_OK ||
	    (status = check_want(bn, saved, want)) != SYNCBN_OK ||
	    (status = check_undoing(bn, saved, want)) != SYNCBN_OK ||
	    (status = check_like_x(bn, &saved->x, "dy", dy)) != SYNCBN_OK)
		return status;
	if (!(want & SYNCBN_WANT_DX))
		dx = NULL;
	else if (dx == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "dx is NULL but SYNCBN_WANT_DX is set");
	if (dx != NULL && (status = check_gradient(bn, saved, dy, "dx", dx)) != SYNCBN_OK)
		return status;
	return dz != NULL ? check_dz(bn, saved, dy, dx, dz) : SYNCBN_OK;
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
		status = sbn_batch_norm_backward(bn, saved, dy, dx, dz, want);
	return named(here, bn, status);
}
