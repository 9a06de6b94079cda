/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a peer: a short spin where there are CPUs enough, then the doorbell. Every wait ends:
 * the peer comes, somebody aborts, the peer is gone, the two are found in operations that can never
 * meet, or the deadline passes. Each failure is written into the abort word before it is returned.
 */
#ifndef SBN_COMM_WAIT_H
#define SBN_COMM_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/group.h"

struct sbn_running_call; /* comm/call.h */

struct sbn_wait {
	struct syncbn_group *group;
	uint32_t lane; /* the waiting lane; lane 0 counts */
	uint32_t peer;
	bool (*ready)(const struct sbn_wait *wait); /* never blocks; acquires what it finds */
	int timeout_ms;
	bool patient;   /* the time begins anew whenever the peer makes a call */
	bool in_flight; /* the peer can come from within any other operation */
	const struct sbn_running_call *running; /* for `ready` */
	uint32_t begin, end;
};

/* OK when ready; TIMEOUT, MISMATCH, PEER_LOST with the detail. */
syncbn_status_t sbn_wait(const struct sbn_wait *wait);

#endif
