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

/* Gives up the CPU some times, as nothing comes before; false: nothing has come. */
bool sbn_wait_yielding(const struct sbn_wait *wait, bool (*ready)(const struct sbn_wait *wait));

/*
 * What nearly every wait ends with. For a peer on another CPU some microseconds of looks, as a
 * clock's reading or a pause costs many of them: longer where that one may first have to give up
 * its CPU to others. A peer that shares this rank's CPUs is let run. `ready` is to be inlined.
 */
enum { SBN_BARE_LOOKS = 500, SBN_BARE_LOOKS_CROWDED = 4000 };

static inline bool
sbn_is_soon(const struct sbn_wait *wait, bool (*ready)(const struct sbn_wait *wait))
{
	const struct syncbn_group *group = wait->group;
	int looks = group->may_spin ? SBN_BARE_LOOKS : SBN_BARE_LOOKS_CROWDED;

	if (ready(wait))
		return true;
	if (group->shares[wait->peer])
		return sbn_wait_yielding(wait, ready);
	for (int i = 0; i < looks; i++)
		if (ready(wait))
			return true;
	return false;
}

/*
 * For who has something else to do: whether `ready` is not true, nor will be within so many ns.
 * Nobody is late where ranks have to take turns on the CPUs, or while an all-reduce is in flight:
 * the peer may need this one's CPU, or its share, and gets them from who waits. A peer that is
 * gone, or in another operation, is sbn_wait's affair.
 */
bool sbn_is_late(const struct sbn_wait *wait, uint64_t ns);

/* OK when ready; TIMEOUT, MISMATCH, PEER_LOST with the detail. */
syncbn_status_t sbn_wait(const struct sbn_wait *wait);

#endif
