/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other libraries that do the same work, each as N processes on the ranks' CPUs. They stay alive
 * between rounds and sleep while it is not their turn.
 *
 * A line of text goes to each of a peer's processes:
 *	run COMMAND COUNT DTYPE OP FRESH BATCH CALLS WARMUP
 *	bn MODE OP SHAPE LAYOUT DTYPE ACT INPUTS OUTPUTS CALLS WARMUP
 *	errors MODE NUMBERS SHAPE LAYOUT DTYPE
 *	end
 * COUNT: elements, channels or 0. FRESH 1: ranks meet before each batch, untimed. MODE: the peer's
 * name. SHAPE: of the whole batch, 32x64x56x56. INPUTS, OUTPUTS: a call takes the next of so many
 * buffers. NUMBERS: of perf_bn_data.h. Its rank 0 says "ready" at its start, and then for each run
 * "cannot REASON", or "result WRONG SAMPLES" and a sample a line: the slowest rank's microseconds a
 * call, or the errors of perf_bn_errors.h.
 */
#ifndef SYNCBN_PERF_PEER_H
#define SYNCBN_PERF_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

enum {
	PERF_OPENMPI,
	PERF_MPICH,
	PERF_GLOO,
	PERF_MESSAGE_PEERS, /* those before it exchange and reduce, the others normalize */
	PERF_ONEDNN = PERF_MESSAGE_PEERS,
	PERF_ONEDNN_BLOCKED,
	PERF_TORCH,
	PERF_TORCH_GLOO,
	PERF_PEERS
};

enum { PERF_PEER_LINE = 256 };

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

/*
 * places: each rank's CPUs, "0,1/2,3". oversubscribed: ranks share CPUs. n_threads: of each rank.
 * UNSUPPORTED: the peer is not built or not installed.
 */
syncbn_status_t perf_peer_start(int number, uint32_t n_ranks, const char *places,
				bool oversubscribed, int n_threads, struct perf_peer *peer);

/*
 * One round: the line, and its answer. us: [n_samples], sorted by nobody. Any failure: the peer is
 * of no more use, but for UNSUPPORTED: it cannot do this work. *wrong grows to the most wrong
 * values of a round.
 */
syncbn_status_t perf_peer_run(struct perf_peer *peer, const char *line, size_t n_samples,
			      uint64_t *wrong, double *us);

void perf_peer_stop(struct perf_peer *peer);

#endif
