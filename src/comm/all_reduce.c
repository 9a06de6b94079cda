/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All-reduce of data anywhere, in pieces through the ring. Small pieces are gathered: everybody
 * reads all rows and sums them. Large ones are scattered: each rank sums one share of all rows and
 * publishes it, and everybody gathers the shares. Both sum in rank order: the bits are the same.
 */
#include <string.h>

#include "base/math.h"
#include "comm/call.h"
#include "comm/collective.h"
#include "comm/copy.h"

/* Of small rows the next call's are fetched before it begins: then the peers have read them. */
enum { TAKE_NEXT_BYTES = 512 };

struct piece {
	struct sbn_running_call *running;
	unsigned char *data;
	size_t count;
	syncbn_dtype_t dtype;
	syncbn_reduce_t op;
};

/* What the elements [begin, end) of a piece are summed of, and where to. */
struct share {
	const uint32_t *present; /* [n_present], whose data is summed */
	uint32_t n_present;
	void *dst[2]; /* [n_dst], of the piece's first element; moved on by sum_share() */
	uint32_t n_dst;
	size_t begin, end;
	double divisor;
};

/* Step by step, with what comes later fetched meanwhile; src and dst go on with the steps. */
static void
sum_in_steps(const struct piece *piece, struct share *share, const void **src)
{
	const size_t element = sbn_dtype_bytes(piece->dtype);
	const size_t bytes = (share->end - share->begin) * element;
	const struct sbn_rows rows = { src, share->n_present, share->dst, share->n_dst,
				       share->divisor };

	for (size_t at = 0; at < bytes; at += SBN_STEP_BYTES) {
		const size_t n = SBN_MIN(bytes - at, (size_t)SBN_STEP_BYTES);

		for (uint32_t i = 0; i < share->n_present; i++)
			if (share->present[i] != piece->running->group->rank)
				sbn_fetch_step(piece->running->ring, (const char *)src[i] - at, at,
					       bytes);
		sbn_reduce_rows(piece->running->group, &rows, n / element, piece->dtype);
		for (uint32_t i = 0; i < share->n_present; i++)
			src[i] = (const char *)src[i] + n;
		for (uint32_t i = 0; i < share->n_dst; i++)
			share->dst[i] = (char *)share->dst[i] + n;
	}
}

static void
sum_share(const struct piece *piece, struct share *share)
{
	const struct sbn_running_call *running = piece->running;
	const size_t offset = share->begin * sbn_dtype_bytes(piece->dtype);
	const void *src[share->n_present];

	share->divisor = piece->op == SYNCBN_MEAN ? sbn_call_divisor(running) : 1;
	/* the peers' reads take the own row's lines, and reading it would take them back */
	for (uint32_t i = 0; i < share->n_present; i++)
		src[i] = (share->present[i] == running->group->rank ?
				  (const char *)piece->data :
				  (const char *)sbn_call_row(running, share->present[i])) +
			 offset;
	for (uint32_t i = 0; i < share->n_dst; i++)
		share->dst[i] = (char *)share->dst[i] + offset;
	sum_in_steps(piece, share, src);
}

static syncbn_status_t
gather(struct syncbn_group *group, struct piece *piece)
{
	size_t bytes = piece->count * sbn_dtype_bytes(piece->dtype);
	uint32_t present[group->size];
	struct share share = {
		.present = present,
		.dst = { piece->data },
		.n_dst = 1,
		.end = piece->count,
	};
	syncbn_status_t status;

	status = sbn_pass_piece(group, &piece->running->call, piece->data, bytes, piece->running);
	if (status != SYNCBN_OK)
		return status;
	share.n_present = sbn_call_roll(piece->running, present);
	sum_share(piece, &share);
	if (bytes <= TAKE_NEXT_BYTES)
		group->transport->take_next(group, SBN_STREAM_DATA, bytes);
	return sbn_call_end(piece->running);
}

