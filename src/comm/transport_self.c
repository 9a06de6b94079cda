/* SPDX-License-Identifier: Apache-2.0 */
/* A world of one: rows in this process's own memory, nobody to wait for. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "comm/slice.h"

static uint64_t
self_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	   bool unseen, void **row)
{
	(void)call, (void)unseen;
	*row = group->parts[stream];
	return ++group->rings[stream].call;
}

static void
self_publish(struct syncbn_group *group, const struct sbn_ring *ring, const struct sbn_call *unseen,
	     uint32_t lane, uint32_t end)
{
	(void)group, (void)ring, (void)unseen, (void)lane, (void)end;
}

static const struct sbn_call *
self_call_of(const struct sbn_ring *ring, uint32_t peer)
{
	(void)ring, (void)peer;
	return NULL;
}

static bool
self_covered(const struct sbn_ring *ring, uint32_t peer, uint32_t begin, uint32_t end)
{
	(void)ring, (void)peer, (void)begin, (void)end;
	return true;
}

static const void *
self_row(const struct sbn_ring *ring, uint32_t rank)
{
	return ring->parts[rank];
}

static void
self_take_next(const struct syncbn_group *group, enum sbn_stream stream, size_t bytes)
{
	(void)group, (void)stream, (void)bytes;
}

static void
self_arrive(struct syncbn_group *group)
{
	group->barrier.arrivals++;
}

static bool
self_reached(const struct syncbn_group *group, uint32_t peer)
{
	(void)group, (void)peer;
	return true;
}

static syncbn_status_t
self_share(struct syncbn_group *group, enum sbn_op op, uint64_t slice_bytes,
	   struct sbn_shared *shared)
{
	uint64_t bytes = sbn_align_up(slice_bytes, (uint64_t)sysconf(_SC_PAGESIZE));
	void *base = aligned_alloc((size_t)sysconf(_SC_PAGESIZE), bytes);

	(void)group, (void)op;
	if (base == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%llu bytes",
				(unsigned long long)slice_bytes);
	memset(base, 0, bytes);
	*shared = (struct sbn_shared){ .base = base, .stride = bytes, .slice_bytes = slice_bytes };
	return SYNCBN_OK;
}

static void
self_unshare(struct syncbn_group *group, struct sbn_shared *shared)
{
	(void)group;
	free(shared->base);
	shared->base = NULL;
}

static void
self_close(struct syncbn_group *group)
{
	self_unshare(group, &group->shared);
	free(group->control.head);
}

const struct sbn_transport sbn_transport_self = {
	.name = "self",
	.begin = self_begin,
	.publish = self_publish,
	.call_of = self_call_of,
	.covered = self_covered,
	.row = self_row,
	.take_next = self_take_next,
	.arrive = self_arrive,
	.reached = self_reached,
	.share = self_share,
	.unshare = self_unshare,
	.close = self_close,
};

/* The same control extent as the launcher makes, so that counters and names have their place. */
static bool
make_control(struct syncbn_group *group)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sbn_control_layout layout;
	void *memory;

	sbn_control_layout(1, page, &layout);
	memory = aligned_alloc(page, layout.bytes);
	if (memory == NULL)
		return false;
	memset(memory, 0, layout.bytes);
	sbn_control_over(memory, 1, page, &group->control);
	group->own = sbn_control_rank(&group->control, 0);
	group->trace = sbn_trace_of(group->own, SBN_TRACE_WORLD);
	sbn_control_set_state(&group->control, 0, SBN_RANK_JOINED);
	return true;
}

static bool
make_rows(struct syncbn_group *group)
{
	enum { PAIRS = SBN_CHANNELS_A_CALL * SBN_PAIR_BYTES };

	if (self_share(group, SBN_OP_JOIN, 2 * PAIRS + SBN_DATA_ROOM, &group->shared) != SYNCBN_OK)
		return false;
	sbn_slice_open_front(group, group->own->bootstrap, 0);
	group->parts[SBN_STREAM_FORWARD] = group->shared.base;
	group->parts[SBN_STREAM_BACKWARD] = group->shared.base + PAIRS;
	group->parts[SBN_STREAM_DATA] = group->shared.base + 2 * PAIRS;
	for (int stream = SBN_STREAM_FORWARD; stream < SBN_STREAMS; stream++)
		group->rings[stream].parts = group->parts + stream;
	return true;
}

syncbn_status_t
sbn_group_alone(struct sbn_process *process, struct syncbn_group **out)
{
	struct syncbn_group *group = sbn_group_alloc(process, 0, 1);

	if (group == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a group");
	group->transport = &sbn_transport_self;
	if (!make_control(group) || !make_rows(group)) {
		free(group->control.head);
		sbn_group_discard(group);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a group of one");
	}
	*out = group;
	return SYNCBN_OK;
}
