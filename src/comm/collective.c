/* SPDX-License-Identifier: Apache-2.0 */
/* Broadcast and all-reduce in pieces through the ring. */
#include "comm/collective.h"

#include <string.h>

#include "base/clock.h"
#include "base/math.h"
#include "comm/call.h"

void
sbn_reduce_rows(const struct syncbn_group *group, void *const *dst, size_t n_dst,
		const void *const *src, size_t count, syncbn_dtype_t dtype, syncbn_reduce_t op)
{
	const struct sbn_kernels *kernels = group->process->kernels;
	double divisor = op == SYNCBN_MEAN ? group->size : 1;

	if (dtype == SYNCBN_FLOAT64)
		kernels->sum_f64((double *const *)dst, n_dst, (const double *const *)src,
				 group->size, count, divisor);
	else
		kernels->sum_f32((float *const *)dst, n_dst, (const float *const *)src, group->size,
				 count, (float)divisor);
}

/* One piece: this rank's `bytes` bytes out (none where own is NULL), then everybody's in. */
static syncbn_status_t
pass_piece(struct syncbn_group *group, const struct sbn_call *call, const void *own,
	   struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_call_begin(group, SBN_STREAM_DATA, call, running);

	if (status != SYNCBN_OK)
		return status;
	if (own != NULL) {
		memcpy(running->row, own, call->n_items);
		sbn_trace_add(group->trace, SBN_REDUCE_BYTES, call->n_items);
	}
	sbn_call_publish(running, 0, call->n_items);
	if (sbn_call_await(running, 0, 0, call->n_items) != SYNCBN_OK)
		return sbn_call_end(running);
	return SYNCBN_OK;
}

/* The time of an operation that was not spent waiting. */
static void
count_time(struct syncbn_group *group, uint64_t start_ns, uint64_t waited_before)
{
	uint64_t waited = sbn_trace_read(group->trace, SBN_WAIT_NS) - waited_before;

	sbn_trace_add(group->trace, SBN_REDUCE_CALLS, 1);
	sbn_trace_add(group->trace, SBN_REDUCE_NS, sbn_now_ns() - start_ns - waited);
}

static syncbn_status_t
broadcast_pieces(struct syncbn_group *group, unsigned char *data, size_t bytes, uint32_t root)
{
	for (size_t at = 0; at < bytes; at += SBN_DATA_ROOM) {
		struct sbn_call call = {
			.op = SBN_OP_BROADCAST,
			.n_items = (uint32_t)SBN_MIN(bytes - at, (size_t)SBN_DATA_ROOM),
			.n_lanes = 1,
			.agreed = { bytes, root },
		};
		struct sbn_running_call running;
		syncbn_status_t status =
			pass_piece(group, &call, group->rank == root ? data + at : NULL, &running);

		if (status != SYNCBN_OK)
			return status;
		if (group->rank != root)
			memcpy(data + at, sbn_call_row(&running, root), call.n_items);
		sbn_call_end(&running);
	}
	return SYNCBN_OK;
}

syncbn_status_t
sbn_broadcast(struct syncbn_group *group, void *data, size_t bytes, uint32_t root)
{
	uint64_t start_ns = sbn_now_ns();
	uint64_t waited = sbn_trace_read(group->trace, SBN_WAIT_NS);
	syncbn_status_t status = broadcast_pieces(group, data, bytes, root);

	count_time(group, start_ns, waited);
	return status;
}

static void
merge_piece(const struct sbn_running_call *running, void *data, size_t count, syncbn_dtype_t dtype,
	    syncbn_reduce_t op)
{
	const void *rows[running->group->size];

	for (uint32_t rank = 0; rank < running->group->size; rank++)
		rows[rank] = sbn_call_row(running, rank);
	sbn_reduce_rows(running->group, &data, 1, rows, count, dtype, op);
}

static syncbn_status_t
reduce_pieces(struct syncbn_group *group, unsigned char *data, size_t count, syncbn_dtype_t dtype,
	      syncbn_reduce_t op)
{
	size_t element = sbn_dtype_bytes(dtype);

	for (size_t at = 0; at < count * element; at += SBN_DATA_ROOM) {
		struct sbn_call call = {
			.op = SBN_OP_ALL_REDUCE,
			.n_items = (uint32_t)SBN_MIN(count * element - at, (size_t)SBN_DATA_ROOM),
			.n_lanes = 1,
			.agreed = { count, dtype, op },
		};
		struct sbn_running_call running;
		syncbn_status_t status = pass_piece(group, &call, data + at, &running);

		if (status != SYNCBN_OK)
			return status;
		merge_piece(&running, data + at, call.n_items / element, dtype, op);
		sbn_call_end(&running);
	}
	return SYNCBN_OK;
}

syncbn_status_t
sbn_all_reduce_staged(struct syncbn_group *group, void *data, size_t count, syncbn_dtype_t dtype,
		      syncbn_reduce_t op)
{
	uint64_t start_ns = sbn_now_ns();
	uint64_t waited = sbn_trace_read(group->trace, SBN_WAIT_NS);
	syncbn_status_t status = reduce_pieces(group, data, count, dtype, op);

	count_time(group, start_ns, waited);
	return status;
}
