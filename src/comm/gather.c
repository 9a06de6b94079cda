/* SPDX-License-Identifier: Apache-2.0 */
/* All-gather and reduce-scatter in pieces through the ring. */
#include <string.h>

#include "base/fail.h"
#include "base/math.h"
#include "comm/collective.h"
#include "comm/copy.h"

static syncbn_status_t
gather_piece(struct syncbn_group *group, const struct sbn_call *call, const void *own,
	     unsigned char *all, size_t stride)
{
	struct sbn_running_call running;
	syncbn_status_t status = sbn_pass_piece(group, call, own, call->n_items, &running);

	if (status != SYNCBN_OK)
		return status;
	for (uint32_t rank = 0; rank < group->size; rank++) {
		const void *row = rank == group->rank ? own : sbn_call_row(&running, rank);

		if (!sbn_call_present(&running, rank))
			continue;
		sbn_fetch_ahead(running.ring, row, call->n_items);
		memmove(all + rank * stride, row, call->n_items);
	}
	return sbn_call_end(&running);
}

syncbn_status_t
sbn_all_gather(struct syncbn_group *group, const void *own, size_t bytes, void *all)
{
	struct sbn_span span = sbn_span_begin(group, bytes);
	syncbn_status_t status = sbn_group_check(group);

	for (size_t at = 0; at < bytes && status == SYNCBN_OK; at += SBN_DATA_ROOM) {
		const struct sbn_call call = {
			.op = SBN_OP_ALL_GATHER,
			.n_items = (uint32_t)SBN_MIN(bytes - at, (size_t)SBN_DATA_ROOM),
			.n_lanes = 1,
			.agreed = { bytes },
		};

		status = gather_piece(group, &call, (const unsigned char *)own + at,
				      (unsigned char *)all + at, bytes);
	}
	sbn_span_end(group, &span, bytes);
	return status;
}

/* ---- reduce-scatter ---- */

struct scatter {
	struct syncbn_group *group;
	const unsigned char *data; /* [size] parts of `bytes` bytes */
	size_t bytes;
	syncbn_dtype_t dtype;
	syncbn_reduce_t op;
	unsigned char *out;
};

/* Of every part the bytes [at, at + n): one slice after the other, as they stand in the row. */
static void
copy_slices_out(const struct scatter *s, void *row, size_t at, size_t n)
{
	for (uint32_t rank = 0; rank < s->group->size; rank++)
		if (rank != s->group->rank)
			sbn_copy_out(s->group, (unsigned char *)row + rank * n,
				     s->data + rank * s->bytes + at, n);
}

static void
sum_own_slices(const struct scatter *s, const struct sbn_running_call *running, size_t at, size_t n)
{
	struct syncbn_group *group = s->group;
	uint32_t present[group->size];
	const void *src[group->size];
	void *dst = s->out + at;
	struct sbn_rows rows = {
		.src = src,
		.n_src = sbn_call_roll(running, present),
		.dst = &dst,
		.n_dst = 1,
		.divisor = s->op == SYNCBN_MEAN ? sbn_call_divisor(running) : 1,
	};

	for (uint32_t i = 0; i < rows.n_src; i++) {
		const unsigned char *row = sbn_call_row(running, present[i]);

		src[i] = present[i] == group->rank ? s->data + group->rank * s->bytes + at :
						     row + group->rank * n;
		sbn_fetch_ahead(running->ring, src[i], n);
	}
	sbn_reduce_rows(group, &rows, n / sbn_dtype_bytes(s->dtype), s->dtype);
}

static syncbn_status_t
scatter_piece(const struct scatter *s, size_t at, size_t n)
{
	const struct sbn_call call = {
		.op = SBN_OP_REDUCE_SCATTER,
		.n_items = (uint32_t)(n * s->group->size),
		.n_lanes = 1,
		.agreed = { s->bytes / sbn_dtype_bytes(s->dtype), s->dtype,
			    sbn_reduce_word(s->group, s->op) },
	};
	struct sbn_running_call running;
	syncbn_status_t status = sbn_call_begin_unseen(s->group, SBN_STREAM_DATA, &call, &running);

	if (status != SYNCBN_OK)
		return status;
	copy_slices_out(s, running.row, at, n);
	sbn_call_publish(&running, 0, call.n_items);
	if (sbn_call_await(&running, 0, 0, call.n_items) == SYNCBN_OK)
		sum_own_slices(s, &running, at, n);
	return sbn_call_end(&running);
}

syncbn_status_t
sbn_reduce_scatter(struct syncbn_group *group, const void *data, size_t count, syncbn_dtype_t dtype,
		   syncbn_reduce_t op, void *out)
{
	const struct scatter s = {
		.group = group,
		.data = data,
		.bytes = count * sbn_dtype_bytes(dtype),
		.dtype = dtype,
		.op = op,
		.out = out,
	};
	size_t a_piece = SBN_DATA_ROOM / group->size / SBN_LINE * SBN_LINE;
	struct sbn_span span = sbn_span_begin(group, s.bytes * group->size);
	syncbn_status_t status = sbn_group_check(group);

	for (size_t at = 0; at < s.bytes && status == SYNCBN_OK; at += a_piece)
		status = scatter_piece(&s, at, SBN_MIN(a_piece, s.bytes - at));
	sbn_span_end(group, &span, s.bytes * group->size);
	return status;
}
