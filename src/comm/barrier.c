/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "comm/collective.h"
#include "comm/transport_shm.h"
#include "comm/wait.h"

static inline bool
is_here(const struct sbn_wait *wait)
{
	const struct syncbn_group *group = wait->group;

	return sbn_is_shm(group) ? sbn_barrier_reached(&group->barrier, wait->peer) :
				   group->transport->reached(group, wait->peer);
}

static bool
has_arrived(const struct sbn_wait *wait)
{
	const struct syncbn_group *group = wait->group;

	return is_here(wait) ||
	       sbn_leave_absent(&group->leave, wait->peer, SBN_SEQUENCE_BARRIER,
				group->barrier.arrivals);
}

syncbn_status_t
sbn_barrier(struct syncbn_group *group)
{
	struct sbn_wait wait = {
		.group = group,
		.ready = has_arrived,
		.timeout_ms = group->process->timeout_ms,
	};
	syncbn_status_t status = sbn_group_check(group);

	if (status != SYNCBN_OK)
		return status;
	sbn_group_enter(group, SBN_OP_BARRIER, 0, group->barrier.arrivals + 1);
	group->transport->arrive(group);
	for (uint32_t i = 0; i + 1 < group->size && status == SYNCBN_OK; i++) {
		wait.peer = group->peers[i];
		if (!sbn_is_soon(&wait, is_here))
			status = sbn_wait(&wait);
	}
	sbn_group_exit(group);
	if (status != SYNCBN_OK)
		sbn_group_fail(group, status, sbn_last_error());
	sbn_trace_add(group->trace, SBN_BARRIER_CALLS, 1);
	return status;
}
