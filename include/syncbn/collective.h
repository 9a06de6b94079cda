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
	SYNCBN_MEAN = 2 /* the sum divided by the size, or as syncbn_group_set_divisor says */
} syncbn_reduce_t;

/*
 * Replaces data[0..count-1] by the sum or mean over all ranks, element by element, added in rank
 * order in the elements' type, bfloat16 in float32 and rounded once: equal bits on every rank.
 * dtype is SYNCBN_FLOAT32, FLOAT64 or BFLOAT16. Collective; count, dtype and op must be equal
 * everywhere. Where every rank's data lies at the same offset of the same arena, nothing is copied;
 * where it lies in no rank's arena, it travels through the ring in pieces; a mixture of the two, or
 * of offsets, is a MISMATCH. With a count of 0 nobody waits.
 *
 * data: [count] of dtype, the caller's. INVALID: NULL, unknown dtype or op, data not aligned to its
 * elements, more of them than memory can hold, this rank has left the group. TIMEOUT, MISMATCH,
 * PEER_LOST: data is undefined.
 */
syncbn_status_t syncbn_all_reduce(syncbn_group_t *group, void *data, size_t count,
				  syncbn_dtype_t dtype, syncbn_reduce_t op);

/* The most all-reduces of a group that may be in flight at a time. */
enum { SYNCBN_MAX_IN_FLIGHT = 8 };

/* An all-reduce that has begun; the library's, until syncbn_all_reduce_end. */
typedef struct syncbn_request syncbn_request_t;

/*
 * Begins an all-reduce and returns without waiting, so that it travels while the program computes:
 * one bucket of gradients while the backward pass makes the next. From here to
 * syncbn_all_reduce_end nobody may touch data, which must not overlap with that of another request.
 * What syncbn_all_reduce says of the result, of its bits and of where data lies holds here too;
 * data outside every arena travels before this returns, which waits. With a count of 0, or in a
 * group of one, all is done at once.
 *
 * Collective: all ranks begin the same all-reduces in the same order, each with
 * syncbn_all_reduce_begin; they may end them in any order, and make other calls on the group in
 * between. Each rank sums its share in later calls: in this one, in syncbn_progress and
 * syncbn_all_reduce_end, and in any other call on the same group that has to wait. Who computes for
 * long and makes none keeps the others waiting in their _end.
 *
 * data: [count] of dtype, the caller's. *request: syncbn_all_reduce_end in any case, also after a
 * failure; NULL when this call fails. INVALID: as syncbn_all_reduce; SYNCBN_MAX_IN_FLIGHT are
 * begun; data overlaps with a request's. TIMEOUT, MISMATCH, PEER_LOST: of the group before, or of
 * data outside every arena; what befalls a request comes out of its end.
 */
syncbn_status_t syncbn_all_reduce_begin(syncbn_group_t *group, void *data, size_t count,
					syncbn_dtype_t dtype, syncbn_reduce_t op,
					syncbn_request_t **request);

/*
 * Returns when the all-reduce is done: data holds the result. Frees the request, whatever the
 * status, and sets *request to NULL. Waits for ranks that have not begun it, or have not summed
 * their share.
 *
 * INVALID: NULL, a request that has been ended. TIMEOUT, MISMATCH, PEER_LOST: data is undefined.
 */
syncbn_status_t syncbn_all_reduce_end(syncbn_request_t **request);

/*
 * Does this rank's share of the group's all-reduces in flight, as far as it can be done without
 * waiting for anybody; to be called now and then during long computations. Local.
 *
 * INVALID: NULL. MISMATCH: a peer began another all-reduce. TIMEOUT, PEER_LOST: the group has
 * failed; its requests must be ended all the same.
 */
syncbn_status_t syncbn_progress(syncbn_group_t *group);

/*
 * Copies root's bytes to every rank. Collective; bytes and root must be equal everywhere.
 *
 * data: [bytes], the caller's. INVALID: NULL, root outside the group, root or this rank has
 * left it. TIMEOUT, MISMATCH, PEER_LOST: data is undefined.
 */
syncbn_status_t syncbn_broadcast(syncbn_group_t *group, void *data, size_t bytes, int root);

/*
 * Gives every rank everybody's bytes: all[rank * bytes .. (rank + 1) * bytes - 1] is what that rank
 * gave. own may be this rank's part of all. Collective; bytes must be equal everywhere; with 0
 * nobody waits. The part of a rank that has left the group is not written.
 *
 * own: [bytes], all: [group size * bytes], the caller's. INVALID: NULL, more than memory
 * can hold, this rank has left the group. TIMEOUT, MISMATCH, PEER_LOST: all is undefined.
 */
syncbn_status_t syncbn_all_gather(syncbn_group_t *group, const void *own, size_t bytes, void *all);

/*
 * Sums data of all ranks as syncbn_all_reduce does, and gives each rank its part: out[i] is the sum
 * or mean of everybody's data[rank * count + i]. out may be this rank's part of data; the rest of
 * data is kept. Collective; count, dtype and op must be equal everywhere; with 0 nobody waits.
 *
 * data: [group size * count], out: [count] of dtype, the caller's. INVALID: as syncbn_all_reduce.
 * TIMEOUT, MISMATCH, PEER_LOST: out is undefined.
 */
syncbn_status_t syncbn_reduce_scatter(syncbn_group_t *group, const void *data, size_t count,
				      syncbn_dtype_t dtype, syncbn_reduce_t op, void *out);

#ifdef __cplusplus
}
#endif
#endif
