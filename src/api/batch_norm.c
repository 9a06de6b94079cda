/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/batch_norm.h>

#include "api/check.h"
#include "base/dtype.h"
#include "nn/layer.h"
#include "nn/tensor_check.h"

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

void *
syncbn_batch_norm_param(syncbn_batch_norm_t *bn, syncbn_param_t which)
{
	return bn == NULL || !is_param(which) ? NULL : bn->param[which];
}

syncbn_status_t
syncbn_batch_norm_bind(syncbn_batch_norm_t *bn, syncbn_param_t which, void *memory)
{
	static const char here[] = "syncbn_batch_norm_bind";
	syncbn_status_t status = sbn_check_call(here, "bn", bn);

	if (status != SYNCBN_OK)
		return status;
	if (!is_param(which))
		status = sbn_fail(SYNCBN_ERR_INVALID, "which is %d, not 0 to %d", (int)which,
				  SBN_PARAMS - 1);
	else if ((uintptr_t)memory % sbn_dtype_bytes(bn->config.dtype) != 0)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "memory is not aligned to its %zu-byte elements",
				  sbn_dtype_bytes(bn->config.dtype));
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
syncbn_batch_norm_set_batches_tracked(syncbn_batch_norm_t *bn, int64_t n)
{
	static const char here[] = "syncbn_batch_norm_set_batches_tracked";
	syncbn_status_t status = sbn_check_call(here, "bn", bn);

	if (status != SYNCBN_OK)
		return status;
	if (n < 0)
		status = sbn_fail(SYNCBN_ERR_INVALID, "n is %lld, not 0 or more", (long long)n);
	else if (!bn->config.track_running_stats)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "the layer has no running statistics: it was made with "
				  "track_running_stats 0");
	else
		bn->batches_tracked = n;
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_batch_norm_get_config(const syncbn_batch_norm_t *bn, syncbn_batch_norm_config_t *config)
{
	static const char here[] = "syncbn_batch_norm_get_config";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "bn", bn)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "config", config)) != SYNCBN_OK)
		return status;
	if (config->size != sizeof(*config))
		return sbn_named(here, sbn_fail(SYNCBN_ERR_INVALID,
						"size is %zu, not %zu: begin with a macro such as "
						"SYNCBN_BATCH_NORM_TORCH",
						config->size, sizeof(*config)));
	*config = bn->config;
	config->training = bn->training;
	return SYNCBN_OK;
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
		bn->group->n_users[SBN_USER_SAVED]++;
	return sbn_named(here, status);
}

void
syncbn_saved_free(syncbn_saved_t *saved)
{
	if (saved == NULL)
		return;
	saved->group->n_users[SBN_USER_SAVED]--;
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
