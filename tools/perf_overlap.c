/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backward pass that makes one bucket of gradients after another, its computing simulated: the
 * all-reduces in flight meanwhile, beside a blocking one after each bucket. In every bucket another
 * rank is late, by as much again.
 */
#include <string.h>

#include <syncbn/syncbn.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "perf_work.h"

enum { PROGRESS_NS = 20 * 1000 }; /* between two calls of syncbn_progress */

static float *
bucket_of(const struct perf_work *work, uint64_t bucket)
{
	return work->buffers[bucket];
}

static void
rewrite(struct perf_work *work)
{
	for (uint64_t i = 0; i < work->options->n_buckets; i++)
		memcpy(bucket_of(work, i), work->numbers.data, work->bytes);
}

static void
overlap_free(struct perf_work *work)
{
	syncbn_arena_free(work->arena);
	syncbn_free(work->numbers.data);
	syncbn_free(work->buffers);
}

static syncbn_status_t
take_buckets(struct perf_work *work)
{
	uint64_t n = work->options->n_buckets;
	syncbn_status_t status =
		syncbn_arena_new(work->group, n * sbn_align_up(work->bytes, SBN_LINE),
				 &work->arena);

	for (uint64_t i = 0; i < n && status == SYNCBN_OK; i++)
		work->buffers[i] = syncbn_arena_alloc(work->arena, work->bytes);
	return status;
}

static syncbn_status_t
overlap_make(struct perf_work *work)
{
	syncbn_status_t status = SYNCBN_OK;

	work->numbers.count = work->bytes / sizeof(float);
	work->numbers.data = syncbn_alloc(work->bytes);
	work->buffers = syncbn_alloc(work->options->n_buckets * sizeof(*work->buffers));
	if (work->numbers.data == NULL || work->buffers == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes", work->bytes);
	if (status == SYNCBN_OK)
		status = take_buckets(work);
	if (status != SYNCBN_OK)
		overlap_free(work);
	else
		perf_array_fill(&work->numbers, work->group->rank);
	return status;
}

/* Stands in for a layer's backward pass, with progress now and then where asked for. */
static syncbn_status_t
compute(const struct perf_work *work, uint64_t bucket, bool progress)
{
	bool late = bucket % work->group->size == work->group->rank;
	uint64_t now = sbn_now_ns(), next = now + PROGRESS_NS;
	uint64_t end = now + work->options->compute_us * 1000 * (late ? 2 : 1);
	syncbn_status_t status = SYNCBN_OK;

	while ((now = sbn_now_ns()) < end && status == SYNCBN_OK) {
		if (!progress || now < next)
			continue;
		status = syncbn_progress(work->group);
		next = now + PROGRESS_NS;
	}
	return status;
}

static syncbn_status_t
overlap_call(struct perf_work *work)
{
	syncbn_request_t *requests[SYNCBN_MAX_IN_FLIGHT];
	syncbn_status_t status = SYNCBN_OK, ended;
	uint64_t begun = 0;

	while (begun < work->options->n_buckets && status == SYNCBN_OK) {
		status = compute(work, begun, true);
		if (status == SYNCBN_OK)
			status = syncbn_all_reduce_begin(work->group, bucket_of(work, begun),
							 work->numbers.count, SYNCBN_FLOAT32,
							 SYNCBN_SUM, &requests[begun]);
		begun += status == SYNCBN_OK;
	}
	for (uint64_t i = 0; i < begun; i++) {
		ended = syncbn_all_reduce_end(&requests[i]);
		status = status == SYNCBN_OK ? ended : status;
	}
	return status;
}

static syncbn_status_t
blocking_call(struct perf_work *work)
{
	syncbn_status_t status = SYNCBN_OK;

	for (uint64_t i = 0; i < work->options->n_buckets && status == SYNCBN_OK; i++) {
		status = compute(work, i, false);
		if (status == SYNCBN_OK)
			status = syncbn_all_reduce(work->group, bucket_of(work, i),
						   work->numbers.count, SYNCBN_FLOAT32, SYNCBN_SUM);
	}
	return status;
}

static uint64_t
overlap_wrong(const struct perf_work *work, uint64_t *hash)
{
	uint64_t wrong = 0;

	*hash = SBN_HASH_START;
	for (uint64_t i = 0; i < work->options->n_buckets; i++) {
		struct perf_array bucket = { bucket_of(work, i), work->numbers.count, false };

		*hash = sbn_hash(*hash, bucket.data, work->bytes);
		wrong += perf_wrong_sums(&bucket, work->group->size, false);
	}
	return wrong;
}

static const struct perf_kind blocking = { .rewrite = rewrite, .call = blocking_call };

const struct perf_kind perf_overlap = {
	.make = overlap_make,
	.rewrite = rewrite,
	.call = overlap_call,
	.wrong = overlap_wrong,
	.free = overlap_free,
	.beside = &blocking,
};
