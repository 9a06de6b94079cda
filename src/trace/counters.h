/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Always-on counters, in the rank's block of the control extent. Threads that are in different
 * groups may add at once; others may read at any time.
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
	SBN_MOMENTS_NS,
	SBN_EXCHANGE_NS,
	SBN_WAIT_NS,
	SBN_NORMALIZE_NS,
	SBN_REDUCE_NS,
	SBN_SLEEPS,
	SBN_COUNTERS
};

struct sbn_trace {
	_Atomic uint64_t counter[SBN_COUNTERS];
};

_Static_assert(sizeof(struct sbn_trace) <= SBN_TRACE_BYTES, "the counters fit their room");

static inline struct sbn_trace *
sbn_trace_of(struct sbn_rank_block *block)
{
	return (struct sbn_trace *)block->trace;
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
	/* relaxed: readers need no order among counters */
	atomic_fetch_add_explicit(&trace->counter[which], amount, memory_order_relaxed);
}

#endif
