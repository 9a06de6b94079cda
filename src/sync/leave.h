/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving: a rank that takes no further part says so once for every sequence of calls (a stream's,
 * or the barrier's). Whoever waits for it in a call is content when it has come, or has left before
 * that call. It does the one or the other, so all ranks agree on who takes part in a call, without
 * asking each other. Plain memory; how to wait is the caller's choice.
 *
 * A word holds {epoch, first call without this rank}. All ranks come together again in two
 * meetings: at the first every word of the epoch is written, so each rank goes on from the furthest
 * call of all; at the second every word has been read, so the next epoch's may overwrite it.
 *
 * Release and acquire pair:
 *	L1 sbn_leave_mark: after all that the leaver has read and written in its calls
 *	   - sbn_leave_absent: who goes on without it may use the slots that it has read, again
 */
#ifndef SBN_SYNC_LEAVE_H
#define SBN_SYNC_LEAVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* A test builds with a relaxed order here, to prove that it would notice. */
#ifndef SBN_LEAVE_RELEASE
#define SBN_LEAVE_RELEASE memory_order_release
#endif

/* As in the ring's watermarks, calls are counted in 40 bits, and wrap without harm. */
enum { SBN_MAX_SEQUENCES = 8, SBN_EPOCH_BITS = 24 };

struct sbn_leave_line {
	_Alignas(SBN_LINE) _Atomic uint64_t left[SBN_MAX_SEQUENCES];
};

_Static_assert(sizeof(struct sbn_leave_line) == SBN_LINE, "a rank's line is its own");

/* One rank's view: private memory. */
struct sbn_leave {
	struct sbn_leave_line **lines; /* [n_ranks]; the caller's */
	uint32_t rank;
	uint32_t epoch; /* from 1: zeroed lines are of nobody who has left */
	bool left;      /* this rank, in this epoch */
};

static inline uint64_t
sbn_leave_word(uint32_t epoch, uint64_t call)
{
	return (uint64_t)epoch << (64 - SBN_EPOCH_BITS) |
	       (call << SBN_EPOCH_BITS) >> SBN_EPOCH_BITS;
}

/* The way from one call to another, either being known to its low 40 bits. */
static inline int64_t
sbn_leave_way(uint64_t from, uint64_t to)
{
	return (int64_t)((to - from) << SBN_EPOCH_BITS) >> SBN_EPOCH_BITS;
}

/* This rank's last call of a sequence was `last`, and has ended (L1). Once an epoch for each. */
static inline void
sbn_leave_mark(const struct sbn_leave *leave, uint32_t sequence, uint64_t last)
{
	/* L1 pairs with sbn_leave_absent() */
	atomic_store_explicit(&leave->lines[leave->rank]->left[sequence],
			      sbn_leave_word(leave->epoch, last + 1), SBN_LEAVE_RELEASE);
}

/*
 * Whether a rank has left before a call (L1). True stays true for the epoch, and once the rank has
 * come to the call, false stays false.
 */
static inline bool
sbn_leave_absent(const struct sbn_leave *leave, uint32_t rank, uint32_t sequence, uint64_t call)
{
	/* L1 pairs with sbn_leave_mark() */
	uint64_t word =
		atomic_load_explicit(&leave->lines[rank]->left[sequence], memory_order_acquire);

	return ((word ^ sbn_leave_word(leave->epoch, 0)) >> (64 - SBN_EPOCH_BITS)) == 0 &&
	       sbn_leave_way(word, call) >= 0;
}

/* Between the two meetings: how many more calls than this rank, `last`, a rank has made. */
static inline int64_t
sbn_leave_ahead(const struct sbn_leave *leave, uint32_t rank, uint32_t sequence, uint64_t last)
{
	/* relaxed: the first meeting has ordered it */
	uint64_t word =
		atomic_load_explicit(&leave->lines[rank]->left[sequence], memory_order_relaxed);

	return sbn_leave_way(last + 1, word);
}

/* After the second meeting. */
static inline void
sbn_leave_begin_epoch(struct sbn_leave *leave)
{
	leave->epoch++;
	leave->left = false;
}

#endif
