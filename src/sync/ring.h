/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: how the ranks of a group hand each other the items of one call after another, without
 * locks and without acknowledgements. Plain memory; nothing here blocks or calls the system.
 *
 * Every rank owns a part: n_slots slots, each a line a lane and then a row of items. Call e uses
 * slot e mod n_slots. The owner writes its row, lane by lane in ascending order, and raises the
 * lane's watermark {call, items published}; readers look at the watermarks of everybody and read
 * when they cover what they need. Headers and watermarks of a part are written by its owner only.
 *
 * Of two ranks the rows of longer calls change hands: each time the slot is used again, a rank
 * writes into the other's part, and into its own the time after. So it writes lines that it has
 * read, which its cache holds, and each line goes from one cache to the other once a call, not
 * there and back.
 *
 * Why two slots suffice: a rank begins call e + 2 only after it has consumed every peer's whole
 * row of call e + 1, which each peer published after its own call e had ended, that is after it
 * had consumed all rows of call e. So nobody reads slot e mod 2 any more, or writes there for call
 * e, in whosever part: it does not matter which rank used which row. This rests on the rule that
 * every rank, also one with nothing to say, consumes every row before its call ends.
 *
 * With up to N calls begun and not ended it takes 2 N slots, and these rules: calls are consumed in
 * their order, and a rank begins call e once it has consumed e - N. It begins e + 2 N only after it
 * has consumed e + N, which each peer began after it had consumed e.
 *
 * They still do when ranks leave (sync/leave.h). A rank begins call e + 2 only after each peer that
 * took part in e either took part in e + 1, which is the case above, or left before e + 1; then it
 * has seen that peer's mark (L1), made after the peer's call e had ended. A peer that left earlier
 * reads nothing of e. The leaver's own slots stay as its last two calls left them, for as long as
 * anybody may read those; of two ranks, who stays has read them, and writes rows there, too. When
 * all come together again, everybody goes on from one call number, above all that was used before:
 * no old watermark reaches it, and all reading has ended.
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
#include "sync/cache_line.h"

/* A test builds with a relaxed order here, to prove that it would notice. */
#ifndef SBN_RING_RELEASE
#define SBN_RING_RELEASE memory_order_release
#endif

/* Items of a call are counted in 24 bits, calls in 40; both wrap together without harm. */
enum { SBN_ITEM_BITS = 24, SBN_MAX_ITEMS = (1 << SBN_ITEM_BITS) - 1 };

/*
 * From so many bytes on the rows of two ranks change hands. Shorter ones gain nothing by it where
 * CPUs are near, and take half as long again where they are far (doc/performance.md, section 7).
 */
enum { SBN_TRADE_BYTES = 1024 };

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
	uint32_t item_bytes; /* of a row, at least; 0: none worth counting */
	uint64_t page_bytes;
};

