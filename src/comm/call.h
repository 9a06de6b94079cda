/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call on a stream, from its beginning to its end: every rank publishes a row of items, reads
 * everybody's rows in rank order, and the call ends when all has been read. Lanes are the threads
 * of a rank; each publishes and reads without waiting for the others of its rank.
 */
#ifndef SBN_COMM_CALL_H
#define SBN_COMM_CALL_H

#include <stdatomic.h>

#include <string.h>

#include "comm/transport_shm.h"
#include "comm/wait.h"

/* A test builds without waiting here, to prove that it would notice. */
#ifndef SBN_CALL_WAITS
#define SBN_CALL_WAITS true
#endif

/*
 * Peers' rows up to this size are fetched at each look for them, and come with the watermark, not a
 * hop later. Longer ones would be taken from a peer that is still writing them.
 */
enum { SBN_EAGER_BYTES = 512 };

/* What every small call goes through: ten nanoseconds are a tenth of it. */
#define SBN_CALL_INLINE __attribute__((always_inline)) static inline

struct sbn_running_call {
	struct syncbn_group *group;
	enum sbn_stream stream;
	struct sbn_call call;
	uint64_t number;
	const struct sbn_ring *ring; /* the stream's, or once detached the call's own view of it */
	struct sbn_ring view;
	void *row;            /* this rank's, to be written */
	bool unseen;          /* peers see it with the first publication, which is to come */
	uint32_t eager_bytes; /* of peers' rows, fetched at each look for them */
	int timeout_ms;
	_Atomic int status; /* the first lane's failure */
	_Atomic bool whole; /* a lane has seen items of every rank: nobody is absent */
	char detail[1024];  /* written by that lane, read after the lanes have joined */
};

/*
 * What call.agreed holds, by operation:
 *	forward, backward	channels of the layer and type of x << 32, first channel of
 *				this call and the number of the backward's forward << 32, hash of
 *				the layer's settings, `want`
 *	all_reduce, in flight or not	elements, dtype, reduction and for means the
 *				divisor, 0 or 1 + the data's place in the segment
 *	broadcast		bytes, root
 *	joining, making an arena	bytes of a slice
 *	making a group		hash of the lists, how many, how many ranks in them
 */

/* Writes what a rank's call is: "forward of bn2, call 5 (64 channels)". */
void sbn_call_describe(const struct syncbn_group *group, uint32_t rank, const struct sbn_call *call,
		       uint64_t number, char *text, size_t bytes);

SBN_CALL_INLINE void
sbn_call_fill(struct sbn_running_call *running, struct syncbn_group *group, enum sbn_stream stream,
	      const struct sbn_call *call)
{
	running->group = group;
	running->stream = stream;
	running->ring = &group->rings[stream];
	if (call != &running->call)
		running->call = *call;
	running->unseen = false;
	running->eager_bytes = 0;
	running->timeout_ms = call->op == SBN_OP_JOIN ? group->process->join_timeout_ms :
							group->process->timeout_ms;
	/* relaxed: the lanes begin later */
	atomic_store_explicit(&running->status, SYNCBN_OK, memory_order_relaxed);
	atomic_store_explicit(&running->whole, false, memory_order_relaxed);
}

/*
 * Begins a call; fails at once when the group has failed before. After OK, whatever happens,
 * sbn_call_end() follows. `call` may be running->call: what is copied word for word right after it
 * was written in smaller parts waits for them.
 */
syncbn_status_t sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream,
			       const struct sbn_call *call, struct sbn_running_call *running);

/*
 * The same for a call of one lane that publishes before it waits: its first publication lets the
 * peers know of the call too, by one store where there would be two.
 */
SBN_CALL_INLINE syncbn_status_t
sbn_call_begin_unseen(struct syncbn_group *group, enum sbn_stream stream,
		      const struct sbn_call *call, struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_group_check(group);

	if (status != SYNCBN_OK)
		return status;
	sbn_call_fill(running, group, stream, call);
	sbn_group_enter(group, (enum sbn_op)call->op, call->name, group->rings[stream].call + 1);
	running->number =
		sbn_is_shm(group) ?
			sbn_shm_begin_unseen(group, stream, call, &running->row) :
			group->transport->begin(group, stream, call, true, &running->row);
	running->unseen = true;
	running->eager_bytes = call->n_items * running->ring->shape.item_bytes;
	if (running->eager_bytes > SBN_EAGER_BYTES)
		running->eager_bytes = 0;
	return SYNCBN_OK;
}

/*
 * The same for a call that goes on while the rank is in others, of this stream too: how many at a
 * time is the ring's slots' affair, and its end the caller's. The rank is in no operation by it.
 */
syncbn_status_t sbn_call_begin_detached(struct syncbn_group *group, enum sbn_stream stream,
					const struct sbn_call *call,
					struct sbn_running_call *running);

/* `lane` has written its items up to `end`. */
SBN_CALL_INLINE void
sbn_call_publish(struct sbn_running_call *running, uint32_t lane, uint32_t end)
{
	const struct sbn_call *unseen = NULL;

	if (running->unseen) { /* then there is one lane */
		unseen = &running->call;
		running->unseen = false;
	}
	if (sbn_is_shm(running->group))
		sbn_shm_publish(running->group, running->ring, unseen, lane, end);
	else
		running->group->transport->publish(running->group, running->ring, unseen, lane,
						   end);
}

