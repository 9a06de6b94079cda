/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call on a stream, from its beginning to its end: every rank publishes a row of items, reads
 * everybody's rows in rank order, and the call ends when all has been read. Lanes are the threads
 * of a rank; each publishes and reads without waiting for the others of its rank.
 */
#ifndef SBN_COMM_CALL_H
#define SBN_COMM_CALL_H

#include <stdatomic.h>

#include "comm/group.h"

struct sbn_running_call {
	struct syncbn_group *group;
	enum sbn_stream stream;
	struct sbn_call call;
	uint64_t number;
	const struct sbn_ring *ring; /* the stream's, or once detached the call's own view of it */
	struct sbn_ring view;
	void *row; /* this rank's, to be written */
	int timeout_ms;
	_Atomic int status; /* the first lane's failure */
	char detail[1024];  /* written by that lane, read after the lanes have joined */
};

/*
 * What call.agreed holds, by operation:
 *	forward, backward	channels of the layer and type of x << 32, first channel of
 *				this call, hash of the
 *				layer's settings, `want`
 *	all_reduce, in flight or not	elements, dtype, reduction and for means the
 *				divisor, 0 or 1 + the data's place in the segment
 *	broadcast		bytes, root
 *	joining, making an arena	bytes of a slice
 *	making a group		hash of the lists, how many, how many ranks in them
 */

/* Writes what a rank's call is: "forward of bn2, call 5 (64 channels)". */
void sbn_call_describe(const struct syncbn_group *group, uint32_t rank, const struct sbn_call *call,
		       uint64_t number, char *text, size_t bytes);

/*
 * Begins a call; fails at once when the group has failed before. After OK, whatever happens,
 * sbn_call_end() follows.
 */
syncbn_status_t sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream,
			       const struct sbn_call *call, struct sbn_running_call *running);

/*
 * The same for a call of one lane that publishes before it waits: its first publication lets the
 * peers know of the call too, by one store where there would be two.
 */
syncbn_status_t sbn_call_begin_unseen(struct syncbn_group *group, enum sbn_stream stream,
				      const struct sbn_call *call,
				      struct sbn_running_call *running);

/*
 * The same for a call that goes on while the rank is in others, of this stream too: how many at a
 * time is the ring's slots' affair, and its end the caller's. The rank is in no operation by it.
 */
syncbn_status_t sbn_call_begin_detached(struct syncbn_group *group, enum sbn_stream stream,
					const struct sbn_call *call,
					struct sbn_running_call *running);

/* `lane` has written its items up to `end`. */
void sbn_call_publish(const struct sbn_running_call *running, uint32_t lane, uint32_t end);

/*
 * Returns when items [begin, end) of every rank can be read; begin == end: when every rank has
 * begun the call. A rank that has left the group is not waited for. MISMATCH when a peer makes
 * another call.
 */
syncbn_status_t sbn_call_await(struct sbn_running_call *running, uint32_t lane, uint32_t begin,
			       uint32_t end);

/*
 * The pieces of sbn_call_await, for who looks and does not wait: whether a peer's items up to `end`
 * can be read, and with end 0 whether it has begun the call, or else takes no part in it; and of
 * one that has begun it, whether it is the same call: MISMATCH.
 */
bool sbn_call_has_come(const struct sbn_running_call *running, uint32_t peer, uint32_t end);
syncbn_status_t sbn_call_compare(const struct sbn_running_call *running, uint32_t peer);

/*
 * After sbn_call_await: whether a rank takes part, being in the group still. The answer is the same
 * on all ranks that do, and for all of the call.
 */
bool sbn_call_present(const struct sbn_running_call *running, uint32_t rank);

/* The ranks that take part, in order, into present[group size]; returns how many they are. */
uint32_t sbn_call_roll(const struct sbn_running_call *running, uint32_t *present);

/*
 * After sbn_call_await: what a mean over the group is divided by. Ranks that chose differently must
 * not get that far: sbn_group_divisor_word() belongs into what they agree on.
 */
double sbn_call_divisor(const struct sbn_running_call *running);

/* The group's choice of divisor, to be put into what must be equal on all ranks. */
static inline uint64_t
sbn_group_divisor_word(const struct syncbn_group *group)
{
	return (uint64_t)group->divisor;
}

/* After sbn_call_await, of ranks that take part: row and header (own rank included). */
const void *sbn_call_row(const struct sbn_running_call *running, uint32_t rank);
const struct sbn_call *sbn_call_header(const struct sbn_running_call *running, uint32_t rank);

/* Ends the call, after the lanes have joined; gives the first failure, with its detail. */
syncbn_status_t sbn_call_end(struct sbn_running_call *running);

#endif
