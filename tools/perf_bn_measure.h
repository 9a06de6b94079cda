/* SPDX-License-Identifier: Apache-2.0 */
/* The timing of one shape in one place. */
#ifndef SYNCBN_PERF_BN_MEASURE_H
#define SYNCBN_PERF_BN_MEASURE_H

#include "perf_bn_results.h"
#include "perf_peers.h"

/*
 * Collective: ours and its variants in turns of several calls, in another order each time, then the
 * peers, which are rank 0's only; again every round.
 */
syncbn_status_t perf_bn_measure(struct perf_bn_work *work, struct perf_peers *peers,
				struct perf_bn_result *row);

#endif