/* One rank's view of a ring: private memory that points into the shared one. */
struct sbn_ring {
	struct sbn_ring_shape shape;
	uint64_t row_offset; /* within a slot */
	uint64_t slot_stride;
	uint64_t call;        /* the present call's number, or the last one's */
	uint64_t slot_offset; /* of the present call's slot in a part: looked at often */
	bool trades;   /* the present call's rows are of those that change hands */
	uint32_t turn; /* 1: in the present call they lie in the other's part */
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

/* ---- words ---- */

static inline uint64_t
sbn_ring_mark(uint64_t call, uint32_t items)
{
	return call << SBN_ITEM_BITS | items;
}

/* Right across the wrap, as long as the two are less than half the circle apart. */
static inline bool
sbn_ring_reached(uint64_t watermark, uint64_t wanted)
{
	return (int64_t)(watermark - wanted) >= 0;
}

/* A rank's slot of the present call. */
static inline struct sbn_ring_lane *
sbn_ring_slot(const struct sbn_ring *ring, uint32_t rank)
{
	return (struct sbn_ring_lane *)(ring->parts[rank] + ring->slot_offset);
}

/* The first item of a lane: a pure function, so that readers know whom to ask. */
static inline uint32_t
sbn_lane_begin(uint32_t n_items, uint32_t n_lanes, uint32_t lane)
{
	return (uint32_t)sbn_part_begin(n_items, n_lanes, lane);
}

/* A rank's row in the present call. */
static inline unsigned char *
sbn_ring_row_at(const struct sbn_ring *ring, uint32_t rank)
{
	return ring->parts[rank ^ ring->turn] + ring->slot_offset + ring->row_offset;
}

/* ---- the owner ---- */

/*
 * Begins the next call, but peers see it no earlier than the first publication, whose R1 stands for
 * R0 too: for a call of one lane whose owner waits for nobody in between.
 */
static inline void
sbn_ring_begin_unseen(struct sbn_ring *ring, const struct sbn_call *call)
{
	uint64_t turn = ++ring->call / ring->shape.n_slots;

	ring->slot_offset = ring->call % ring->shape.n_slots * ring->slot_stride;
	ring->trades = ring->shape.n_ranks == 2 &&
		       call->n_items * (uint64_t)ring->shape.item_bytes >= SBN_TRADE_BYTES;
	ring->turn = ring->trades ? turn & 1 : 0;
}

/* Begins the next call (R0). call->n_lanes from 1 to the shape's. */
static inline void
sbn_ring_begin(struct sbn_ring *ring, const struct sbn_call *call)
{
	sbn_ring_begin_unseen(ring, call);
	sbn_ring_slot(ring, ring->rank)[0].call = *call;
	/* R0 pairs with A0 in sbn_ring_call_of() and A1: the header is whole before it is seen */
	atomic_store_explicit(&sbn_ring_slot(ring, ring->rank)[0].watermark,
			      sbn_ring_mark(ring->call, 0), SBN_RING_RELEASE);
}

/* A view of the present call, which stays with it when the ring goes on to the next. */
static inline struct sbn_ring
sbn_ring_view(const struct sbn_ring *ring)
{
	return *ring;
}

/* This rank's row in the present call. */
static inline void *
sbn_ring_own_row(const struct sbn_ring *ring)
{
	return sbn_ring_row_at(ring, ring->rank);
}

/*
 * Fetches what this rank writes first in its next call: lane 0's line and the row's first bytes.
 * Every peer has read them when its previous call ended, which this call's rows are a sign of.
 */
static inline void
sbn_ring_take_next(const struct sbn_ring *ring, size_t bytes)
{
	uint64_t offset = ring->slot_offset + ring->slot_stride;
	unsigned char *next;

	if (offset == ring->shape.n_slots * ring->slot_stride)
		offset = 0;
	next = ring->parts[ring->rank] + offset;

	sbn_lines_take(next, sizeof(struct sbn_call));
	sbn_lines_take(next + ring->row_offset, bytes);
}

/* Says that `lane` has written its items up to, not including, item `end` of the row (R1). */
static inline void
sbn_ring_publish(const struct sbn_ring *ring, uint32_t lane, uint32_t end)
{
	/* R1 pairs with A1 in sbn_ring_covered(): the items are whole before they can be seen */
	atomic_store_explicit(&sbn_ring_slot(ring, ring->rank)[lane].watermark,
			      sbn_ring_mark(ring->call, end), SBN_RING_RELEASE);
}

/*
 * The first publication of a call that began unseen (R1). The header is written here and no sooner:
 * it shares its line with the watermark, and a peer that looks would take the line in between.
 */
static inline void
sbn_ring_publish_first(const struct sbn_ring *ring, const struct sbn_call *call, uint32_t end)
{
	sbn_ring_slot(ring, ring->rank)[0].call = *call;
	sbn_ring_publish(ring, 0, end);
}

/* ---- its peers ---- */

/* A peer's header of the present call (A0); NULL while it has not begun it. */
static inline const struct sbn_call *
sbn_ring_call_of(const struct sbn_ring *ring, uint32_t peer)
{
	struct sbn_ring_lane *lanes = sbn_ring_slot(ring, peer);
	/* A0 pairs with R0 in sbn_ring_begin() and R1 */
	uint64_t watermark = atomic_load_explicit(&lanes[0].watermark, memory_order_acquire);

	return sbn_ring_reached(watermark, sbn_ring_mark(ring->call, 0)) ? &lanes[0].call : NULL;
}

/* Fetches what the looks at a peer's call begin with; a hint. */
static inline void
sbn_ring_fetch(const struct sbn_ring *ring, uint32_t peer)
{
	sbn_lines_fetch(sbn_ring_slot(ring, peer), sizeof(struct sbn_call));
}

/* Of calls that the peer has begun, in n_lanes lanes. */
bool sbn_ring_lanes_covered(const struct sbn_ring *ring, uint32_t peer, uint32_t n_lanes,
			    uint32_t begin, uint32_t end);

/* Whether a peer's items [begin, end) of the present call can be read (A1). */
static inline bool
sbn_ring_covered(const struct sbn_ring *ring, uint32_t peer, uint32_t begin, uint32_t end)
{
	struct sbn_ring_lane *lanes = sbn_ring_slot(ring, peer);
	/* A0 and, of a call of one lane, A1 */
	uint64_t watermark = atomic_load_explicit(&lanes[0].watermark, memory_order_acquire);
	uint32_t n_lanes, n_items;

	if (!sbn_ring_reached(watermark, sbn_ring_mark(ring->call, 0)))
		return false;
	/* a peer's word is no index before it is checked; volatile: read once, it may change */
	n_lanes = *(const volatile uint16_t *)&lanes[0].call.n_lanes;
	if (n_lanes != 1)
		return n_lanes != 0 && n_lanes <= ring->shape.n_lanes &&
		       sbn_ring_lanes_covered(ring, peer, n_lanes, begin, end);
	n_items = lanes[0].call.n_items;
	return n_items <= begin ||
	       sbn_ring_reached(watermark, sbn_ring_mark(ring->call, SBN_MIN(end, n_items)));
}

/* A peer's row in the present call; only what is covered may be read. */
static inline const void *
sbn_ring_row(const struct sbn_ring *ring, uint32_t peer)
{
	return sbn_ring_row_at(ring, peer);
}

#endif
