/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The road of a call through the segment, which nearly all calls take: inline, where it comes to
 * tens of nanoseconds. The others go through the transport's table.
 */
#ifndef SBN_COMM_TRANSPORT_SHM_H
#define SBN_COMM_TRANSPORT_SHM_H

#include "comm/group.h"

static inline uint64_t
sbn_shm_begin_unseen(struct syncbn_group *group, enum sbn_stream stream,
		     const struct sbn_call *call, void **row)
{
	struct sbn_ring *ring = &group->rings[stream];

	sbn_ring_begin_unseen(ring, call);
	*row = sbn_ring_own_row(ring);
	return ring->call;
}

static inline void
sbn_shm_publish(const struct syncbn_group *group, const struct sbn_ring *ring,
		const struct sbn_call *unseen, uint32_t lane, uint32_t end)
{
	if (unseen != NULL)
		sbn_ring_publish_first(ring, unseen, end);
	else
		sbn_ring_publish(ring, lane, end);
	sbn_group_ring(group);
}

static inline bool
sbn_is_shm(const struct syncbn_group *group)
{
	return group->transport == &sbn_transport_shm;
}

#endif
