/* SPDX-License-Identifier: Apache-2.0 */
/* Making, freeing and binding layers and saved objects. */
#include "nn/layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"

static const char *const param_names[SBN_PARAMS] = {
	"GAMMA", "BETA", "RUNNING_MEAN", "RUNNING_VAR", "DGAMMA", "DBETA",
};

static bool
has_param(const syncbn_batch_norm_config_t *config, syncbn_param_t which)
{
	bool running = which == SYNCBN_RUNNING_MEAN || which == SYNCBN_RUNNING_VAR;

	return running ? config->track_running_stats : config->affine;
}

static syncbn_status_t
no_memory(const struct syncbn_batch_norm *bn)
{
	return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a layer of %" PRIu32 " channels", bn->n_channels);
}

static syncbn_status_t
allocate_params(struct syncbn_batch_norm *bn)
{
	for (int i = 0; i < SBN_PARAMS; i++) {
		if (!has_param(&bn->config, (syncbn_param_t)i))
			continue;
		bn->own[i] = calloc(bn->n_channels, sizeof(float));
		bn->param[i] = bn->own[i];
		if (bn->own[i] == NULL)
			return no_memory(bn);
	}
	return SYNCBN_OK;
}

static syncbn_status_t
allocate_coefficients(struct syncbn_batch_norm *bn)
{
	float **const arrays[] = { &bn->k.mean_hi, &bn->k.mean_lo, &bn->k.scale, &bn->k.shift,
				   &bn->k.dy_hi,   &bn->k.dy_lo,   &bn->k.slope };
	size_t n = sizeof(arrays) / sizeof(arrays[0]);
	float *block = calloc(n * bn->n_channels, sizeof(float));

	if (block == NULL)
		return no_memory(bn);
	for (size_t i = 0; i < n; i++)
		*arrays[i] = block + i * bn->n_channels;
	return SYNCBN_OK;
}

/* Field by field, since the struct has holes; not the name and the mode, which may differ. */
static uint64_t
hash_settings(const syncbn_batch_norm_config_t *config)
{
	uint64_t hash = SBN_HASH_START;

	hash = sbn_hash(hash, &config->eps, sizeof(config->eps));
	hash = sbn_hash(hash, &config->momentum, sizeof(config->momentum));
	hash = sbn_hash(hash, &config->momentum_rule, sizeof(config->momentum_rule));
	hash = sbn_hash(hash, &config->affine, sizeof(config->affine));
	hash = sbn_hash(hash, &config->track_running_stats, sizeof(config->track_running_stats));
	hash = sbn_hash(hash, &config->use_batch_statistics, sizeof(config->use_batch_statistics));
	hash = sbn_hash(hash, &config->var_mode, sizeof(config->var_mode));
	return sbn_hash(hash, &config->param_grad_mode, sizeof(config->param_grad_mode));
}

syncbn_status_t
sbn_batch_norm_new(struct syncbn_group *group, const syncbn_batch_norm_config_t *config,
		   struct syncbn_batch_norm **out)
{
	syncbn_status_t status = sbn_batch_norm_check_config(config);
	struct syncbn_batch_norm *bn;

	if (status != SYNCBN_OK)
		return status;
	bn = calloc(1, sizeof(*bn));
	if (bn == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a layer");
	bn->group = group;
	bn->config = *config;
	bn->config.name = NULL;
	bn->n_channels = (uint32_t)config->num_features;
	bn->settings = hash_settings(config);
	bn->training = config->training;
	if ((status = allocate_params(bn)) != SYNCBN_OK ||
	    (status = allocate_coefficients(bn)) != SYNCBN_OK ||
	    (status = sbn_saved_new(bn, &bn->scratch)) != SYNCBN_OK) {
		sbn_batch_norm_free(bn);
		return status;
	}
	group->n_users++;
	bn->number = ++group->n_layers;
	bn->name = sbn_group_name_layer(group, bn->number, config->name);
	sbn_batch_norm_reset(bn);
	*out = bn;
	return SYNCBN_OK;
}

void
sbn_batch_norm_free(struct syncbn_batch_norm *bn)
{
	if (bn->number != 0) /* it got as far as being counted */
		bn->group->n_users--;
	sbn_saved_free(bn->scratch);
	for (int i = 0; i < SBN_PARAMS; i++)
		free(bn->own[i]);
	free(bn->k.mean_hi); /* the block's beginning */
	free(bn->partials);
	free(bn);
}

static void
fill(float *array, size_t n, float value)
{
	for (size_t i = 0; array != NULL && i < n; i++)
		array[i] = value;
}

void
sbn_batch_norm_reset(struct syncbn_batch_norm *bn)
{
	for (int i = 0; i < SBN_PARAMS; i++)
		fill(bn->param[i], bn->n_channels,
		     i == SYNCBN_GAMMA || i == SYNCBN_RUNNING_VAR ? 1.0f : 0.0f);
	bn->batches_tracked = 0;
}

syncbn_status_t
sbn_batch_norm_bind(struct syncbn_batch_norm *bn, syncbn_param_t which, float *memory)
{
	if (!has_param(&bn->config, which))
		return sbn_fail(SYNCBN_ERR_INVALID, "the layer has no %s: it was made with %s 0",
				param_names[which],
				which == SYNCBN_RUNNING_MEAN || which == SYNCBN_RUNNING_VAR ?
					"track_running_stats" :
					"affine");
	bn->param[which] = memory != NULL ? memory : bn->own[which];
	return SYNCBN_OK;
}

syncbn_status_t
sbn_saved_new(struct syncbn_batch_norm *bn, syncbn_saved_t **out)
{
	syncbn_saved_t *saved = calloc(1, sizeof(*saved));

	if (saved == NULL)
		return no_memory(bn);
	saved->group = bn->group;
	saved->bn = bn;
	saved->number = bn->number;
	saved->mean = calloc(2 * (size_t)bn->n_channels, sizeof(double));
	if (saved->mean == NULL) {
		free(saved);
		return no_memory(bn);
	}
	saved->invstd = saved->mean + bn->n_channels;
	*out = saved;
	return SYNCBN_OK;
}

void
sbn_saved_free(syncbn_saved_t *saved)
{
	if (saved == NULL)
		return;
	free(saved->mean);
	free(saved);
}
