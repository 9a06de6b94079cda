/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What carries a group's calls. A transport gives every rank all rows, in rank order; the merge is
 * the same whatever carries them, and so are the bits.
 */
#ifndef SBN_COMM_TRANSPORT_H
#define SBN_COMM_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "shm/control.h"
#include "sync/ring.h"

struct syncbn_group;
struct sbn_shared;

/* Each stream has its own sequence and slots, so that no operation's state is another's. */
enum sbn_stream {
	SBN_STREAM_CONTROL, /* making extents */
	SBN_STREAM_FORWARD,
	SBN_STREAM_BACKWARD,
	SBN_STREAM_DATA,    /* all-reduce, broadcast */
	SBN_STREAM_BUCKETS, /* all-reduces in flight */
	SBN_STREAMS
};

struct sbn_transport {
	const char *name;

	/*
	 * Begins this rank's next call on the stream; gives its number and the room for its row.
	 * unseen: peers need not know before the first publication.
	 */
	uint64_t (*begin)(struct syncbn_group *group, enum sbn_stream stream,
			  const struct sbn_call *call, bool unseen, void **row);

	/*
	 * The rest of a call works on its stream's ring, or on a view of it (sbn_ring_view).
	 *
	 * Items of `lane` up to `end` are written; wakes whoever sleeps. Any thread of the call.
	 * unseen: the header, where the call began unseen and this is its first publication.
	 */
	void (*publish)(struct syncbn_group *group, const struct sbn_ring *ring,
			const struct sbn_call *unseen, uint32_t lane, uint32_t end);

	/* A peer's header of the call; NULL while it has not begun it. Never blocks. */
	const struct sbn_call *(*call_of)(const struct sbn_ring *ring, uint32_t peer);

	/* Whether a peer's items [begin, end) can be read. Never blocks. */
	bool (*covered)(const struct sbn_ring *ring, uint32_t peer, uint32_t begin, uint32_t end);

	/* A rank's row of the call, the own one too. */
	const void *(*row)(const struct sbn_ring *ring, uint32_t rank);

	/* Before the stream's next call: fetches its row's first bytes, to be written soon. */
	void (*take_next)(const struct syncbn_group *group, enum sbn_stream stream, size_t bytes);

	/* Arrives at the barrier; whether a peer has. */
	void (*arrive)(struct syncbn_group *group);
	bool (*reached)(const struct syncbn_group *group, uint32_t peer);

	/* Makes memory that all ranks see: a zeroed slice a rank, on its node. Collective. */
	syncbn_status_t (*share)(struct syncbn_group *group, enum sbn_op op, uint64_t slice_bytes,
				 struct sbn_shared *shared);
	/* Gives this rank's slice back and forgets the others'. Local. */
	void (*unshare)(struct syncbn_group *group, struct sbn_shared *shared);

	void (*close)(struct syncbn_group *group);
};

extern const struct sbn_transport sbn_transport_shm;
extern const struct sbn_transport sbn_transport_self;

#endif
