/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The barrier: each rank counts its arrivals in a line of its own and looks at the others' lines.
 * Plain memory; how to wait is the caller's choice.
 *
 * Release and acquire pair:
 *	B1 sbn_barrier_arrive: this rank's line, after all that it wrote before
 *	   - sbn_barrier_reached
 */
#ifndef SBN_SYNC_BARRIER_H
#define SBN_SYNC_BARRIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* A test builds with a relaxed order here, to prove that it would notice. */
#ifndef SBN_BARRIER_RELEASE
#define SBN_BARRIER_RELEASE memory_order_release
#endif

struct sbn_barrier_line {
	_Alignas(SBN_LINE) _Atomic uint64_t arrivals;
};

_Static_assert(sizeof(struct sbn_barrier_line) == SBN_LINE, "a rank's line is its own");

/* One rank's view: private memory. */
struct sbn_barrier {
	struct sbn_barrier_line **lines; /* [n_ranks]; the caller's */
	uint32_t rank;
	uint64_t arrivals; /* of this rank */
};

static inline void
sbn_barrier_arrive(struct sbn_barrier *barrier)
{
	barrier->arrivals++;
	/* B1 pairs with sbn_barrier_reached() */
	atomic_store_explicit(&barrier->lines[barrier->rank]->arrivals, barrier->arrivals,
			      SBN_BARRIER_RELEASE);
}

/* Whether a peer has arrived as often as this rank. */
static inline bool
sbn_barrier_reached(const struct sbn_barrier *barrier, uint32_t peer)
{
	/* B1 pairs with sbn_barrier_arrive() */
	uint64_t arrivals =
		atomic_load_explicit(&barrier->lines[peer]->arrivals, memory_order_acquire);

	return (int64_t)(arrivals - barrier->arrivals) >= 0;
}

#endif
