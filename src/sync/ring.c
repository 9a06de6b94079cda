/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/ring.h"

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
			atomic_store_explicit(&lanes[lane].watermark, sbn_ring_mark(before, 0),
					      memory_order_relaxed);
	}
}

static bool
lane_covered(const struct sbn_ring *ring, struct sbn_ring_lane *lane, uint32_t end)
{
	/* A1 pairs with R1 in sbn_ring_publish() */
	uint64_t watermark = atomic_load_explicit(&lane->watermark, memory_order_acquire);

	return sbn_ring_reached(watermark, sbn_ring_mark(ring->call, end));
}

bool
sbn_ring_lanes_covered(const struct sbn_ring *ring, uint32_t peer, uint32_t n_lanes, uint32_t begin,
		       uint32_t end)
{
	struct sbn_ring_lane *lanes = sbn_ring_slot(ring, peer);
	uint32_t n_items = lanes[0].call.n_items;

	for (uint32_t lane = 0; lane < n_lanes; lane++) {
		uint32_t lane_begin = sbn_lane_begin(n_items, n_lanes, lane);
		uint32_t lane_end = sbn_lane_begin(n_items, n_lanes, lane + 1);

		if (lane_begin >= end)
			break;
		if (lane_end > begin && !lane_covered(ring, &lanes[lane], SBN_MIN(end, lane_end)))
			return false;
	}
	return true;
}
