/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Always-on counters, in the rank's block of the control extent; anybody may read them at any time.
 * The world has a set of its own: it is in one call at a time, and a locked addition costs more
 * than a small call has to spare. Sub groups share the other, as their threads may add at once.
 */
#ifndef SBN_TRACE_COUNTERS_H
#define SBN_TRACE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "shm/control.h"

enum sbn_counter {
	SBN_EXCHANGE_CALLS,
	SBN_EXCHANGE_BYTES,
	SBN_REDUCE_CALLS,
	SBN_REDUCE_BYTES,
	SBN_BARRIER_CALLS,
	SBN_MOMENTS_TICKS, /* sbn_ticks() */
	SBN_EXCHANGE_TICKS,
	SBN_NORMALIZE_TICKS,
	SBN_REDUCE_TICKS,      /* with what was waited; of small calls an estimate, */
	SBN_REDUCE_WAIT_TICKS, /* and this is of the same calls */
	SBN_WAIT_TICKS,
	SBN_SLEEPS,
	SBN_COUNTERS
};

struct sbn_trace {
	_Alignas(SBN_LINE) _Atomic uint64_t counter[SBN_COUNTERS];
	uint32_t many_writers; /* set before the first addition; no bool, which garbage breaks */
};

enum sbn_trace_owner { SBN_TRACE_WORLD, SBN_TRACE_SUB_GROUPS, SBN_TRACES };

_Static_assert(SBN_TRACES * sizeof(struct sbn_trace) <= SBN_TRACE_BYTES,
	       "the counters fit their room");

static inline struct sbn_trace *
sbn_trace_of(struct sbn_rank_block *block, enum sbn_trace_owner owner)
{
	return (struct sbn_trace *)block->trace + owner;
}

static inline uint64_t
sbn_trace_read(const struct sbn_trace *trace, enum sbn_counter which)
{
	/* relaxed: a number that stands for itself */
	return atomic_load_explicit(&trace->counter[which], memory_order_relaxed);
}

static inline void
sbn_trace_add(struct sbn_trace *trace, enum sbn_counter which, uint64_t amount)
{
	_Atomic uint64_t *counter = &trace->counter[which];

	/* relaxed, all: readers need no order among counters */
	if (trace->many_writers)
		atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
	else
		atomic_store_explicit(counter,
				      atomic_load_explicit(counter, memory_order_relaxed) + amount,
				      memory_order_relaxed);
}

#endif
