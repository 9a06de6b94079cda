/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of syncbn_batch_norm_config_t. */
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/fail.h"
#include "base/hash.h"
#include "nn/initializer.h"
#include "nn/layer.h"
#include "sync/ring.h"

static syncbn_status_t
check_choice(const char *field, int value, int last)
{
	if (value >= 1 && value <= last)
		return SYNCBN_OK;
	if (value == 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s is 0: begin with a macro such as SYNCBN_BATCH_NORM_TORCH",
				field);
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%s is %d: not one of its %d names in syncbn/batch_norm_config.h", field,
			value, last);
}

static syncbn_status_t
check_flag(const char *field, int value)
{
	if (value == 0 || value == 1)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID, "%s is %d, not 0 or 1", field, value);
}

static syncbn_status_t
check_numbers(const syncbn_batch_norm_config_t *config)
{
	if (config->num_features < 1 || config->num_features > SBN_MAX_ITEMS)
		return sbn_fail(SYNCBN_ERR_INVALID, "num_features is %" PRId64 ", not 1 to %d",
				config->num_features, SBN_MAX_ITEMS);
	if (!isfinite(config->eps) || config->eps < 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "eps is %g, not a finite number >= 0",
				config->eps);
	if (config->momentum_rule != SYNCBN_MOMENTUM_CUMULATIVE &&
	    !(config->momentum >= 0 && config->momentum <= 1))
		return sbn_fail(SYNCBN_ERR_INVALID, "momentum is %g, not 0 to 1", config->momentum);
	return SYNCBN_OK;
}

static double
largest_number(const syncbn_batch_norm_config_t *config)
{
	return config->dtype == SYNCBN_FLOAT64 ? DBL_MAX : (double)FLT_MAX;
}

static syncbn_status_t
check_activation(const syncbn_batch_norm_config_t *config)
{
	syncbn_status_t status =
		check_choice("activation", config->activation, SYNCBN_ACTIVATION_LEAKY_RELU);

	if (status != SYNCBN_OK)
		return status;
	if (config->activation == SYNCBN_ACTIVATION_LEAKY_RELU &&
	    !(fabs(config->negative_slope) <= largest_number(config)))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"negative_slope is %g, not a finite number of the layer's dtype",
				config->negative_slope);
	return SYNCBN_OK;
}

static syncbn_status_t
check_choices(const syncbn_batch_norm_config_t *config)
{
	syncbn_status_t status;

	if ((status = check_choice("momentum_rule", config->momentum_rule,
				   SYNCBN_MOMENTUM_CUMULATIVE)) ||
	    (status = check_choice("use_batch_statistics", config->use_batch_statistics,
				   SYNCBN_BATCH_STATISTICS_NEVER)) ||
	    (status = check_choice("var_mode", config->var_mode, SYNCBN_VAR_BIASED)) ||
	    (status = check_choice("param_grad_mode", config->param_grad_mode,
				   SYNCBN_PARAM_GRAD_MEAN)) ||
	    (status = check_flag("affine", config->affine)) ||
	    (status = check_flag("track_running_stats", config->track_running_stats)) ||
	    (status = check_flag("training", config->training)) ||
	    (status = check_flag("only_2d_4d", config->only_2d_4d)) ||
	    (status = check_flag("fixed_affine", config->fixed_affine)))
		return status;
	if (config->dtype != SYNCBN_FLOAT32 && config->dtype != SYNCBN_FLOAT64)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"dtype is %d, not SYNCBN_FLOAT32 (which takes bfloat16 and float16 "
				"activations, too) or SYNCBN_FLOAT64",
				(int)config->dtype);
	return check_activation(config);
}

/* needs: what the layer lacks if it has no such array; NULL where it has one. */
static syncbn_status_t
check_initializer(const syncbn_batch_norm_config_t *config, const char *field,
		  const syncbn_initializer_t *init, double least, const char *needs)
{
	const struct sbn_initialized array = { field, (size_t)config->num_features, least,
					       largest_number(config) };
	syncbn_status_t status = sbn_initializer_check(&array, init);

	if (status != SYNCBN_OK || needs == NULL || sbn_initializer_is_default(init))
		return status;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%s is given, but the layer has no such array: set %s to 1, or leave it "
			"SYNCBN_INITIALIZER_DEFAULT",
			field, needs);
}

static syncbn_status_t
check_initializers(const syncbn_batch_norm_config_t *config)
{
	const bool has_affine = config->affine || config->fixed_affine;
	const char *affine = has_affine ? NULL : "affine or fixed_affine";
	const char *running = config->track_running_stats ? NULL : "track_running_stats";
	syncbn_status_t status;

	if ((status = check_initializer(config, "gamma_init", &config->gamma_init, -INFINITY,
					affine)) ||
	    (status = check_initializer(config, "beta_init", &config->beta_init, -INFINITY,
					affine)) ||
	    (status = check_initializer(config, "running_mean_init", &config->running_mean_init,
					-INFINITY, running)))
		return status;
	return check_initializer(config, "running_var_init", &config->running_var_init, 0, running);
}

syncbn_status_t
sbn_batch_norm_check_config(const syncbn_batch_norm_config_t *config)
{
	syncbn_status_t status;

	if (config->size != sizeof(*config))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"size is %zu, not %zu: begin with a macro such as "
				"SYNCBN_BATCH_NORM_TORCH of the headers of this library",
				config->size, sizeof(*config));
	if ((status = check_choices(config)) || (status = check_numbers(config)) ||
	    (status = check_initializers(config)))
		return status;
	if (!config->track_running_stats &&
	    config->use_batch_statistics == SYNCBN_BATCH_STATISTICS_NEVER)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"use_batch_statistics NEVER needs running statistics: set "
				"track_running_stats to 1");
	return SYNCBN_OK;
}

/*
 * Field by field, since the struct has holes. Not the name and the mode, which may differ, and not
 * the initial values, which the ranks may replace.
 */
uint64_t
sbn_batch_norm_hash_config(const syncbn_batch_norm_config_t *config)
{
	const int words[] = {
		(int)config->momentum_rule,  config->affine,
		config->track_running_stats, (int)config->use_batch_statistics,
		(int)config->var_mode,       (int)config->param_grad_mode,
		config->fixed_affine,        (int)config->dtype,
		(int)config->activation,     config->only_2d_4d,
	};
	/* plus 0: of -0 that makes 0, which is the same number in other bits */
	const double numbers[] = { config->eps + 0.0, config->momentum + 0.0,
				   config->negative_slope + 0.0 };
	uint64_t hash = sbn_hash(SBN_HASH_START, words, sizeof(words));

	return sbn_hash(hash, numbers, sizeof(numbers));
}
