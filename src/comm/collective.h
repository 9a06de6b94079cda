/* SPDX-License-Identifier: Apache-2.0 */
/* Collectives whose data is copied through the ring, and the barrier. */
#ifndef SBN_COMM_COLLECTIVE_H
#define SBN_COMM_COLLECTIVE_H

#include <stddef.h>

#include <syncbn/collective.h>

#include "base/clock.h"
#include "base/dtype.h"
#include "base/math.h"
#include "comm/call.h"
#include "comm/copy.h"

syncbn_status_t sbn_barrier(struct syncbn_group *group);

syncbn_status_t sbn_broadcast(struct syncbn_group *group, void *data, size_t bytes, uint32_t root);

/* own: `bytes` bytes, all: [size] times as many; `own` may be this rank's part of `all`. */
syncbn_status_t sbn_all_gather(struct syncbn_group *group, const void *own, size_t bytes,
			       void *all);

/* data: [size * count], out: [count]; `out` may be this rank's part of `data`. */
syncbn_status_t sbn_reduce_scatter(struct syncbn_group *group, const void *data, size_t count,
				   syncbn_dtype_t dtype, syncbn_reduce_t op, void *out);

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
SBN_CALL_INLINE syncbn_status_t
sbn_pass_piece(struct syncbn_group *group, const struct sbn_call *call, const void *own,
	       size_t bytes, struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_call_begin_unseen(group, SBN_STREAM_DATA, call, running);

	if (status != SYNCBN_OK)
		return status;
	if (own != NULL)
		sbn_copy_out(group, running->row, own, bytes);
	sbn_call_publish(running, 0, (uint32_t)bytes);
	if (sbn_call_await(running, 0, 0, (uint32_t)bytes) != SYNCBN_OK)
		return sbn_call_end(running);
	return SYNCBN_OK;
}

/* An operation, from its beginning to its end, for the counters. */
struct sbn_span {
	uint64_t start_ticks;
	uint64_t waited_ticks; /* by the group before it */
	uint32_t stands_for;   /* operations, of which it alone is timed; 0: another is */
};

/*
 * Two readings of the time stamp counter take a third of the smallest all-reduce. So of the small
 * ones one in eight is timed, and stands for those since the last that was.
 */
enum { SBN_SMALL_BYTES = 4096, SBN_TIMED_ONE_IN = 8 };

/* bytes: how large the operation is, by which nothing but its time is counted. */
static inline struct sbn_span
sbn_span_begin(struct syncbn_group *group, size_t bytes)
{
	struct sbn_span span = { .waited_ticks = group->waited_ticks };

	if (bytes > SBN_SMALL_BYTES)
		span.stands_for = 1;
	else if (group->n_small++ % SBN_TIMED_ONE_IN == 0)
		span.stands_for = group->n_small == 1 ? 1 : SBN_TIMED_ONE_IN;
	if (span.stands_for != 0)
		span.start_ticks = sbn_ticks();
	return span;
}

/* bytes: what this rank published. */
static inline void
sbn_span_end(struct syncbn_group *group, const struct sbn_span *span, size_t bytes)
{
	sbn_trace_add(group->trace, SBN_REDUCE_CALLS, 1);
	sbn_trace_add(group->trace, SBN_REDUCE_BYTES, bytes);
	if (span->stands_for == 0)
		return;
	sbn_trace_add(group->trace, SBN_REDUCE_TICKS,
		      (sbn_ticks() - span->start_ticks) * span->stands_for);
	sbn_trace_add(group->trace, SBN_REDUCE_WAIT_TICKS,
		      (group->waited_ticks - span->waited_ticks) * span->stands_for);
}

/* What the ranks of an all-reduce agree on beside its data: operation, and divisor of a mean. */
enum { SBN_REDUCE_OP = 0xff, SBN_REDUCE_DIVISOR_SHIFT = 8 };

static inline uint64_t
sbn_reduce_word(const struct syncbn_group *group, syncbn_reduce_t op)
{
	return (uint64_t)op |
	       (op == SYNCBN_MEAN ? (uint64_t)group->divisor << SBN_REDUCE_DIVISOR_SHIFT : 0);
}

/* The first element that the i-th of n ranks sums, cut at lines so that none has two writers. */
static inline size_t
sbn_share_begin(size_t count, syncbn_dtype_t dtype, uint32_t n, uint32_t i)
{
	size_t a_line = SBN_LINE / sbn_dtype_bytes(dtype);
	size_t lines = sbn_ceil_div(count, a_line);

	return SBN_MIN((size_t)sbn_part_begin(lines, n, i) * a_line, count);
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

#endif
