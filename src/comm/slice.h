/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rank's slice of a group's memory: in front its seat and its part of the control ring, behind
 * them its parts of the data streams' rings and its line of the barrier. The front of the world is
 * in the control extent, since it is needed to make everything else.
 */
#ifndef SBN_COMM_SLICE_H
#define SBN_COMM_SLICE_H

#include "comm/group.h"

/* Bytes of the two; what is behind begins on a page of its own. */
uint64_t sbn_slice_front_bytes(const struct syncbn_group *group);
uint64_t sbn_slice_back_bytes(const struct syncbn_group *group);

/* first: rank 0's; each next rank's is stride bytes further. Prepares this rank's own. */
void sbn_slice_open_front(struct syncbn_group *group, unsigned char *first, uint64_t stride);
void sbn_slice_open_back(struct syncbn_group *group, unsigned char *first, uint64_t stride);

/* Opens a stream again, as if nothing had travelled on it; nobody is in a call of it meanwhile. */
void sbn_slice_reopen(struct syncbn_group *group, enum sbn_stream stream);

/*
 * Maps an extent of one slice a rank, which lies at `offset` of the segment, then sets the policy
 * of this rank's slice and reserves it. shared->base stays NULL where there is no mapping.
 */
syncbn_status_t sbn_slice_claim(struct syncbn_group *group, uint64_t slice_bytes, uint64_t offset,
				struct sbn_shared *shared);

/* Gives this rank's slice back to the system, and forgets the others'. */
void sbn_slice_give_back(struct syncbn_group *group, struct sbn_shared *shared);

#endif
