/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of the peers between ours, on rank 0. */
#ifndef SYNCBN_PERF_BN_PEERS_H
#define SYNCBN_PERF_BN_PEERS_H

#include "perf_bn_results.h"
#include "perf_peers.h"

/* One line's turns. */
struct perf_bn_turns {
	const struct perf_bn_work *work;
	struct perf_peers *peers;
	struct perf_plan plan[PERF_PEERS];     /* calls 0: not chosen yet */
	struct perf_stats *rounds[PERF_PEERS]; /* [rounds] */
	bool cannot[PERF_PEERS];
};

syncbn_status_t perf_bn_turns_new(const struct perf_bn_work *work, struct perf_peers *peers,
				  struct perf_bn_turns *turns);
void perf_bn_turns_free(struct perf_bn_turns *turns);

/* Each peer's round; one that fails is left out from now on, one that cannot only here. */
void perf_bn_turns_round(struct perf_bn_turns *turns, size_t round, struct perf_bn_result *row);

#endif
