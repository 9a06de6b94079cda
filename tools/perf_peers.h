/* SPDX-License-Identifier: Apache-2.0 */
/* The peers of a run: rank 0 starts them, and leaves out those that are not there. */
#ifndef SYNCBN_PERF_PEERS_H
#define SYNCBN_PERF_PEERS_H

#include "perf_machine.h"
#include "perf_peer.h"

struct perf_peers {
	struct perf_peer peer[PERF_PEERS];
	bool there[PERF_PEERS];
};

/* wanted: [PERF_PEERS]. n_threads: of each of our ranks, and so of each of their processes. */
void perf_peers_start(struct perf_peers *peers, const bool *wanted,
		      const struct perf_machine *machine, uint32_t n_ranks, int n_threads);

/* Says why, by the last error, and stops it. */
void perf_peers_leave_out(struct perf_peers *peers, int number);

void perf_peers_stop(struct perf_peers *peers);

#endif
