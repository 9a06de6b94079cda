/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/slice.h"

#include <syncbn/collective.h>

enum {
	SLOTS = 2,                              /* for calls that wait for their end */
	FLIGHT_SLOTS = 2 * SYNCBN_MAX_IN_FLIGHT /* doc/memory-model.md, section 2 */
};

_Static_assert(sizeof(struct sbn_seat) + SLOTS * (SBN_LINE + SBN_CONTROL_ROOM) <=
		       SBN_BOOTSTRAP_BYTES,
	       "seat and control ring fit their room");

static struct sbn_ring_shape
shape_of(const struct syncbn_group *group, enum sbn_stream stream)
{
	bool control = stream == SBN_STREAM_CONTROL;
	bool data = stream == SBN_STREAM_DATA;
	bool buckets = stream == SBN_STREAM_BUCKETS;

	return (struct sbn_ring_shape){
		.n_ranks = group->size,
		.n_slots = buckets ? FLIGHT_SLOTS : SLOTS,
		.n_lanes = control || data || buckets ? 1 : SBN_MAX_LANES,
		.row_bytes = buckets ? 0 : /* one item without content: the sums are written */
				     control ? SBN_CONTROL_ROOM :
			     data            ? SBN_DATA_ROOM :
					       SBN_CHANNELS_A_CALL * SBN_PAIR_BYTES,
		.item_bytes = control || buckets ? 0 : data ? 1 : SBN_PAIR_BYTES,
		.page_bytes = control || buckets ? SBN_LINE : group->control.page_bytes,
	};
}

static void
open_ring(struct syncbn_group *group, enum sbn_stream stream, unsigned char *first, uint64_t stride)
{
	struct sbn_ring_shape shape = shape_of(group, stream);
	unsigned char **parts = group->parts + stream * group->size;

	for (uint32_t rank = 0; rank < group->size; rank++)
		parts[rank] = first + rank * stride;
	sbn_ring_open(&group->rings[stream], &shape, group->rank, parts, 0);
}

uint64_t
sbn_slice_front_bytes(const struct syncbn_group *group)
{
	return sbn_align_up(SBN_BOOTSTRAP_BYTES, group->control.page_bytes);
}

uint64_t
sbn_slice_back_bytes(const struct syncbn_group *group)
{
	uint64_t bytes = SBN_LINE;

	for (enum sbn_stream stream = SBN_STREAM_FORWARD; stream < SBN_STREAMS; stream++) {
		struct sbn_ring_shape shape = shape_of(group, stream);

		bytes += sbn_ring_part_bytes(&shape);
	}
	return bytes;
}

void
sbn_slice_open_front(struct syncbn_group *group, unsigned char *first, uint64_t stride)
{
	for (uint32_t rank = 0; rank < group->size; rank++) {
		group->seats[rank] = (struct sbn_seat *)(first + rank * stride);
		group->leave_lines[rank] = &group->seats[rank]->leave;
		group->meeting_lines[rank] = &group->seats[rank]->meeting;
	}
	group->abort = group->number == 0 ? &group->control.head->abort : &group->seats[0]->abort;
	group->leave =
		(struct sbn_leave){ .lines = group->leave_lines, .rank = group->rank, .epoch = 1 };
	group->meeting = (struct sbn_barrier){ .lines = group->meeting_lines, .rank = group->rank };
	open_ring(group, SBN_STREAM_CONTROL, first + sizeof(struct sbn_seat), stride);
}

void
sbn_slice_open_back(struct syncbn_group *group, unsigned char *first, uint64_t stride)
{
	for (enum sbn_stream stream = SBN_STREAM_FORWARD; stream < SBN_STREAMS; stream++) {
		open_ring(group, stream, first, stride);
		first += sbn_ring_part_bytes(&group->rings[stream].shape);
	}
	for (uint32_t rank = 0; rank < group->size; rank++)
		group->barrier_lines[rank] = (struct sbn_barrier_line *)(first + rank * stride);
	group->barrier = (struct sbn_barrier){ .lines = group->barrier_lines, .rank = group->rank };
}

void
sbn_slice_reopen(struct syncbn_group *group, enum sbn_stream stream)
{
	struct sbn_ring *ring = &group->rings[stream];
	struct sbn_ring_shape shape = ring->shape;

	sbn_ring_open(ring, &shape, group->rank, ring->parts, 0);
}

syncbn_status_t
sbn_slice_claim(struct syncbn_group *group, uint64_t slice_bytes, uint64_t offset,
		struct sbn_shared *shared)
{
	const struct sbn_process *process = group->process;
	struct sbn_extent_layout layout;
	syncbn_status_t status;

	sbn_extent_layout(group->size, slice_bytes, group->control.page_bytes, &layout);
	*shared = (struct sbn_shared){ .stride = layout.slice_stride, .slice_bytes = slice_bytes };
	status = sbn_extent_map(&group->segment, offset, layout.bytes, &shared->extent);
	if (status != SYNCBN_OK)
		return status;
	shared->base = shared->extent.base;
	return sbn_extent_claim(&group->segment, &shared->extent, group->rank * shared->stride,
				shared->stride,
				process->first_touch ? NULL : &process->place.nodes);
}

void
sbn_slice_give_back(struct syncbn_group *group, struct sbn_shared *shared)
{
	uint64_t begin = group->rank * shared->stride;
	/* the guard page comes behind the last slice */
	uint64_t end =
		group->rank + 1 == group->size ? shared->extent.bytes : begin + shared->stride;

	sbn_extent_discard(&group->segment, &shared->extent, begin, end - begin);
	sbn_extent_unmap(&shared->extent);
	shared->base = NULL;
}
