/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured on a rank: one size of one command, made, run, checked and freed. */
#ifndef SYNCBN_PERF_WORK_H
#define SYNCBN_PERF_WORK_H

#include <syncbn/memory.h>

#include "comm/group.h"
#include "perf_numbers.h"
#include "perf_options.h"
#include "perf_stats.h"

struct perf_work;

struct perf_kind {
	syncbn_status_t (*make)(struct perf_work *work);
	/* Before each batch, not timed; NULL: nothing to do. */
	void (*rewrite)(struct perf_work *work);
	syncbn_status_t (*call)(struct perf_work *work);
	/* How many results of the last call are wrong; *hash: of their bits. */
	uint64_t (*wrong)(const struct perf_work *work, uint64_t *hash);
	void (*free)(struct perf_work *work);
	/* What is measured in turns with it, where the work is in an arena; NULL: nothing. */
	const struct perf_kind *beside;
};

struct perf_work {
	const struct perf_kind *kind;
	const struct perf_options *options;
	struct syncbn_group *group;
	size_t bytes;
	/* exchange */
	size_t n_channels;
	struct sbn_pair *pairs;
	struct sbn_pair *merged;
	/* allreduce, overlap */
	struct perf_array numbers; /* this rank's, kept */
	struct perf_array array;   /* reduced in place */
	syncbn_arena_t *arena;
	void **buffers; /* [ranks] every rank's array, where it lies in an arena; else NULL */
			/* overlap: [buckets] this rank's */
};

extern const struct perf_kind perf_exchange, perf_allreduce, perf_barrier, perf_overlap;

/* Collective, as all that follows. A failure leaves nothing to free. */
syncbn_status_t perf_work_new(const struct perf_options *options, struct syncbn_group *group,
			      size_t bytes, struct perf_work *work);
void perf_work_free(struct perf_work *work);

/*
 * Runs a round of `kind` (the work's own, or what is beside it); us: [perf_plan_samples]
 * microseconds a call, each the slowest rank's.
 */
syncbn_status_t perf_work_run(struct perf_work *work, const struct perf_kind *kind,
			      const struct perf_plan *plan, double *us);

/* Runs one call; *wrong: the results that are wrong on any rank, and the ranks with other bits. */
syncbn_status_t perf_work_check(struct perf_work *work, uint64_t *wrong);

/* rows: [ranks][bytes], of which each rank has written its own. */
syncbn_status_t perf_gather(struct syncbn_group *group, void *rows, size_t bytes);

/* us: [n], this rank's samples, which become the slowest rank's. */
syncbn_status_t perf_keep_slowest(struct syncbn_group *group, double *us, size_t n);

#endif
