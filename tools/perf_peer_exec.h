/* SPDX-License-Identifier: Apache-2.0 */
/* How a peer's program is found and started; nothing else knows the other libraries' launchers. */
#ifndef SYNCBN_PERF_PEER_EXEC_H
#define SYNCBN_PERF_PEER_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

struct perf_peer_exec {
	int number; /* of perf_peer_names */
	uint32_t n_ranks;
	const char *places; /* "0,1/2,3" */
	bool oversubscribed;
	int n_threads;      /* of a rank */
	const char *folder; /* with the pipes */
};

/* UNSUPPORTED: the peer is not built or not installed; the detail names the package. */
syncbn_status_t perf_peer_find(int number);

/* Starts it as one process, which starts and ends all others. */
syncbn_status_t perf_peer_fork(const struct perf_peer_exec *wanted, pid_t *pid);

#endif
