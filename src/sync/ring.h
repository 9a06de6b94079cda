/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: how the ranks of a group hand each other the items of one call after another, without
 * locks and without acknowledgements. Plain memory; nothing here blocks or calls the system.
 *
 * Every rank owns a part: n_slots slots, each a line a lane and then a row of items. Call e uses
 * slot e mod n_slots. The owner writes its row, lane by lane in ascending order, and raises the
 * lane's watermark {call, items published}; readers look at the watermarks of everybody and read
 * when they cover what they need. Only the owner ever writes a part.
 *
 * Why two slots suffice: a rank begins call e + 2 only after it has consumed every peer's whole
 * row of call e + 1, which each peer published after its own call e had ended, that is after it
 * had consumed all rows of call e. So nobody reads slot e mod 2 any more. This rests on the rule
 * that every rank, also one with nothing to say, consumes every row before its call ends.
 *
 * With up to N calls begun and not ended it takes 2 N slots, and these rules: calls are consumed in
 * their order, and a rank begins call e once it has consumed e - N. It begins e + 2 N only after it
 * has consumed e + N, which each peer began after it had consumed e.
 *
 * They still do when ranks leave (sync/leave.h). A rank begins call e + 2 only after each peer that
 * took part in e either took part in e + 1, which is the case above, or left before e + 1; then it
 * has seen that peer's mark (L1), made after the peer's call e had ended. A peer that left earlier
 * reads nothing of e. The leaver's own slots stay as its last two calls left them, for as long as
 * anybody may read those. When all come together again, everybody goes on from one call number,
 * above all that was used before: no old watermark reaches it, and all reading has ended.
 *
 * Release and acquire pairs:
 *	R0 sbn_ring_begin: lane 0's watermark {call, 0}, after the call's header
 *	R1 sbn_ring_publish: a lane's watermark, after its items; in a call that began unseen,
 *	   after its header too
 *	A0 sbn_ring_call_of, A1 sbn_ring_covered: the reader's look at them
 * R0 pairs with A0 and A1 (lane 0), R1 with A0 (lane 0) and A1.
 */
#ifndef SBN_SYNC_RING_H
#define SBN_SYNC_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/math.h"
#include "shm/layout.h"

/* Items of a call are counted in 24 bits, calls in 40; both wrap together without harm. */
enum { SBN_ITEM_BITS = 24, SBN_MAX_ITEMS = (1 << SBN_ITEM_BITS) - 1 };

/* What a call is: written by its rank, compared by its peers. */
struct sbn_call {
	uint16_t op;        /* enum sbn_op */
	uint16_t n_lanes;   /* into which the writer's items are split; each rank's own choice */
	uint32_t layer;     /* the layer's number in the group; 0: none */
	uint32_t name;      /* 1 + index of the layer's name in the writer's table; 0: none */
	uint32_t n_items;   /* of the row; equal on all ranks */
	uint64_t count;     /* samples a channel on the writer's side; not compared */
	uint64_t agreed[4]; /* what else must be equal on all ranks; the operation knows what */
};

struct sbn_ring_lane {
	_Alignas(SBN_LINE) _Atomic uint64_t watermark;
	struct sbn_call call; /* lane 0's only */
};

_Static_assert(sizeof(struct sbn_ring_lane) == SBN_LINE,
	       "a lane's words have a line to themselves");
_Static_assert(sizeof(uint64_t) + sizeof(struct sbn_call) <= 64,
	       "watermark and header travel in one cache line");

struct sbn_ring_shape {
	uint32_t n_ranks;
	uint32_t n_slots;   /* 2 for calls that wait for their end, 2 N for up to N at once */
	uint32_t n_lanes;   /* the most that a call may have */
	uint64_t row_bytes; /* the room for a call's items */
	uint64_t page_bytes;
};

/* One rank's view of a ring: private memory that points into the shared one. */
struct sbn_ring {
	struct sbn_ring_shape shape;
	uint64_t row_offset; /* within a slot */
	uint64_t slot_stride;
	uint64_t call; /* the present call's number, or the last one's */
	uint32_t rank;
	unsigned char **parts; /* [n_ranks]: where each rank's part begins; the caller's */
};

/* The bytes of one rank's part, a multiple of the page. */
uint64_t sbn_ring_part_bytes(const struct sbn_ring_shape *shape);

/*
 * Opens a ring and prepares this rank's own part; the first call is `before` + 1. Every rank must
 * have opened it before anybody begins a call. parts must outlive the ring.
 */
void sbn_ring_open(struct sbn_ring *ring, const struct sbn_ring_shape *shape, uint32_t rank,
		   unsigned char **parts, uint64_t before);

/* Begins the next call (R0). call->n_lanes from 1 to the shape's. */
void sbn_ring_begin(struct sbn_ring *ring, const struct sbn_call *call);

/*
 * The same, but peers see it no earlier than the first publication, whose R1 stands for R0 too: for
 * a call of one lane whose owner waits for nobody in between.
 */
void sbn_ring_begin_unseen(struct sbn_ring *ring, const struct sbn_call *call);

/* A view of the present call, which stays with it when the ring goes on to the next. */
static inline struct sbn_ring
sbn_ring_view(const struct sbn_ring *ring)
{
	return *ring;
}

/* This rank's row in the present call. */
void *sbn_ring_own_row(const struct sbn_ring *ring);

/*
 * Fetches what this rank writes first in its next call: lane 0's line and the row's first bytes.
 * Every peer has read them when its previous call ended, which this call's rows are a sign of.
 */
void sbn_ring_take_next(const struct sbn_ring *ring, size_t bytes);

/* Says that `lane` has written its items up to, not including, item `end` of the row (R1). */
void sbn_ring_publish(const struct sbn_ring *ring, uint32_t lane, uint32_t end);

/* A peer's header of the present call (A0); NULL while it has not begun it. */
const struct sbn_call *sbn_ring_call_of(const struct sbn_ring *ring, uint32_t peer);

/* Whether a peer's items [begin, end) of the present call can be read (A1). */
bool sbn_ring_covered(const struct sbn_ring *ring, uint32_t peer, uint32_t begin, uint32_t end);

/* A peer's row in the present call; only what is covered may be read. */
const void *sbn_ring_row(const struct sbn_ring *ring, uint32_t peer);

/* The first item of a lane: a pure function, so that readers know whom to ask. */
static inline uint32_t
sbn_lane_begin(uint32_t n_items, uint32_t n_lanes, uint32_t lane)
{
	return (uint32_t)sbn_part_begin(n_items, n_lanes, lane);
}

#endif
