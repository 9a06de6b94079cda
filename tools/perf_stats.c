/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_stats.h"

#include <math.h>
#include <stdlib.h>

#include "base/math.h"

enum { BATCH_US = 2, MAX_BATCH = 32, MIN_CALLS = 5, MAX_SAMPLES = 20000, STALLED = 20 };

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The nearest rank: a value that was measured. */
static double
percentile(const double *sorted, size_t n, double p)
{
	size_t rank = (size_t)ceil(p / 100 * (double)n);

	return sorted[rank > 0 ? rank - 1 : 0];
}

struct perf_stats
perf_stats_of(double *us, size_t n)
{
	qsort(us, n, sizeof(*us), compare);
	return (struct perf_stats){
		.p50 = percentile(us, n, 50),
		.p90 = percentile(us, n, 90),
		.p99 = percentile(us, n, 99),
	};
}

struct perf_stats
perf_stats_median(const struct perf_stats *rounds, size_t n)
{
	double p50[n], p90[n], p99[n];

	for (size_t i = 0; i < n; i++) {
		p50[i] = rounds[i].p50;
		p90[i] = rounds[i].p90;
		p99[i] = rounds[i].p99;
	}
	return (struct perf_stats){
		.p50 = perf_stats_of(p50, n).p50,
		.p90 = perf_stats_of(p90, n).p50,
		.p99 = perf_stats_of(p99, n).p50,
	};
}

/* On a busy machine the mean tells how long calls take, unless one call alone took for ever. */
static double
usual_us(const double *sorted, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += sorted[i];
	return SBN_MIN(sum / (double)n, STALLED * percentile(sorted, n, 50));
}

struct perf_plan
perf_plan_choose(const double *us, size_t n, double budget_us, uint64_t calls, uint64_t warmup)
{
	double each_us = SBN_MAX(usual_us(us, n), 0.01);
	double batch = ceil(BATCH_US / SBN_MAX(percentile(us, n, 50), 0.01));
	struct perf_plan plan = { .warmup = warmup, .calls = calls };

	plan.batch = (uint64_t)SBN_MIN(batch, (double)MAX_BATCH);
	if (calls == 0) {
		plan.calls = (uint64_t)SBN_MAX(budget_us / each_us, (double)MIN_CALLS);
		plan.calls = SBN_MIN(plan.calls, plan.batch * MAX_SAMPLES);
	}
	plan.batch = SBN_MIN(plan.batch, plan.calls);
	return plan;
}
