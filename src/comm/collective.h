/* SPDX-License-Identifier: Apache-2.0 */
/* Collectives whose data is copied through the ring, and the barrier. */
#ifndef SBN_COMM_COLLECTIVE_H
#define SBN_COMM_COLLECTIVE_H

#include <stddef.h>

#include <syncbn/collective.h>

#include "comm/call.h"

syncbn_status_t sbn_barrier(struct syncbn_group *group);

syncbn_status_t sbn_broadcast(struct syncbn_group *group, void *data, size_t bytes, uint32_t root);

/* data: [count] of dtype, anywhere; summed in rank order, divided for MEAN. */
syncbn_status_t sbn_all_reduce_staged(struct syncbn_group *group, void *data, size_t count,
				      syncbn_dtype_t dtype, syncbn_reduce_t op);

/* The same, uncounted. */
syncbn_status_t sbn_all_reduce_pieces(struct syncbn_group *group, void *data, size_t count,
				      syncbn_dtype_t dtype, syncbn_reduce_t op);

/*
 * One call on the data stream: this rank's `bytes` bytes out (none where own is NULL), then
 * everybody's to be read. After OK the caller ends the call.
 */
syncbn_status_t sbn_pass_piece(struct syncbn_group *group, const struct sbn_call *call,
			       const void *own, size_t bytes, struct sbn_running_call *running);

/* An operation, from its beginning to its end, for the counters. */
struct sbn_span {
	uint64_t start_ticks;
	uint64_t waited_ns; /* by the group before it */
};

struct sbn_span sbn_span_begin(const struct syncbn_group *group);

/* bytes: what this rank published. */
void sbn_span_end(struct syncbn_group *group, const struct sbn_span *span, size_t bytes);

/* What the ranks of an all-reduce agree on beside its data: operation, and divisor of a mean. */
enum { SBN_REDUCE_OP = 0xff, SBN_REDUCE_DIVISOR_SHIFT = 8 };

static inline uint64_t
sbn_reduce_word(const struct syncbn_group *group, syncbn_reduce_t op)
{
	return (uint64_t)op |
	       (op == SYNCBN_MEAN ? (uint64_t)group->divisor << SBN_REDUCE_DIVISOR_SHIFT : 0);
}

/* Memory of the ranks that take part in an all-reduce, and what their sum is divided by. */
struct sbn_rows {
	const void *const *src; /* [n_src] */
	uint32_t n_src;
	void *const *dst; /* [n_dst]; each gets the result */
	uint32_t n_dst;
	double divisor;
};

/* dst[i] = (src[0] + src[1] + ...) / divisor, element by element. */
void sbn_reduce_rows(const struct syncbn_group *group, const struct sbn_rows *rows, size_t count,
		     syncbn_dtype_t dtype);

static inline size_t
sbn_dtype_bytes(syncbn_dtype_t dtype)
{
	if (dtype == SYNCBN_BFLOAT16)
		return sizeof(uint16_t);
	return dtype == SYNCBN_FLOAT64 ? sizeof(double) : sizeof(float);
}

#endif
