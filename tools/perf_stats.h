/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of a time, and the few numbers that tell of them. */
#ifndef SYNCBN_PERF_STATS_H
#define SYNCBN_PERF_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds a call. */
struct perf_stats {
	double p50, p90, p99;
};

/* How a round is run: `calls` calls, timed in batches, since a clock's reading costs 20-30 ns. */
struct perf_plan {
	uint64_t warmup;
	uint64_t calls;
	uint64_t batch; /* calls between two looks at the clock; the last batch may be shorter */
};

static inline size_t
perf_plan_samples(const struct perf_plan *plan)
{
	return (size_t)((plan->calls + plan->batch - 1) / plan->batch);
}

/* Sorts the samples. n > 0. */
struct perf_stats perf_stats_of(double *us, size_t n);

/* The median of each number over the rounds. n > 0. */
struct perf_stats perf_stats_median(const struct perf_stats *rounds, size_t n);

/*
 * The plan of the next round, from the sorted samples of an earlier one: as many calls as fill
 * budget_us, or `calls` where that is not 0.
 */
struct perf_plan perf_plan_choose(const double *us, size_t n, double budget_us, uint64_t calls,
				  uint64_t warmup);

#endif
