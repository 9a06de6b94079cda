/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/ring.h"

#include "sync/cache_line.h"

/* A test builds this file with a relaxed order here, to prove that it would notice. */
#ifndef SBN_RING_RELEASE
#define SBN_RING_RELEASE memory_order_release
#endif

static uint64_t
mark(uint64_t call, uint32_t items)
{
	return call << SBN_ITEM_BITS | items;
}

/* Right across the wrap, as long as the two are less than half the circle apart. */
static bool
reached(uint64_t watermark, uint64_t wanted)
{
	return (int64_t)(watermark - wanted) >= 0;
}

static struct sbn_ring_lane *
slot_of(const struct sbn_ring *ring, uint32_t rank)
{
	uint64_t slot = ring->call % ring->shape.n_slots;

	return (struct sbn_ring_lane *)(ring->parts[rank] + slot * ring->slot_stride);
}

static uint64_t
row_offset(const struct sbn_ring_shape *shape)
{
	return shape->n_lanes * sizeof(struct sbn_ring_lane);
}

static uint64_t
slot_stride(const struct sbn_ring_shape *shape)
{
	return sbn_align_up(row_offset(shape) + shape->row_bytes, shape->page_bytes);
}

uint64_t
sbn_ring_part_bytes(const struct sbn_ring_shape *shape)
{
	return shape->n_slots * slot_stride(shape);
}

void
sbn_ring_open(struct sbn_ring *ring, const struct sbn_ring_shape *shape, uint32_t rank,
	      unsigned char **parts, uint64_t before)
{
	*ring = (struct sbn_ring){
		.shape = *shape,
		.row_offset = row_offset(shape),
		.slot_stride = slot_stride(shape),
		.call = before,
		.rank = rank,
		.parts = parts,
	};
	for (uint32_t slot = 0; slot < shape->n_slots; slot++) {
		struct sbn_ring_lane *lanes =
			(struct sbn_ring_lane *)(parts[rank] + slot * ring->slot_stride);

		for (uint32_t lane = 0; lane < shape->n_lanes; lane++)
			/* relaxed: the caller brings all ranks together before the first call */
			atomic_store_explicit(&lanes[lane].watermark, mark(before, 0),
					      memory_order_relaxed);
	}
}

void
sbn_ring_begin_unseen(struct sbn_ring *ring, const struct sbn_call *call)
{
	ring->call++;
	slot_of(ring, ring->rank)[0].call = *call;
}

void
sbn_ring_begin(struct sbn_ring *ring, const struct sbn_call *call)
{
	sbn_ring_begin_unseen(ring, call);
	/* R0 pairs with A0 in sbn_ring_call_of() and A1: the header is whole before it is seen */
	atomic_store_explicit(&slot_of(ring, ring->rank)[0].watermark, mark(ring->call, 0),
			      SBN_RING_RELEASE);
}

void *
sbn_ring_own_row(const struct sbn_ring *ring)
{
	return (unsigned char *)slot_of(ring, ring->rank) + ring->row_offset;
}

void
sbn_ring_take_next(const struct sbn_ring *ring, size_t bytes)
{
	uint64_t slot = (ring->call + 1) % ring->shape.n_slots;
	unsigned char *next = ring->parts[ring->rank] + slot * ring->slot_stride;

	sbn_lines_take(next, sizeof(struct sbn_call));
	sbn_lines_take(next + ring->row_offset, bytes);
}

void
sbn_ring_publish(const struct sbn_ring *ring, uint32_t lane, uint32_t end)
{
	/* R1 pairs with A1 in sbn_ring_covered(): the items are whole before they can be seen */
	atomic_store_explicit(&slot_of(ring, ring->rank)[lane].watermark, mark(ring->call, end),
			      SBN_RING_RELEASE);
}

const struct sbn_call *
sbn_ring_call_of(const struct sbn_ring *ring, uint32_t peer)
{
	struct sbn_ring_lane *lanes = slot_of(ring, peer);
	/* A0 pairs with R0 in sbn_ring_begin() and R1 */
	uint64_t watermark = atomic_load_explicit(&lanes[0].watermark, memory_order_acquire);

	return reached(watermark, mark(ring->call, 0)) ? &lanes[0].call : NULL;
}

static bool
lane_covered(const struct sbn_ring *ring, struct sbn_ring_lane *lane, uint32_t end)
{
	/* A1 pairs with R1 in sbn_ring_publish() */
	uint64_t watermark = atomic_load_explicit(&lane->watermark, memory_order_acquire);

	return reached(watermark, mark(ring->call, end));
}

bool
sbn_ring_covered(const struct sbn_ring *ring, uint32_t peer, uint32_t begin, uint32_t end)
{
	const struct sbn_call *call = sbn_ring_call_of(ring, peer);
	struct sbn_ring_lane *lanes = slot_of(ring, peer);
	uint32_t n_lanes;

	if (call == NULL)
		return false;
	/* a peer's word is no index before it is checked; volatile: read once, it may change */
	n_lanes = *(const volatile uint16_t *)&call->n_lanes;
	if (n_lanes < 1 || n_lanes > ring->shape.n_lanes)
		return false;
	for (uint32_t lane = 0; lane < n_lanes; lane++) {
		uint32_t lane_begin = sbn_lane_begin(call->n_items, n_lanes, lane);
		uint32_t lane_end = sbn_lane_begin(call->n_items, n_lanes, lane + 1);

		if (lane_begin >= end)
			break;
		if (lane_end > begin && !lane_covered(ring, &lanes[lane], SBN_MIN(end, lane_end)))
			return false;
	}
	return true;
}

const void *
sbn_ring_row(const struct sbn_ring *ring, uint32_t peer)
{
	return (const unsigned char *)slot_of(ring, peer) + ring->row_offset;
}
