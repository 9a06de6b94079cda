/* SPDX-License-Identifier: Apache-2.0 */
/* How a pass walks over its channels: what is held in the cache at a time. */
#ifndef SBN_NN_CHUNKS_H
#define SBN_NN_CHUNKS_H

#include "nn/pass.h"

struct sbn_chunks {
	uint32_t step;      /* channels of a chunk, at most */
	uint32_t whole;     /* chunks end at multiples of it, as far as `step` allows */
	uint32_t lookahead; /* chunks that are summed and published before one is finished */
	uint32_t lookahead_while_late; /* the same, at most, while a peer is late */
};

/* For lanes of n_channels channels. */
struct sbn_chunks sbn_chunks_choose(const struct sbn_pass *pass, uint32_t n_channels);

/* Of a chunk that threads share, each one's part: bytes of inputs, at most. */
size_t sbn_chunks_most_bytes(const struct sbn_pass *pass);

#endif
