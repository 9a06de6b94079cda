/* SPDX-License-Identifier: Apache-2.0 */
/* One shape on a rank: its tensors in memory, its layers, and what is timed with them. */
#ifndef SYNCBN_PERF_BN_WORK_H
#define SYNCBN_PERF_BN_WORK_H

#include <stdbool.h>

#include <syncbn/batch_norm.h>

#include "comm/group.h"
#include "perf_bn_memory.h"

enum perf_bn_variant {
	PERF_BN_OURS,
	PERF_BN_ALONE,     /* the same layer on a group of this rank alone */
	PERF_BN_FLOOR,     /* the same memory copied */
	PERF_BN_READ_COPY, /* read, then copied: two passes, as layouts with channels last need */
	PERF_BN_APART,     /* ours without an activation, then the activation as a pass */
	PERF_BN_VARIANTS
};

struct perf_bn_layer {
	syncbn_batch_norm_t *bn;
	syncbn_saved_t **saved; /* [n_buffers] */
};

struct perf_bn_work {
	const struct perf_bn_options *options;
	struct syncbn_group *group;
	struct perf_bn_memory memory;
	size_t turn;                             /* of the next cold call */
	struct perf_bn_layer ours, alone, apart; /* bn NULL: nothing to tell */
};

/* Collective, as all that follows. alone: a group of this rank only. Free it in any case. */
syncbn_status_t perf_bn_work_new(const struct perf_bn_options *options, struct syncbn_group *group,
				 syncbn_group_t *alone, const struct perf_bn_shape *shape,
				 struct perf_bn_work *work);
void perf_bn_work_free(struct perf_bn_work *work);

/* Whether the variant says anything here. */
bool perf_bn_work_has(const struct perf_bn_work *work, enum perf_bn_variant variant);

/* Which buffer comes next. */
size_t perf_bn_work_turn(struct perf_bn_work *work, enum perf_bn_place place);

/* One call of the operation on a buffer. */
syncbn_status_t perf_bn_work_call(struct perf_bn_work *work, enum perf_bn_variant variant,
				  size_t buffer, enum perf_bn_place place);

/* Runs one call of ours; *wrong: its results that are wrong on any rank. */
syncbn_status_t perf_bn_work_check(struct perf_bn_work *work, uint64_t *wrong);

/* Bytes that the floor moves on all ranks together. */
size_t perf_bn_work_moved(const struct perf_bn_work *work);

#endif
