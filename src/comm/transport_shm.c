/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in the segment: every rank writes its own ring part, and all read it there. */
#include "base/fail.h"
#include "comm/agree.h"
#include "comm/group.h"

/* Wakes the peers that sleep; whoever goes to sleep after the fence sees what was published. */
static void
ring_peers(struct syncbn_group *group)
{
	/* F1 pairs with F2 in sleep_until_ready() */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t peer = 0; peer < group->size; peer++)
		if (peer != group->rank)
			sbn_control_ring(&group->control, peer);
}

static uint64_t
shm_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	  void **row)
{
	struct sbn_ring *ring = &group->rings[stream];

	sbn_ring_begin(ring, call);
	ring_peers(group);
	*row = sbn_ring_own_row(ring);
	return ring->call;
}

static void
shm_publish(struct syncbn_group *group, enum sbn_stream stream, uint32_t lane, uint32_t end)
{
	sbn_ring_publish(&group->rings[stream], lane, end);
	ring_peers(group);
}

static const struct sbn_call *
shm_call_of(const struct syncbn_group *group, enum sbn_stream stream, uint32_t peer)
{
	return sbn_ring_call_of(&group->rings[stream], peer);
}

static bool
shm_covered(const struct syncbn_group *group, enum sbn_stream stream, uint32_t peer, uint32_t begin,
	    uint32_t end)
{
	return sbn_ring_covered(&group->rings[stream], peer, begin, end);
}

static const void *
shm_row(const struct syncbn_group *group, enum sbn_stream stream, uint32_t rank)
{
	return sbn_ring_row(&group->rings[stream], rank);
}

static void
shm_arrive(struct syncbn_group *group)
{
	sbn_barrier_arrive(&group->barrier);
	ring_peers(group);
}

static bool
shm_reached(const struct syncbn_group *group, uint32_t peer)
{
	return sbn_barrier_reached(&group->barrier, peer);
}

/* This rank's slice: mapped, then its policy set, then reserved; an error is told to the others. */
static syncbn_status_t
claim_slice(struct syncbn_group *group, const struct sbn_extent_layout *layout, uint64_t offset,
	    struct sbn_shared *shared)
{
	const struct sbn_process *process = group->process;
	syncbn_status_t status =
		sbn_extent_map(&group->segment, offset, layout->bytes, &shared->extent);

	if (status != SYNCBN_OK)
		return status;
	shared->base = shared->extent.base;
	return sbn_extent_claim(&group->segment, &shared->extent,
				group->rank * layout->slice_stride, layout->slice_stride,
				process->first_touch ? NULL : &process->place.nodes);
}

static void
give_back(struct syncbn_group *group, struct sbn_shared *shared)
{
	sbn_extent_discard(&group->segment, &shared->extent, group->rank * shared->stride,
			   shared->stride);
	sbn_extent_unmap(&shared->extent);
	shared->base = NULL;
}

static syncbn_status_t
shm_share(struct syncbn_group *group, enum sbn_op op, uint64_t slice_bytes,
	  struct sbn_shared *shared)
{
	struct sbn_agreement mine = { .bytes = slice_bytes };
	struct sbn_extent_layout layout;
	uint64_t offset = 0;
	syncbn_status_t status = SYNCBN_OK;

	sbn_extent_layout(group->size, slice_bytes, group->control.head->header.page_bytes,
			  &layout);
	*shared = (struct sbn_shared){ .stride = layout.slice_stride, .slice_bytes = slice_bytes };
	if (group->rank == 0)
		status = sbn_segment_grow(&group->segment, layout.bytes, &offset);
	mine.value = offset;
	status = sbn_agree(group, op, status, &mine, NULL);
	if (status != SYNCBN_OK)
		return status;
	status = claim_slice(group, &layout, mine.root_value, shared);
	status = sbn_agree(group, op, status, &mine, NULL);
	if (status != SYNCBN_OK && shared->base != NULL)
		give_back(group, shared);
	return status;
}

static void
shm_unshare(struct syncbn_group *group, struct sbn_shared *shared)
{
	/* a peer may still be inside a failed call: the memory is left until the run ends */
	if (sbn_control_aborted(&group->control).cause == SYNCBN_OK)
		give_back(group, shared);
	else
		sbn_extent_unmap(&shared->extent);
}

static void
shm_close(struct syncbn_group *group)
{
	/* the rings' slice is not given back: a peer may not have read this rank's last row yet */
	if (group->shared.base != NULL)
		sbn_extent_unmap(&group->shared.extent);
	sbn_control_set_state(&group->control, group->rank, SBN_RANK_LEFT);
	sbn_control_ring_all(&group->control);
	sbn_segment_close(&group->segment);
}

const struct sbn_transport sbn_transport_shm = {
	.name = "shm",
	.begin = shm_begin,
	.publish = shm_publish,
	.call_of = shm_call_of,
	.covered = shm_covered,
	.row = shm_row,
	.arrive = shm_arrive,
	.reached = shm_reached,
	.share = shm_share,
	.unshare = shm_unshare,
	.close = shm_close,
};
