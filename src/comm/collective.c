/* SPDX-License-Identifier: Apache-2.0 */
/* Broadcast and all-reduce in pieces through the ring. */
#include "comm/collective.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "comm/call.h"
#include "comm/copy.h"

void
sbn_reduce_rows(const struct syncbn_group *group, const struct sbn_rows *rows, size_t count,
		syncbn_dtype_t dtype)
{
	const struct sbn_kernels *kernels = group->process->kernels;

	if (dtype == SYNCBN_FLOAT64)
		kernels->sum_f64((double *const *)rows->dst, rows->n_dst,
				 (const double *const *)rows->src, rows->n_src, count,
				 rows->divisor);
	else if (dtype == SYNCBN_BFLOAT16)
		kernels->sum_bf16((uint16_t *const *)rows->dst, rows->n_dst,
				  (const uint16_t *const *)rows->src, rows->n_src, count,
				  (float)rows->divisor);
	else
		kernels->sum_f32((float *const *)rows->dst, rows->n_dst,
				 (const float *const *)rows->src, rows->n_src, count,
				 (float)rows->divisor);
}

/* One piece: this rank's `bytes` bytes out (none where own is NULL), then everybody's in. */
static syncbn_status_t
pass_piece(struct syncbn_group *group, const struct sbn_call *call, const void *own,
	   struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_call_begin_unseen(group, SBN_STREAM_DATA, call, running);

	if (status != SYNCBN_OK)
		return status;
	if (own != NULL) {
		sbn_copy_out(running->row, own, call->n_items);
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
	uint64_t waited = group->waited_ns - waited_before;

	sbn_trace_add(group->trace, SBN_REDUCE_CALLS, 1);
	sbn_trace_add(group->trace, SBN_REDUCE_NS, sbn_now_ns() - start_ns - waited);
}

/* Takes the root's piece; INVALID where it has left the group. */
static syncbn_status_t
take_piece(struct sbn_running_call *running, unsigned char *piece, uint32_t root)
{
	struct syncbn_group *group = running->group;
	bool present = sbn_call_present(running, root);

	if (present && group->rank != root)
		memcpy(piece, sbn_call_row(running, root), running->call.n_items);
	sbn_call_end(running);
	if (present)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID, "the root, rank %" PRIu32 ", has left the group",
			group->members[root]);
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

		if (status == SYNCBN_OK)
			status = take_piece(&running, data + at, root);
		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

syncbn_status_t
sbn_broadcast(struct syncbn_group *group, void *data, size_t bytes, uint32_t root)
{
	uint64_t start_ns = sbn_now_ns();
	uint64_t waited = group->waited_ns;
	syncbn_status_t status =
		bytes == 0 ? sbn_group_check(group) : broadcast_pieces(group, data, bytes, root);

	count_time(group, start_ns, waited);
	return status;
}

static void
merge_piece(const struct sbn_running_call *running, void *data, size_t count, syncbn_dtype_t dtype,
	    syncbn_reduce_t op)
{
	uint32_t present[running->group->size];
	const void *src[running->group->size];
	struct sbn_rows rows = {
		.src = src,
		.n_src = sbn_call_roll(running, present),
		.dst = &data,
		.n_dst = 1,
		.divisor = op == SYNCBN_MEAN ? sbn_call_divisor(running) : 1,
	};

	for (uint32_t i = 0; i < rows.n_src; i++) {
		/* the peers' reads take the own row's lines, and reading it would take them back */
		src[i] = data;
		if (present[i] == running->group->rank)
			continue;
		src[i] = sbn_call_row(running, present[i]);
		sbn_fetch_ahead(src[i], running->call.n_items);
	}
	sbn_reduce_rows(running->group, &rows, count, dtype);
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
			.agreed = { count, dtype, sbn_reduce_word(group, op) },
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
	uint64_t waited = group->waited_ns;
	syncbn_status_t status = reduce_pieces(group, data, count, dtype, op);

	count_time(group, start_ns, waited);
	return status;
}
