/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_work.h"

#include <stdlib.h>

#include <syncbn/syncbn.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"

static syncbn_status_t
barrier_make(struct perf_work *work)
{
	(void)work;
	return SYNCBN_OK;
}

static syncbn_status_t
barrier_call(struct perf_work *work)
{
	return syncbn_barrier(work->group);
}

static uint64_t
barrier_wrong(const struct perf_work *work, uint64_t *hash)
{
	(void)work;
	*hash = 0;
	return 0;
}

static void
barrier_free(struct perf_work *work)
{
	(void)work;
}

const struct perf_kind perf_barrier = {
	.make = barrier_make,
	.call = barrier_call,
	.wrong = barrier_wrong,
	.free = barrier_free,
};

syncbn_status_t
perf_work_new(const struct perf_options *options, struct syncbn_group *group, size_t bytes,
	      struct perf_work *work)
{
	static const struct perf_kind *const kinds[PERF_COMMANDS] = {
		[PERF_EXCHANGE] = &perf_exchange,
		[PERF_ALLREDUCE] = &perf_allreduce,
		[PERF_BARRIER] = &perf_barrier,
		[PERF_OVERLAP] = &perf_overlap,
	};

	*work = (struct perf_work){
		.kind = kinds[options->command],
		.options = options,
		.group = group,
		.bytes = bytes,
	};
	return work->kind->make(work);
}

void
perf_work_free(struct perf_work *work)
{
	work->kind->free(work);
}

syncbn_status_t
perf_gather(struct syncbn_group *group, void *rows, size_t bytes)
{
	for (uint32_t rank = 0; rank < group->size; rank++) {
		syncbn_status_t status =
			syncbn_broadcast(group, (unsigned char *)rows + rank * bytes, bytes,
					 (int)rank);

		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

/* In the arena every call finds all ranks there: none waits while a peer still rewrites. */
static syncbn_status_t
prepare(struct perf_work *work, const struct perf_kind *kind)
{
	if (kind->rewrite != NULL)
		kind->rewrite(work);
	return work->arena != NULL ? syncbn_barrier(work->group) : SYNCBN_OK;
}

static syncbn_status_t
time_batch(struct perf_work *work, const struct perf_kind *kind, uint64_t calls, double *us)
{
	syncbn_status_t status = prepare(work, kind);
	uint64_t start_ns = sbn_now_ns();

	for (uint64_t i = 0; i < calls && status == SYNCBN_OK; i++)
		status = kind->call(work);
	*us = (double)(sbn_now_ns() - start_ns) / 1e3 / (double)calls;
	return status;
}

static syncbn_status_t
time_batches(struct perf_work *work, const struct perf_kind *kind, uint64_t calls, uint64_t batch,
	     double *us)
{
	syncbn_status_t status = SYNCBN_OK;

	for (uint64_t done = 0; done < calls && status == SYNCBN_OK; done += batch)
		status = time_batch(work, kind, SBN_MIN(batch, calls - done), us++);
	return status;
}

syncbn_status_t
perf_keep_slowest(struct syncbn_group *group, double *us, size_t n)
{
	double *all = calloc(group->size * n, sizeof(*all));
	syncbn_status_t status;

	if (all == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "samples of %u ranks", group->size);
	for (size_t i = 0; i < n; i++)
		all[group->rank * n + i] = us[i];
	status = perf_gather(group, all, n * sizeof(*all));
	for (uint32_t rank = 0; rank < group->size; rank++)
		for (size_t i = 0; i < n; i++)
			us[i] = SBN_MAX(us[i], all[rank * n + i]);
	free(all);
	return status;
}

syncbn_status_t
perf_work_run(struct perf_work *work, const struct perf_kind *kind, const struct perf_plan *plan,
	      double *us)
{
	/* calls in one batch double a sum each: more would end in infinity */
	uint64_t batch = SBN_MAX(plan->batch, 1);
	syncbn_status_t status = syncbn_barrier(work->group);

	for (uint64_t done = 0; done < plan->warmup && status == SYNCBN_OK; done += batch)
		status = time_batch(work, kind, SBN_MIN(batch, plan->warmup - done), us);
	if (status == SYNCBN_OK)
		status = time_batches(work, kind, plan->calls, batch, us);
	return status == SYNCBN_OK ? perf_keep_slowest(work->group, us, perf_plan_samples(plan)) :
				     status;
}

/* What a rank has to say of its results. */
struct verdict {
	uint64_t wrong, hash;
};

syncbn_status_t
perf_work_check(struct perf_work *work, uint64_t *wrong)
{
	struct verdict verdicts[work->group->size];
	struct verdict *own = &verdicts[work->group->rank];
	syncbn_status_t status = prepare(work, work->kind);

	if (status == SYNCBN_OK)
		status = work->kind->call(work);
	if (status != SYNCBN_OK)
		return status;
	own->wrong = work->kind->wrong(work, &own->hash);
	status = perf_gather(work->group, verdicts, sizeof(*own));
	*wrong = 0;
	for (uint32_t rank = 0; rank < work->group->size; rank++)
		*wrong += verdicts[rank].wrong + (verdicts[rank].hash != verdicts[0].hash);
	return status;
}
