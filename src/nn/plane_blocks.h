/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of planes by blocks: threads may share a channel, and the bits are the same, as a
 * channel's sums are those of its blocks, merged in order.
 */
#ifndef SBN_NN_PLANE_BLOCKS_H
#define SBN_NN_PLANE_BLOCKS_H

#include "nn/pass.h"

struct sbn_block_steps {
	size_t sums_bytes; /* of a block */
	/* The sums of blocks begin..end-1 of channel c, each for itself. */
	void (*sum)(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end, void *sums);
	/* Makes element i of out of the sums of all of c's blocks. */
	void (*merge)(const struct sbn_pass *pass, uint32_t c, const void *sums,
		      const struct sbn_sums *out, uint32_t i);
	/* Writes the outputs of such blocks. */
	void (*apply)(const struct sbn_pass *pass, uint32_t c, size_t begin, size_t end);
};

extern const struct sbn_block_steps sbn_plane_blocks_forward, sbn_plane_blocks_backward;

/* How many blocks a channel has. */
size_t sbn_plane_blocks(const struct sbn_geometry *geometry);

/* Whether each block, as a plane of its own, has the sums that it has within its plane. */
bool sbn_plane_blocks_stand_alone(const struct sbn_geometry *geometry);

#endif
