/* SPDX-License-Identifier: Apache-2.0 */
/* One shape on a rank: its tensors in memory, its layers, and what is timed with them. */
#ifndef SYNCBN_PERF_BN_WORK_H
#define SYNCBN_PERF_BN_WORK_H

#include <stdbool.h>

#include <syncbn/batch_norm.h>

#include "comm/group.h"
#include "perf_bn_memory.h"
#include "perf_bn_oracle.h"

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
	syncbn_saved_t **saved; /* [n_inputs] */
};

struct perf_bn_work {
	const struct perf_bn_options *options;
	struct syncbn_group *group;
	struct perf_bn_memory memory;
	struct perf_bn_oracle oracle;
	size_t turn;                             /* of the next call */
	struct perf_bn_layer ours, alone, apart; /* bn NULL: nothing to tell */
};

/* Collective, as all that follows. alone: a group of this rank only. Free it in any case. */
syncbn_status_t perf_bn_work_new(const struct perf_bn_options *options, struct syncbn_group *group,
				 syncbn_group_t *alone, const struct perf_bn_shape *shape,
				 struct perf_bn_work *work);
void perf_bn_work_free(struct perf_bn_work *work);

/* Whether the variant says anything here. */
bool perf_bn_work_has(const struct perf_bn_work *work, enum perf_bn_variant variant);

/* The next buffers: other outputs every time, and in a cold place other inputs. */
struct perf_bn_turn perf_bn_work_turn(struct perf_bn_work *work, enum perf_bn_place place);

/* One call of the operation. */
syncbn_status_t perf_bn_work_call(struct perf_bn_work *work, enum perf_bn_variant variant,
				  struct perf_bn_turn turn);

/* Bytes that the floor moves on all ranks together. */
size_t perf_bn_work_moved(const struct perf_bn_work *work);

/* One call of ours; *wrong: how many of its results on all ranks are not those of the formulas. */
syncbn_status_t perf_bn_work_check(struct perf_bn_work *work, struct perf_bn_turn turn,
				   uint64_t *wrong);

#endif
