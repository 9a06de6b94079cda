/* SPDX-License-Identifier: Apache-2.0 */
/* Collectives whose data is copied through the ring, and the barrier. */
#ifndef SBN_COMM_COLLECTIVE_H
#define SBN_COMM_COLLECTIVE_H

#include <stddef.h>

#include <syncbn/collective.h>

#include "comm/group.h"

syncbn_status_t sbn_barrier(struct syncbn_group *group);

syncbn_status_t sbn_broadcast(struct syncbn_group *group, void *data, size_t bytes, uint32_t root);

/* data: [count] of dtype, anywhere; summed in rank order, divided for MEAN. */
syncbn_status_t sbn_all_reduce_staged(struct syncbn_group *group, void *data, size_t count,
				      syncbn_dtype_t dtype, syncbn_reduce_t op);

/* Sums `count` elements of all ranks: dst[i] = src[0] + src[1] + ..., divided for MEAN. */
void sbn_reduce_rows(const struct syncbn_group *group, void *const *dst, size_t n_dst,
		     const void *const *src, size_t count, syncbn_dtype_t dtype,
		     syncbn_reduce_t op);

static inline size_t
sbn_dtype_bytes(syncbn_dtype_t dtype)
{
	return dtype == SYNCBN_FLOAT64 ? sizeof(double) : sizeof(float);
}

#endif
