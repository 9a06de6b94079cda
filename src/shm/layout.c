/* SPDX-License-Identifier: Apache-2.0 */
#include "shm/layout.h"

#include "base/math.h"
#include "shm/control.h"

void
sbn_control_layout(uint32_t world_size, size_t page_bytes, struct sbn_control_layout *layout)
{
	layout->rank_offset = sbn_align_up(sizeof(struct sbn_control_head), page_bytes);
	layout->rank_stride = sbn_align_up(sizeof(struct sbn_rank_block), page_bytes);
	layout->bytes = layout->rank_offset + world_size * layout->rank_stride;
}

void
sbn_extent_layout(uint32_t n_ranks, uint64_t slice_bytes, size_t page_bytes,
		  struct sbn_extent_layout *layout)
{
	layout->slice_stride = sbn_align_up(slice_bytes, page_bytes);
	layout->guard_offset = n_ranks * layout->slice_stride;
	layout->bytes = layout->guard_offset + page_bytes;
}
