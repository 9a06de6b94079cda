/* SPDX-License-Identifier: Apache-2.0 */
/* The state of layers, whatever a layer is inside: its arrays under the frameworks' names. */
#ifndef SBN_STATE_STATE_H
#define SBN_STATE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/state.h>

#include "state/npy.h"

enum { SBN_STATE_ARRAYS = SYNCBN_RUNNING_VAR + 1, SBN_STATE_PREFIX = 255 };

/* What save and load see of a layer. */
struct sbn_state_layer {
	const char *prefix;            /* "": none */
	enum sbn_npy_type type;        /* of the arrays: F32 or F64 */
	size_t n_channels;             /* C */
	void *array[SBN_STATE_ARRAYS]; /* [C], by syncbn_param_t; NULL: the layer has none */
	int64_t batches_tracked;       /* of a layer with running statistics */
};

/* As syncbn_state_save and syncbn_state_load say. */
syncbn_status_t sbn_state_save(const char *path, syncbn_state_format_t format,
			       syncbn_state_names_t names, const struct sbn_state_layer *layers,
			       size_t n_layers);
syncbn_status_t sbn_state_load(const char *path, struct sbn_state_layer *layers, size_t n_layers,
			       unsigned flags);

/* The load from a file's bytes; an error leaves the layers untouched. */
syncbn_status_t sbn_state_decode(const void *bytes, size_t n, struct sbn_state_layer *layers,
				 size_t n_layers, unsigned flags);

#endif
