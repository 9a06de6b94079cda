/* SPDX-License-Identifier: Apache-2.0 */
/* Making, freeing and binding layers and saved objects. */
#include "nn/layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "nn/initializer.h"

static const char *const param_names[SBN_PARAMS] = {
	"GAMMA", "BETA", "RUNNING_MEAN", "RUNNING_VAR", "DGAMMA", "DBETA",
};

static bool
has_param(const syncbn_batch_norm_config_t *config, syncbn_param_t which)
{
	if (which == SYNCBN_RUNNING_MEAN || which == SYNCBN_RUNNING_VAR)
		return config->track_running_stats;
	if (which == SYNCBN_GAMMA || which == SYNCBN_BETA)
		return config->affine || config->fixed_affine;
	return config->affine;
}

/* The initializer of an array and the value without one; NULL: zeros, always. */
static const syncbn_initializer_t *
initializer_of(const syncbn_batch_norm_config_t *config, int which, double *otherwise)
{
	*otherwise = which == SYNCBN_GAMMA || which == SYNCBN_RUNNING_VAR ? 1 : 0;
	switch (which) {
	case SYNCBN_GAMMA:
		return &config->gamma_init;
	case SYNCBN_BETA:
		return &config->beta_init;
	case SYNCBN_RUNNING_MEAN:
		return &config->running_mean_init;
	case SYNCBN_RUNNING_VAR:
		return &config->running_var_init;
	default:
		return NULL;
	}
}

static syncbn_status_t
no_memory(const struct syncbn_batch_norm *bn)
{
	return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a layer of %" PRIu32 " channels", bn->n_channels);
}

static size_t
array_bytes(const struct syncbn_batch_norm *bn)
{
	return bn->n_channels * (bn->wide ? sizeof(double) : sizeof(float));
}

static syncbn_status_t
make_initial(struct syncbn_batch_norm *bn, const syncbn_batch_norm_config_t *config, int which)
{
	double otherwise;
	const syncbn_initializer_t *init = initializer_of(config, which, &otherwise);

	if (init == NULL)
		return SYNCBN_OK;
	bn->initial[which] = calloc(bn->n_channels, sizeof(double));
	if (bn->initial[which] == NULL)
		return no_memory(bn);
	sbn_initializer_fill(init, otherwise, (uint64_t)which, bn->initial[which], bn->n_channels);
	return SYNCBN_OK;
}

static syncbn_status_t
allocate_params(struct syncbn_batch_norm *bn, const syncbn_batch_norm_config_t *config)
{
	for (int i = 0; i < SBN_PARAMS; i++) {
		syncbn_status_t status;

		if (!has_param(&bn->config, (syncbn_param_t)i))
			continue;
		bn->own[i] = calloc(1, array_bytes(bn));
		bn->param[i] = bn->own[i];
		if (bn->own[i] == NULL)
			return no_memory(bn);
		status = make_initial(bn, config, i);
		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
allocate_coefficients(struct syncbn_batch_norm *bn)
{
	char *block = calloc(SBN_COEFFICIENTS, array_bytes(bn));

	if (block == NULL)
		return no_memory(bn);
	for (size_t i = 0; i < SBN_COEFFICIENTS; i++)
		bn->coefficient[i] = block + i * array_bytes(bn);
	return SYNCBN_OK;
}

/* Keeps the config without what it points to: that is the caller's. */
static void
keep_config(struct syncbn_batch_norm *bn, const syncbn_batch_norm_config_t *config)
{
	static const syncbn_initializer_t none = SYNCBN_INITIALIZER_DEFAULT;

	bn->config = *config;
	bn->config.name = NULL;
	bn->config.gamma_init = bn->config.beta_init = none;
	bn->config.running_mean_init = bn->config.running_var_init = none;
	bn->n_channels = (uint32_t)config->num_features;
	bn->settings = sbn_batch_norm_hash_config(config);
	bn->wide = config->dtype == SYNCBN_FLOAT64;
	bn->training = config->training;
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
	keep_config(bn, config);
	if ((status = allocate_params(bn, config)) != SYNCBN_OK ||
	    (status = allocate_coefficients(bn)) != SYNCBN_OK ||
	    (status = sbn_saved_new(bn, &bn->scratch)) != SYNCBN_OK) {
		sbn_batch_norm_free(bn);
		return status;
	}
	group->n_users[SBN_USER_LAYER]++;
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
		bn->group->n_users[SBN_USER_LAYER]--;
	sbn_saved_free(bn->scratch);
	for (int i = 0; i < SBN_PARAMS; i++) {
		free(bn->own[i]);
		free(bn->initial[i]);
	}
	free(bn->coefficient[0]); /* the block's beginning */
	free(bn->partials);
	free(bn);
}

void
sbn_batch_norm_reset(struct syncbn_batch_norm *bn)
{
	for (int i = 0; i < SBN_PARAMS; i++)
		for (uint32_t c = 0; bn->param[i] != NULL && c < bn->n_channels; c++)
			sbn_real_set(bn, bn->param[i], c,
				     bn->initial[i] != NULL ? bn->initial[i][c] : 0);
	bn->batches_tracked = 0;
}

syncbn_status_t
sbn_batch_norm_bind(struct syncbn_batch_norm *bn, syncbn_param_t which, void *memory)
{
	static const char *const needs[] = {
		[SYNCBN_GAMMA] = "affine and fixed_affine",
		[SYNCBN_BETA] = "affine and fixed_affine",
		[SYNCBN_RUNNING_MEAN] = "track_running_stats",
		[SYNCBN_RUNNING_VAR] = "track_running_stats",
		[SYNCBN_DGAMMA] = "affine",
		[SYNCBN_DBETA] = "affine",
	};

	if (!has_param(&bn->config, which))
		return sbn_fail(SYNCBN_ERR_INVALID, "the layer has no %s: it was made with %s 0",
				param_names[which], needs[which]);
	bn->param[which] = memory != NULL ? memory : bn->own[which];
	return SYNCBN_OK;
}

bool
sbn_batch_norm_reserve(struct syncbn_batch_norm *bn, size_t bytes)
{
	if (bytes <= bn->partials_bytes)
		return true;
	free(bn->partials);
	bn->partials = malloc(bytes);
	bn->partials_bytes = bn->partials == NULL ? 0 : bytes;
	return bn->partials != NULL;
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
	saved->mean = calloc(3 * (size_t)bn->n_channels, sizeof(double));
	if (saved->mean == NULL) {
		free(saved);
		return no_memory(bn);
	}
	saved->invstd = saved->mean + bn->n_channels;
	saved->mean_low = saved->invstd + bn->n_channels;
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