/* A peer's header of the call, or NULL while it has not begun it. */
static inline const struct sbn_call *
sbn_call_of(const struct sbn_running_call *running, uint32_t peer)
{
	return sbn_is_shm(running->group) ? sbn_ring_call_of(running->ring, peer) :
					    running->group->transport->call_of(running->ring, peer);
}

/* After sbn_call_await, of ranks that take part: row and header (own rank included). */
static inline const void *
sbn_call_row(const struct sbn_running_call *running, uint32_t rank)
{
	return sbn_is_shm(running->group) ? sbn_ring_row(running->ring, rank) :
					    running->group->transport->row(running->ring, rank);
}

static inline const struct sbn_call *
sbn_call_header(const struct sbn_running_call *running, uint32_t rank)
{
	const struct sbn_call *theirs = NULL;

	if (rank != running->group->rank)
		theirs = sbn_call_of(running, rank);
	/* NULL for a peer that has begun: its memory is corrupt, which must not take us along */
	return theirs != NULL ? theirs : &running->call;
}

static inline bool
sbn_call_is_same(const struct sbn_call *a, const struct sbn_call *b)
{
	return a->op == b->op && a->layer == b->layer && a->n_items == b->n_items &&
	       memcmp(a->agreed, b->agreed, sizeof(a->agreed)) == 0;
}

/* Whether a peer's items are there: the ring alone is looked at. */
static inline bool
sbn_call_is_covered(const struct sbn_wait *wait)
{
	const struct sbn_running_call *running = wait->running;

	sbn_lines_fetch(sbn_call_row(running, wait->peer), running->eager_bytes);
	if (sbn_is_shm(running->group))
		return sbn_ring_covered(running->ring, wait->peer, wait->begin, wait->end);
	return running->group->transport->covered(running->ring, wait->peer, wait->begin,
						  wait->end);
}

/* The slow end of sbn_call_await: `wait` has all but whom to wait for, and for what. */
syncbn_status_t sbn_call_await_long(struct sbn_running_call *running, struct sbn_wait *wait);

/*
 * Returns when items [begin, end) of every rank can be read; begin == end: when every rank has
 * begun the call. A rank that has left the group is not waited for. MISMATCH when a peer makes
 * another call.
 */
SBN_CALL_INLINE syncbn_status_t
sbn_call_await(struct sbn_running_call *running, uint32_t lane, uint32_t begin, uint32_t end)
{
	struct sbn_wait wait = {
		.group = running->group,
		.lane = lane,
		.timeout_ms = running->timeout_ms,
		.running = running,
		.begin = begin,
		.end = end,
	};

	for (uint32_t i = 0; SBN_CALL_WAITS && i + 1 < running->group->size; i++) {
		wait.peer = running->group->peers[i];
		if (!sbn_is_soon(&wait, sbn_call_is_covered) ||
		    !sbn_call_is_same(&running->call, sbn_call_header(running, wait.peer)))
			return sbn_call_await_long(running, &wait);
	}
	/* relaxed: the lane itself has acquired what it needs */
	atomic_store_explicit(&running->whole, true, memory_order_relaxed);
	return SYNCBN_OK;
}

/* What sbn_call_is_there looks at is on its way here when this returns. */
SBN_CALL_INLINE void
sbn_call_hint(const struct sbn_running_call *running)
{
	for (uint32_t i = 0; sbn_is_shm(running->group) && i + 1 < running->group->size; i++)
		sbn_ring_fetch(running->ring, running->group->peers[i]);
}

/*
 * Whether items [begin, end) of every peer can be read without waiting: true stands for
 * sbn_call_await, once that has returned OK in this call.
 */
SBN_CALL_INLINE bool
sbn_call_is_there(const struct sbn_running_call *running, uint32_t begin, uint32_t end)
{
	struct sbn_wait wait = { .running = running, .begin = begin, .end = end };

	for (uint32_t i = 0; i + 1 < running->group->size; i++) {
		wait.peer = running->group->peers[i];
		if (!sbn_call_is_covered(&wait))
			return false;
	}
	return true;
}

/*
 * Whether items [begin, end) of a rank have not come, nor come within so many ns, for a lane that
 * has something else to do before it awaits them.
 */
bool sbn_call_is_late(const struct sbn_running_call *running, uint32_t lane, uint32_t begin,
		      uint32_t end, uint64_t ns);

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
static inline bool
sbn_call_present(const struct sbn_running_call *running, uint32_t rank)
{
	/* relaxed: whoever has come has not left before, whichever lane saw it */
	if (atomic_load_explicit(&running->whole, memory_order_relaxed))
		return true;
	/* looked at after the ring: a rank that has left published all its calls before */
	return !sbn_leave_absent(&running->group->leave, rank, running->stream, running->number);
}

/* The ranks that take part, in order, into present[group size]; returns how many they are. */
static inline uint32_t
sbn_call_roll(const struct sbn_running_call *running, uint32_t *present)
{
	uint32_t n = 0;

	for (uint32_t rank = 0; rank < running->group->size; rank++)
		if (sbn_call_present(running, rank))
			present[n++] = rank;
	return n;
}

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

/* Ends the call, after the lanes have joined; gives the first failure, with its detail. */
static inline syncbn_status_t
sbn_call_end(struct sbn_running_call *running)
{
	/* relaxed: the lanes have joined */
	syncbn_status_t status =
		(syncbn_status_t)atomic_load_explicit(&running->status, memory_order_relaxed);

	sbn_group_exit(running->group);
	if (status != SYNCBN_OK)
		sbn_group_fail(running->group, status, running->detail);
	return status;
}

#endif
