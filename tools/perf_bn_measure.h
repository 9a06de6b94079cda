/* SPDX-License-Identifier: Apache-2.0 */
/* The timing of one shape in one place. */
#ifndef SYNCBN_PERF_BN_MEASURE_H
#define SYNCBN_PERF_BN_MEASURE_H

#include "perf_bn_results.h"

/* What else has its turn between two rounds of ours, on rank 0 alone; may be NULL. */
struct perf_bn_guests {
	void (*round)(void *context, size_t round, const struct perf_plan *plan,
		      struct perf_bn_result *row);
	void *context;
};

/* Collective: ours, alone and the floor call by call, then the guests; again every round. */
syncbn_status_t perf_bn_measure(struct perf_bn_work *work, const struct perf_bn_guests *guests,
				struct perf_bn_result *row);

#endif
