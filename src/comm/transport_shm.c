/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in the segment: every rank writes its own ring part, and all read it there. */
#include "base/fail.h"
#include "comm/agree.h"
#include "comm/slice.h"
#include "comm/transport_shm.h"

static uint64_t
shm_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	  bool unseen, void **row)
{
	struct sbn_ring *ring = &group->rings[stream];

	if (unseen)
		return sbn_shm_begin_unseen(group, stream, call, row);
	sbn_ring_begin(ring, call);
	sbn_group_ring(group);
	*row = sbn_ring_own_row(ring);
	return ring->call;
}

static void
shm_publish(struct syncbn_group *group, const struct sbn_ring *ring, const struct sbn_call *unseen,
	    uint32_t lane, uint32_t end)
{
	sbn_shm_publish(group, ring, unseen, lane, end);
}

static void
shm_take_next(const struct syncbn_group *group, enum sbn_stream stream, size_t bytes)
{
	sbn_ring_take_next(&group->rings[stream], bytes);
}

static void
shm_arrive(struct syncbn_group *group)
{
	sbn_barrier_arrive(&group->barrier);
	sbn_group_ring(group);
}

static bool
shm_reached(const struct syncbn_group *group, uint32_t peer)
{
	return sbn_barrier_reached(&group->barrier, peer);
}

static syncbn_status_t
shm_share(struct syncbn_group *group, enum sbn_op op, uint64_t slice_bytes,
	  struct sbn_shared *shared)
{
	struct sbn_agreement mine = { .agreed = { slice_bytes } };
	struct sbn_extent_layout layout;
	syncbn_status_t status = SYNCBN_OK;

	*shared = (struct sbn_shared){ .base = NULL };
	sbn_extent_layout(group->size, slice_bytes, group->control.page_bytes, &layout);
	if (group->rank == 0)
		status = sbn_segment_grow(&group->segment, layout.bytes, &mine.value);
	status = sbn_agree(group, op, status, &mine, NULL);
	if (status == SYNCBN_OK) {
		status = sbn_slice_claim(group, slice_bytes, mine.root_value, shared);
		status = sbn_agree(group, op, status, &mine, NULL);
	}
	if (status == SYNCBN_OK)
		return SYNCBN_OK;
	if (shared->base != NULL)
		group->transport->unshare(group, shared);
	if (mine.value != 0 && group->failed == SYNCBN_OK)
		sbn_segment_ungrow(&group->segment, mine.value + layout.bytes);
	return status;
}

static void
shm_unshare(struct syncbn_group *group, struct sbn_shared *shared)
{
	/* a peer may still be inside a failed call: the memory is left until the run ends */
	if (group->failed == SYNCBN_OK && sbn_group_aborted(group).cause == SYNCBN_OK)
		sbn_slice_give_back(group, shared);
	else
		sbn_extent_unmap(&shared->extent);
}

static void
close_world(struct syncbn_group *group)
{
	/* the rings' slice is not given back: a peer may not have read this rank's last row yet */
	if (group->shared.base != NULL)
		sbn_extent_unmap(&group->shared.extent);
	sbn_control_set_state(&group->control, group->rank, SBN_RANK_LEFT);
	sbn_control_ring_all(&group->control);
	sbn_segment_close(&group->segment);
}

/* Whoever is the last to free a sub group gives its memory back; of a failed one nobody does. */
static void
close_sub_group(struct syncbn_group *group)
{
	bool whole = group->failed == SYNCBN_OK && sbn_group_aborted(group).cause == SYNCBN_OK;

	/* G1 pairs with sbn_group_has_freed(): what this rank published before is seen after */
	atomic_store_explicit(&group->seats[group->rank]->freed, 1, memory_order_release);
	sbn_group_ring(group);
	/* G2 pairs with itself: all have done their last access when the last one discards */
	if (whole &&
	    atomic_fetch_add_explicit(&group->seats[0]->n_freed, 1, memory_order_acq_rel) + 1 ==
		    group->size)
		sbn_extent_discard(&group->segment, &group->shared.extent, 0,
				   group->shared.extent.bytes);
	sbn_extent_unmap(&group->shared.extent);
}

static void
shm_close(struct syncbn_group *group)
{
	if (group->is_world)
		close_world(group);
	else
		close_sub_group(group);
}

const struct sbn_transport sbn_transport_shm = {
	.name = "shm",
	.begin = shm_begin,
	.publish = shm_publish,
	.call_of = sbn_ring_call_of,
	.covered = sbn_ring_covered,
	.row = sbn_ring_row,
	.take_next = shm_take_next,
	.arrive = shm_arrive,
	.reached = shm_reached,
	.share = shm_share,
	.unshare = shm_unshare,
	.close = shm_close,
};
