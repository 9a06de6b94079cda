/* SPDX-License-Identifier: Apache-2.0 */
/* Whose failure is whose: a group fails by its own abort word, or with a member that is lost. */
#include "comm/group.h"

/* Ended in good order: whoever still needs it finds out by itself. */
static bool
has_finalized(const struct sbn_control *control, uint32_t rank, uint32_t state)
{
	/* relaxed: valid once the state says GONE, whose load acquired it */
	int wait_status = atomic_load_explicit(&sbn_control_rank(control, rank)->life.wait_status,
					       memory_order_relaxed);

	return (state & SBN_RANK_LEFT) && !((state & SBN_RANK_GONE) && wait_status != 0);
}

/*
 * What the run's failure is to a sub group. Its word keeps the first cause only, so once it stands
 * the members that are lost are found by their states.
 */
static struct sbn_abort
lost_in_the_run(const struct syncbn_group *group)
{
	const struct sbn_control *control = &group->control;
	struct sbn_abort run = sbn_control_aborted(control);

	/* a word that none of us wrote stops everybody */
	if (run.cause == SYNCBN_OK || run.rank >= control->world_size)
		return run;
	for (uint32_t member = 0; member < group->size; member++) {
		uint32_t rank = group->members[member], state = sbn_control_state(control, rank);
		bool named = run.cause == SYNCBN_ERR_PEER_LOST && run.rank == rank;

		if ((named || (state & SBN_RANK_GONE)) && !has_finalized(control, rank, state))
			return (struct sbn_abort){ .cause = SYNCBN_ERR_PEER_LOST, .rank = rank };
	}
	return (struct sbn_abort){ .cause = SYNCBN_OK };
}

struct sbn_abort
sbn_group_aborted(const struct syncbn_group *group)
{
	struct sbn_abort abort = sbn_abort_read(group->abort);

	if (abort.cause == SYNCBN_OK && group->number != 0)
		return lost_in_the_run(group);
	return abort;
}

void
sbn_group_abort(struct syncbn_group *group, syncbn_status_t cause, uint32_t member, uint32_t other)
{
	struct sbn_abort abort = { cause, group->members[member], group->members[other] };

	if (group->number == 0) {
		sbn_control_abort(&group->control, abort);
		return;
	}
	sbn_abort_set(group->abort, abort);
	for (uint32_t each = 0; each < group->size; each++)
		sbn_control_ring_loudly(&group->control, group->members[each]);
}

bool
sbn_group_has_freed(const struct syncbn_group *group, uint32_t member)
{
	/* G1 pairs with a sub group's close: what the member published before is seen after */
	return atomic_load_explicit(&group->seats[member]->freed, memory_order_acquire) != 0;
}