/* The sum goes into the data, and into the part of the own row that no peer reads: theirs. */
static void
sum_own_share(struct piece *piece, const uint32_t *present, uint32_t n)
{
	struct share share = {
		.present = present,
		.n_present = n,
		.dst = { piece->running->row, piece->data },
		.n_dst = 2,
	};
	uint32_t own = 0;

	while (present[own] != piece->running->group->rank)
		own++;
	share.begin = sbn_share_begin(piece->count, piece->dtype, n, own);
	share.end = sbn_share_begin(piece->count, piece->dtype, n, own + 1);
	sum_share(piece, &share);
}

static void
take_shares(struct piece *piece, const uint32_t *present, uint32_t n)
{
	size_t element = sbn_dtype_bytes(piece->dtype);

	for (uint32_t i = 0; i < n; i++) {
		size_t begin = sbn_share_begin(piece->count, piece->dtype, n, i) * element;
		size_t end = sbn_share_begin(piece->count, piece->dtype, n, i + 1) * element;
		const char *row = sbn_call_row(piece->running, present[i]);

		if (present[i] == piece->running->group->rank)
			continue;
		sbn_fetch_ahead(piece->running->ring, row + begin, end - begin);
		memcpy(piece->data + begin, row + begin, end - begin);
	}
}

/* Items are the bytes of the row, and then once more, as sums. */
static syncbn_status_t
scatter(struct syncbn_group *group, struct piece *piece)
{
	uint32_t bytes = (uint32_t)(piece->count * sbn_dtype_bytes(piece->dtype));
	uint32_t present[group->size];
	syncbn_status_t status;
	uint32_t n;

	piece->running->call.n_items = 2 * bytes;
	status = sbn_pass_piece(group, &piece->running->call, piece->data, bytes, piece->running);
	if (status != SYNCBN_OK)
		return status;
	n = sbn_call_roll(piece->running, present);
	sum_own_share(piece, present, n);
	sbn_call_publish(piece->running, 0, 2 * bytes);
	if (sbn_call_await(piece->running, 0, bytes, 2 * bytes) == SYNCBN_OK)
		take_shares(piece, present, n);
	return sbn_call_end(piece->running);
}

syncbn_status_t
sbn_all_reduce_pieces(struct syncbn_group *group, void *data, size_t count, syncbn_dtype_t dtype,
		      syncbn_reduce_t op)
{
	size_t a_piece = SBN_DATA_ROOM / sbn_dtype_bytes(dtype);
	syncbn_status_t status = SYNCBN_OK;

	for (size_t at = 0; at < count && status == SYNCBN_OK; at += a_piece) {
		struct sbn_running_call running; /* large: not to be zeroed */
		struct piece piece = {
			.running = &running,
			.data = (unsigned char *)data + at * sbn_dtype_bytes(dtype),
			.count = SBN_MIN(count - at, a_piece),
			.dtype = dtype,
			.op = op,
		};

		running.call = (struct sbn_call){
			.op = SBN_OP_ALL_REDUCE,
			.n_lanes = 1,
			.n_items = (uint32_t)(piece.count * sbn_dtype_bytes(dtype)),
			.agreed = { count, dtype, sbn_reduce_word(group, op) },
		};
		if (piece.count * sbn_dtype_bytes(dtype) >= group->tuning.scatter_from)
			status = scatter(group, &piece);
		else
			status = gather(group, &piece);
	}
	return status;
}

syncbn_status_t
sbn_all_reduce_staged(struct syncbn_group *group, void *data, size_t count, syncbn_dtype_t dtype,
		      syncbn_reduce_t op)
{
	struct sbn_span span = sbn_span_begin(group, count * sbn_dtype_bytes(dtype));
	syncbn_status_t status = sbn_all_reduce_pieces(group, data, count, dtype, op);

	sbn_span_end(group, &span, count * sbn_dtype_bytes(dtype));
	return status;
}
