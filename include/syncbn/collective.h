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

#ifdef __cplusplus
}
#endif
#endif
