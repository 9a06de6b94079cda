/* SPDX-License-Identifier: Apache-2.0 */
/* The batch norm layer from the inside. */
#ifndef SBN_NN_LAYER_H
#define SBN_NN_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/batch_norm.h>

#include "comm/group.h"

enum { SBN_PARAMS = SYNCBN_DBETA + 1 };

/* Per-channel coefficients of the passes: float [C] each. */
struct sbn_coefficients {
	float *mean_hi, *mean_lo;
	float *scale, *shift;
	float *dy_hi, *dy_lo, *slope;
};

struct syncbn_batch_norm {
	struct syncbn_group *group;
	syncbn_batch_norm_config_t config; /* without its name */
	uint32_t number; /* the layer's in its group, from 1: equal on all ranks */
	uint32_t name;   /* 1 + index in this rank's table of names */
	uint32_t n_channels;
	uint64_t settings; /* a hash of the config that all ranks must share */
	bool training;
	int64_t batches_tracked;
	float *own[SBN_PARAMS];   /* the layer's memory; NULL where it has no such array */
	float *param[SBN_PARAMS]; /* what is used: own, or bound by the caller */
	struct sbn_coefficients k;
	syncbn_saved_t *scratch; /* stands in where the caller saves nothing */
	double *partials;        /* block sums of the row-shaped layouts; grown on demand */
	size_t partials_bytes;
};

/* What normalized: decides what the backward pass does. */
enum sbn_normalized_by {
	SBN_BY_NOTHING,
	SBN_BY_GROUP, /* the batch over all ranks */
	SBN_BY_LOCAL, /* this rank's batch alone */
	SBN_BY_RUNNING
};

struct syncbn_saved {
	struct syncbn_group *group; /* outlives the layer, if need be */
	struct syncbn_batch_norm *bn;
	uint32_t number;       /* the layer's: a later layer may lie at the same address */
	double *mean, *invstd; /* [C] */
	double count;
	enum sbn_normalized_by by;
	syncbn_tensor_t x;
};

syncbn_status_t sbn_batch_norm_new(struct syncbn_group *group,
				   const syncbn_batch_norm_config_t *config,
				   struct syncbn_batch_norm **bn);
void sbn_batch_norm_free(struct syncbn_batch_norm *bn);
void sbn_batch_norm_reset(struct syncbn_batch_norm *bn);
syncbn_status_t sbn_batch_norm_bind(struct syncbn_batch_norm *bn, syncbn_param_t which,
				    float *memory);
syncbn_status_t sbn_saved_new(struct syncbn_batch_norm *bn, syncbn_saved_t **saved);
void sbn_saved_free(syncbn_saved_t *saved);

/* Every field against its rule; names field, value and rule. */
syncbn_status_t sbn_batch_norm_check_config(const syncbn_batch_norm_config_t *config);

/* The passes; arguments have been checked against the layer. */
syncbn_status_t sbn_batch_norm_forward(struct syncbn_batch_norm *bn, const syncbn_tensor_t *x,
				       const syncbn_tensor_t *y, syncbn_saved_t *saved);
syncbn_status_t sbn_batch_norm_backward(struct syncbn_batch_norm *bn, syncbn_saved_t *saved,
					const syncbn_tensor_t *dy, const syncbn_tensor_t *dx,
					unsigned want);

#endif
