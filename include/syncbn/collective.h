/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_COLLECTIVE_H
#define SYNCBN_COLLECTIVE_H

#include <stddef.h>

#include <syncbn/group.h>
#include <syncbn/status.h>
#include <syncbn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum syncbn_reduce {
	SYNCBN_SUM = 1,
	SYNCBN_MEAN = 2 /* the sum divided by the group's size */
} syncbn_reduce_t;

/*
 * Replaces data[0..count-1] by the sum or mean over all ranks, element by element, added in rank
 * order in the elements' type, bfloat16 in float32 and rounded once: equal bits on every rank.
 * dtype is SYNCBN_FLOAT32, FLOAT64 or BFLOAT16. Collective; count, dtype and op must be equal
 * everywhere. Where every rank's data lies at the same offset of the same arena, nothing is copied;
 * where it lies in no rank's arena, it travels through the ring in pieces; a mixture of the two, or
 * of offsets, is a MISMATCH. With a count of 0 nobody waits.
 *
 * data: [count] of dtype, the caller's. INVALID: NULL, unknown dtype or op. TIMEOUT, MISMATCH,
 * PEER_LOST: data is undefined.
 */
syncbn_status_t syncbn_all_reduce(syncbn_group_t *group, void *data, size_t count,
				  syncbn_dtype_t dtype, syncbn_reduce_t op);

/*
 * Copies root's bytes to every rank. Collective; bytes and root must be equal everywhere.
 * INVALID: NULL, root outside the group. TIMEOUT, MISMATCH, PEER_LOST: data is undefined.
 */
syncbn_status_t syncbn_broadcast(syncbn_group_t *group, void *data, size_t bytes, int root);

/*
 * Gives every rank everybody's bytes: all[rank * bytes .. (rank + 1) * bytes - 1] is what that rank
 * gave. own may be this rank's part of all. Collective; bytes must be equal everywhere; with 0
 * nobody waits. The part of a rank that has left the group is not written.
 *
 * own: [bytes], all: [group size * bytes], the caller's. INVALID: NULL. TIMEOUT, MISMATCH,
 * PEER_LOST: all is undefined.
 */
syncbn_status_t syncbn_all_gather(syncbn_group_t *group, const void *own, size_t bytes, void *all);

/*
 * Sums data of all ranks as syncbn_all_reduce does, and gives each rank its part: out[i] is the sum
 * or mean of everybody's data[rank * count + i]. out may be this rank's part of data; the rest of
 * data is kept. Collective; count, dtype and op must be equal everywhere; with 0 nobody waits.
 *
 * data: [group size * count], out: [count] of dtype, the caller's. INVALID: NULL, unknown dtype or
 * op. TIMEOUT, MISMATCH, PEER_LOST: out is undefined.
 */
syncbn_status_t syncbn_reduce_scatter(syncbn_group_t *group, const void *data, size_t count,
				      syncbn_dtype_t dtype, syncbn_reduce_t op, void *out);

#ifdef __cplusplus
}
#endif
#endif
