/* SPDX-License-Identifier: Apache-2.0 */
/* What the frameworks call a layer's arrays. */
#ifndef SBN_STATE_NAMES_H
#define SBN_STATE_NAMES_H

#include <stdio.h>

#include "state/state.h"

/* torch's alone */
#define SBN_NAME_BATCHES "num_batches_tracked"
#define SBN_NAME_VERSION "version"

enum { SBN_TORCH_VERSION = 2, SBN_STATE_NAME = SBN_STATE_PREFIX + sizeof(SBN_NAME_BATCHES) };

static inline const char *
sbn_state_word(syncbn_state_names_t names, int which)
{
	static const char *const torch[] = { "weight", "bias", "running_mean", "running_var" };
	static const char *const mindspore[] = { "gamma", "beta", "moving_mean",
						 "moving_variance" };

	return names == SYNCBN_STATE_TORCH ? torch[which] : mindspore[which];
}

/* Prefix and word together; returns name. */
static inline const char *
sbn_state_name(const struct sbn_state_layer *layer, const char *word, char name[SBN_STATE_NAME])
{
	snprintf(name, SBN_STATE_NAME, "%s%s", layer->prefix, word);
	return name;
}

/* INVALID: a prefix that is too long or not UTF-8. */
syncbn_status_t sbn_state_check_prefixes(const struct sbn_state_layer *layers, size_t n_layers);

#endif
