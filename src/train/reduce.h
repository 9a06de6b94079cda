/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All-reduce over arenas without a copy: each rank sums its own part of the elements and writes the
 * result into every rank's buffer. One call with two meetings: when everybody has begun it all
 * buffers are whole; when everybody has published its one item all sums are written.
 */
#ifndef SBN_TRAIN_REDUCE_H
#define SBN_TRAIN_REDUCE_H

#include <syncbn/collective.h>

#include "comm/call.h"

struct sbn_reduction {
	struct syncbn_arena *arena;
	size_t offset; /* of the data in every rank's part */
	size_t count;
	syncbn_dtype_t dtype;
	syncbn_reduce_t op;
};

/* What the ranks compare of it, for a call of the operation `op`. */
struct sbn_call sbn_reduction_call(const struct sbn_reduction *r, enum sbn_op op);

/* Sums this rank's part over the worker team, once all that take part have begun the call. */
void sbn_reduction_sum(const struct sbn_reduction *r, const struct sbn_running_call *running);

/* The sum or mean over all ranks: without a copy where data lies in an arena of the group. */
syncbn_status_t sbn_all_reduce(struct syncbn_group *group, void *data, size_t count,
			       syncbn_dtype_t dtype, syncbn_reduce_t op);

#endif
