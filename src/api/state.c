/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/state.h>

#include <stdlib.h>

#include "api/check.h"
#include "state/state.h"

static syncbn_status_t
view_layer(const syncbn_state_layer_t *layer, struct sbn_state_layer *view)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(1);
	syncbn_status_t status = syncbn_batch_norm_get_config(layer->bn, &config);

	if (status != SYNCBN_OK)
		return status;
	view->prefix = layer->prefix == NULL ? "" : layer->prefix;
	view->type = config.dtype == SYNCBN_FLOAT64 ? SBN_NPY_F64 : SBN_NPY_F32;
	view->n_channels = (size_t)config.num_features;
	for (int i = 0; i < SBN_STATE_ARRAYS; i++)
		view->array[i] = syncbn_batch_norm_param(layer->bn, (syncbn_param_t)i);
	view->batches_tracked = syncbn_batch_norm_batches_tracked(layer->bn);
	return SYNCBN_OK;
}

/* *views, with one for each layer, is to be freed after OK. */
static syncbn_status_t
view_layers(const syncbn_state_layer_t *layers, size_t n_layers, struct sbn_state_layer **views)
{
	syncbn_status_t status = SYNCBN_OK;

	if (n_layers == 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "n_layers is 0");
	*views = calloc(n_layers, sizeof(**views));
	if (*views == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of %zu layers", n_layers);
	for (size_t i = 0; i < n_layers && status == SYNCBN_OK; i++) {
		if (layers[i].bn == NULL)
			status = sbn_fail(SYNCBN_ERR_INVALID, "layers[%zu].bn is NULL", i);
		else
			status = view_layer(&layers[i], &(*views)[i]);
	}
	if (status != SYNCBN_OK)
		free(*views);
	return status;
}

static syncbn_status_t
check_choice(const char *name, int value)
{
	if (value == 1 || value == 2)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID, "%s is %d: not one of its 2 named values", name, value);
}

syncbn_status_t
syncbn_state_save(const char *path, syncbn_state_format_t format, syncbn_state_names_t names,
		  const syncbn_state_layer_t *layers, size_t n_layers)
{
	static const char here[] = "syncbn_state_save";
	struct sbn_state_layer *views;
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "path", path)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "layers", layers)) != SYNCBN_OK)
		return status;
	if ((status = check_choice("format", (int)format)) == SYNCBN_OK &&
	    (status = check_choice("names", (int)names)) == SYNCBN_OK &&
	    (status = view_layers(layers, n_layers, &views)) == SYNCBN_OK) {
		status = sbn_state_save(path, format, names, views, n_layers);
		free(views);
	}
	return sbn_named(here, status);
}

/* The views are plans that hold: neither a negative number nor a layer without statistics. */
static syncbn_status_t
set_batches_tracked(const syncbn_state_layer_t *layers, const struct sbn_state_layer *views,
		    size_t n_layers)
{
	syncbn_status_t status = SYNCBN_OK;

	for (size_t i = 0; i < n_layers && status == SYNCBN_OK; i++)
		if (views[i].array[SYNCBN_RUNNING_MEAN] != NULL)
			status = syncbn_batch_norm_set_batches_tracked(layers[i].bn,
								       views[i].batches_tracked);
	return status;
}

syncbn_status_t
syncbn_state_load(const char *path, const syncbn_state_layer_t *layers, size_t n_layers,
		  unsigned flags)
{
	static const char here[] = "syncbn_state_load";
	struct sbn_state_layer *views;
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "path", path)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "layers", layers)) != SYNCBN_OK)
		return status;
	if ((flags & ~SYNCBN_STATE_PARTIAL) != 0)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "flags is %#x: only SYNCBN_STATE_PARTIAL is known", flags);
	else
		status = view_layers(layers, n_layers, &views);
	if (status == SYNCBN_OK) {
		status = sbn_state_load(path, views, n_layers, flags);
		if (status == SYNCBN_OK)
			status = set_batches_tracked(layers, views, n_layers);
		free(views);
	}
	return sbn_named(here, status);
}
