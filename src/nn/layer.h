/* SPDX-License-Identifier: Apache-2.0 */
/* The batch norm layer from the inside. */
#ifndef SBN_NN_LAYER_H
#define SBN_NN_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/batch_norm.h>

#include "comm/group.h"
#include "nn/pace.h"
#include "nn/trial.h"

enum { SBN_PARAMS = SYNCBN_DBETA + 1 };

/* The coefficients of the passes, [C] each, float or, in float64 layers, double. */
enum sbn_coefficient {
	SBN_MEAN_HI,
	SBN_MEAN_LO,
	SBN_SCALE,
	SBN_SHIFT,
	SBN_DY_HI,
	SBN_DY_LO,
	SBN_SLOPE,
	SBN_SLOPE_LO,
	SBN_COEFFICIENTS
};

struct syncbn_batch_norm {
	struct syncbn_group *group;
	syncbn_batch_norm_config_t config; /* without what it points to */
	uint32_t number; /* the layer's in its group, from 1: equal on all ranks */
	uint32_t name;   /* 1 + index in this rank's table of names */
	uint32_t n_channels;
	uint64_t settings; /* a hash of the config that all ranks must share */
	bool wide;         /* float64: all arrays and coefficients are double, else float */
	bool training;
	int64_t batches_tracked;
	void *own[SBN_PARAMS];       /* the layer's memory; NULL where it has no such array */
	void *param[SBN_PARAMS];     /* what is used: own, or bound by the caller */
	double *initial[SBN_PARAMS]; /* what sbn_batch_norm_reset writes; NULL: zeros */
	void *coefficient[SBN_COEFFICIENTS];
	syncbn_saved_t *scratch; /* stands in where the caller saves nothing */
	double *partials;        /* sums of blocks; grown on demand */
	size_t partials_bytes;
	struct sbn_trial fetch[2], sharing[2], narrow[2]; /* forward, and backward */
	struct sbn_trial images[2][4];                    /* [fetch_lines][sbn_pass_kind()] */
	struct sbn_pace pace[4];                          /* [sbn_pass_kind()] */
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
	double *mean_low;      /* [C]; to be added to the mean: 0 but in float64 layers */
	double count;
	uint64_t forward; /* the call's number in the group; 0: it was not exchanged */
	enum sbn_normalized_by by;
	bool in_place; /* y was written over x, which can be computed again where it is needed */
	bool has_z;
	syncbn_tensor_t x, z;
};

/* Element c of an array of a layer, whose numbers are doubles if it is wide, else floats. */
static inline double
sbn_number_get(bool wide, const void *array, uint32_t c)
{
	return wide ? ((const double *)array)[c] : (double)((const float *)array)[c];
}

static inline void
sbn_number_set(bool wide, void *array, uint32_t c, double value)
{
	if (wide)
		((double *)array)[c] = value;
	else
		((float *)array)[c] = (float)value;
}

static inline double
sbn_real_get(const struct syncbn_batch_norm *bn, const void *array, uint32_t c)
{
	return sbn_number_get(bn->wide, array, c);
}

static inline void
sbn_real_set(const struct syncbn_batch_norm *bn, void *array, uint32_t c, double value)
{
	sbn_number_set(bn->wide, array, c, value);
}

syncbn_status_t sbn_batch_norm_new(struct syncbn_group *group,
				   const syncbn_batch_norm_config_t *config,
				   struct syncbn_batch_norm **bn);
void sbn_batch_norm_free(struct syncbn_batch_norm *bn);
void sbn_batch_norm_reset(struct syncbn_batch_norm *bn);
syncbn_status_t sbn_batch_norm_bind(struct syncbn_batch_norm *bn, syncbn_param_t which,
				    void *memory);
/* Room for sums of blocks in bn->partials, so many bytes at least; false: no memory. */
bool sbn_batch_norm_reserve(struct syncbn_batch_norm *bn, size_t bytes);
syncbn_status_t sbn_saved_new(struct syncbn_batch_norm *bn, syncbn_saved_t **saved);
void sbn_saved_free(syncbn_saved_t *saved);

/* Every field against its rule; names field, value and rule. */
syncbn_status_t sbn_batch_norm_check_config(const syncbn_batch_norm_config_t *config);

/* A hash of what all ranks must have in common. */
uint64_t sbn_batch_norm_hash_config(const syncbn_batch_norm_config_t *config);

/* The decision tables of torch and MindSpore, in one. */
struct sbn_decision {
	enum sbn_normalized_by by;
	bool update; /* the running statistics record the batch */
};

struct sbn_decision sbn_batch_norm_decide(const struct syncbn_batch_norm *bn);

/* Whether a backward pass that wants this reads x, or y in its place. */
bool sbn_backward_needs_x(const struct syncbn_batch_norm *bn, enum sbn_normalized_by by,
			  unsigned want);

/*
 * Whether x can be computed again from y: INVALID for an activation that has no inverse, or for a
 * channel whose gamma is 0 or as good as 0.
 */
syncbn_status_t sbn_batch_norm_check_inverse(const struct syncbn_batch_norm *bn);

/* The passes; arguments have been checked against the layer. */
syncbn_status_t sbn_batch_norm_forward(struct syncbn_batch_norm *bn, const syncbn_tensor_t *x,
				       const syncbn_tensor_t *z, const syncbn_tensor_t *y,
				       syncbn_saved_t *saved);
syncbn_status_t sbn_batch_norm_backward(struct syncbn_batch_norm *bn, syncbn_saved_t *saved,
					const syncbn_tensor_t *dy, const syncbn_tensor_t *dx,
					const syncbn_tensor_t *dz, unsigned want);

#endif
