/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie in the segment: pure arithmetic on sizes. */
#ifndef SBN_SHM_LAYOUT_H
#define SBN_SHM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
	SBN_LINE =
		128, /* what one writer has to itself: two cache lines, as prefetchers pair them */
	SBN_MAX_RANKS = 1024,
	SBN_MAX_LANES = 64,    /* threads of a rank within one call */
	SBN_DOORBELLS = 64,    /* threads of a rank that can be woken, whatever they are in */
	SBN_MAX_LAYERS = 1024, /* names that a rank can show; further layers have numbers only */
	SBN_LAYER_NAME = 48,
	SBN_TRACE_BYTES = 1024,    /* room for a rank's counters */
	SBN_BOOTSTRAP_BYTES = 8192 /* room for a rank's seat and its part of the control ring */
};

/* The control extent: header page, then one block a rank, each on pages of its own. */
struct sbn_control_layout {
	uint64_t rank_offset; /* of rank 0's block */
	uint64_t rank_stride;
	uint64_t bytes; /* of the whole extent */
};

void sbn_control_layout(uint32_t world_size, size_t page_bytes, struct sbn_control_layout *layout);

/* A data extent: one slice a rank on pages of its own, then a guard page that nobody uses. */
struct sbn_extent_layout {
	uint64_t slice_stride;
	uint64_t guard_offset;
	uint64_t bytes;
};

void sbn_extent_layout(uint32_t n_ranks, uint64_t slice_bytes, size_t page_bytes,
		       struct sbn_extent_layout *layout);

#endif
