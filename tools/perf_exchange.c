/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange of a batch norm's forward: publish the pairs, await all ranks', merge in order. */
#include <stdlib.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/math.h"
#include "comm/call.h"
#include "comm/copy.h"
#include "perf_work.h"

static void
exchange_free(struct perf_work *work)
{
	free(work->pairs);
	free(work->merged);
}

static syncbn_status_t
exchange_make(struct perf_work *work)
{
	work->n_channels = work->bytes / PERF_PAIR_BYTES;
	work->pairs = calloc(work->n_channels, sizeof(*work->pairs));
	work->merged = calloc(work->n_channels, sizeof(*work->merged));
	if (work->pairs == NULL || work->merged == NULL) {
		exchange_free(work);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu channels", work->n_channels);
	}
	perf_pairs_fill(work->pairs, work->n_channels, work->group->rank);
	return SYNCBN_OK;
}

static void
merge(const struct sbn_running_call *running, const struct sbn_pair *own, size_t n_channels,
      struct sbn_pair *out)
{
	const size_t a_step = SBN_STEP_BYTES / sizeof(*own);
	uint32_t n_ranks = running->group->size;
	const struct sbn_pair *rows[n_ranks];
	double counts[n_ranks];

	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		rows[rank] = rank == running->group->rank ? own : sbn_call_row(running, rank);
		counts[rank] = (double)sbn_call_header(running, rank)->count;
	}
	for (size_t at = 0; at < n_channels; at += a_step) {
		const struct sbn_pair *step[n_ranks];

		for (uint32_t rank = 0; rank < n_ranks; rank++) {
			step[rank] = rows[rank] + at;
			if (rank != running->group->rank)
				sbn_fetch_step(running->ring, rows[rank], at * sizeof(*own),
					       n_channels * sizeof(*own));
		}
		running->group->process->kernels->merge_moments(out + at, step, counts, n_ranks,
								SBN_MIN(a_step, n_channels - at));
	}
}

/* Channels first .. first + n: as many as one call takes. */
static syncbn_status_t
exchange_part(struct perf_work *work, size_t first, uint32_t n)
{
	struct sbn_call call = {
		.op = SBN_OP_FORWARD,
		.n_items = n,
		.n_lanes = 1,
		.count = perf_pairs_count(work->group->rank),
		.agreed = { work->n_channels, first },
	};
	struct sbn_running_call running;
	syncbn_status_t status =
		sbn_call_begin_unseen(work->group, SBN_STREAM_FORWARD, &call, &running);

	if (status != SYNCBN_OK)
		return status;
	sbn_copy_out(work->group, running.row, work->pairs + first, n * sizeof(*work->pairs));
	sbn_call_publish(&running, 0, n);
	if (sbn_call_await(&running, 0, 0, n) == SYNCBN_OK)
		merge(&running, work->pairs + first, n, work->merged + first);
	return sbn_call_end(&running);
}

static syncbn_status_t
exchange_call(struct perf_work *work)
{
	syncbn_status_t status = SYNCBN_OK;

	for (size_t first = 0; first < work->n_channels && status == SYNCBN_OK;
	     first += SBN_CHANNELS_A_CALL)
		status = exchange_part(work, first,
				       (uint32_t)SBN_MIN(work->n_channels - first,
							 (size_t)SBN_CHANNELS_A_CALL));
	return status;
}

static uint64_t
exchange_wrong(const struct perf_work *work, uint64_t *hash)
{
	*hash = sbn_hash(SBN_HASH_START, work->merged, work->n_channels * sizeof(*work->merged));
	return perf_wrong_moments(work->merged, work->n_channels, work->group->size);
}

const struct perf_kind perf_exchange = {
	.make = exchange_make,
	.call = exchange_call,
	.wrong = exchange_wrong,
	.free = exchange_free,
};
