/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/leave.h"

#include "base/fail.h"
#include "comm/wait.h"

/* The number of this rank's last call of a sequence. */
static uint64_t *
last_call(struct syncbn_group *group, uint32_t sequence)
{
	return sequence == SBN_SEQUENCE_BARRIER ? &group->barrier.arrivals :
						  &group->rings[sequence].call;
}

static void
mark(struct syncbn_group *group)
{
	for (uint32_t sequence = 0; sequence < SBN_SEQUENCES; sequence++)
		sbn_leave_mark(&group->leave, sequence, *last_call(group, sequence));
	group->leave.left = true;
	sbn_group_ring(group);
}

syncbn_status_t
sbn_group_leave(struct syncbn_group *group)
{
	syncbn_status_t status = sbn_group_check_failure(group);

	if (status != SYNCBN_OK)
		return status;
	if (group->leave.left)
		return sbn_fail(SYNCBN_ERR_INVALID, "this rank has left the group already");
	status = sbn_group_check_landed(group);
	if (status != SYNCBN_OK)
		return status;
	mark(group);
	return SYNCBN_OK;
}

static bool
has_met(const struct sbn_wait *wait)
{
	return sbn_barrier_reached(&wait->group->meeting, wait->peer);
}

/* A rank that is still at work is waited for as long as it makes calls. */
static syncbn_status_t
meet(struct syncbn_group *group)
{
	struct sbn_wait wait = {
		.group = group,
		.ready = has_met,
		.timeout_ms = group->process->timeout_ms,
		.patient = true,
	};
	syncbn_status_t status = SYNCBN_OK;

	sbn_barrier_arrive(&group->meeting);
	sbn_group_ring(group);
	for (wait.peer = 0; wait.peer < group->size && status == SYNCBN_OK; wait.peer++)
		if (wait.peer != group->rank)
			status = sbn_wait(&wait);
	return status;
}

/* The rank that made the most calls. All count from this rank's own: only the order matters. */
static uint32_t
find_last(struct syncbn_group *group)
{
	int64_t most = INT64_MIN;
	uint32_t last = 0;

	for (uint32_t rank = 0; rank < group->size; rank++) {
		int64_t total = 0;

		for (uint32_t sequence = 0; sequence < SBN_SEQUENCES; sequence++)
			total += sbn_leave_ahead(&group->leave, rank, sequence,
						 *last_call(group, sequence));
		if (total >= most) {
			most = total;
			last = rank;
		}
	}
	return last;
}

/* Goes on from the furthest call that any rank has made. */
static void
catch_up(struct syncbn_group *group, uint32_t sequence)
{
	int64_t furthest = 0;

	for (uint32_t rank = 0; rank < group->size; rank++)
		furthest = SBN_MAX(furthest, sbn_leave_ahead(&group->leave, rank, sequence,
							     *last_call(group, sequence)));
	*last_call(group, sequence) += (uint64_t)furthest;
}

static syncbn_status_t
come_together(struct syncbn_group *group, uint32_t *last_rank)
{
	syncbn_status_t status = meet(group);

	if (status != SYNCBN_OK)
		return status;
	*last_rank = find_last(group);
	for (uint32_t sequence = 0; sequence < SBN_SEQUENCES; sequence++)
		catch_up(group, sequence);
	return meet(group); /* until then somebody may be reading the marks of this epoch */
}

syncbn_status_t
sbn_group_return(struct syncbn_group *group, uint32_t *last_rank)
{
	syncbn_status_t status = sbn_group_check_failure(group);

	if (status != SYNCBN_OK)
		return status;
	status = sbn_group_check_landed(group);
	if (status != SYNCBN_OK)
		return status;
	if (!group->leave.left)
		mark(group);
	sbn_group_enter(group, SBN_OP_RETURN, 0, group->leave.epoch);
	status = come_together(group, last_rank);
	sbn_group_exit(group);
	if (status != SYNCBN_OK)
		sbn_group_fail(group, status, sbn_last_error());
	else
		sbn_leave_begin_epoch(&group->leave);
	return status;
}
