/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "comm/collective.h"
#include "comm/wait.h"

static bool
has_arrived(const struct sbn_wait *wait)
{
	const struct syncbn_group *group = wait->group;

	return group->transport->reached(group, wait->peer) ||
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
	for (wait.peer = 0; wait.peer < group->size && status == SYNCBN_OK; wait.peer++)
		if (wait.peer != group->rank)
			status = sbn_wait(&wait);
	sbn_group_exit(group);
	if (status != SYNCBN_OK)
		sbn_group_fail(group, status, sbn_last_error());
	sbn_trace_add(group->trace, SBN_BARRIER_CALLS, 1);
	return status;
}
