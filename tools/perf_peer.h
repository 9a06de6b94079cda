/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other libraries that do the same work, each as N processes on the ranks' CPUs. They stay alive
 * between rounds and sleep while it is not their turn.
 *
 * A line of text goes to each of a peer's processes:
 *	run COMMAND COUNT DTYPE OP FRESH BATCH CALLS WARMUP
 *	end
 * COUNT: elements, channels or 0. FRESH 1: ranks meet before each batch, untimed. Its rank 0 says
 * "ready" at its start, and then for each run "result WRONG SAMPLES" and a sample a line: the
 * slowest rank's microseconds a call.
 */
#ifndef SYNCBN_PERF_PEER_H
#define SYNCBN_PERF_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

#include "perf_stats.h"

enum { PERF_OPENMPI, PERF_MPICH, PERF_GLOO, PERF_PEERS };

extern const char *const perf_peer_names[PERF_PEERS];

struct perf_peer {
	int number; /* of perf_peer_names */
	pid_t pid;
	int *to; /* [n_ranks] */
	uint32_t n_ranks;
	int from;
	char *heard; /* bytes that came and were not read yet */
	size_t n_heard;
};

struct perf_peer_work {
	const char *command, *dtype, *op;
	size_t count;
	bool fresh;
	struct perf_plan plan;
};

/*
 * places: each rank's CPUs, "0,1/2,3". oversubscribed: ranks share CPUs. UNSUPPORTED: the peer is
 * not built or not installed.
 */
syncbn_status_t perf_peer_start(int number, uint32_t n_ranks, const char *places,
				bool oversubscribed, struct perf_peer *peer);

/* One round; us: [perf_plan_samples], sorted by nobody. Any failure: the peer is of no more use. */
syncbn_status_t perf_peer_run(struct perf_peer *peer, const struct perf_peer_work *work,
			      uint64_t *wrong, double *us);

void perf_peer_stop(struct perf_peer *peer);

#endif
