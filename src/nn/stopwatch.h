/* SPDX-License-Identifier: Apache-2.0 */
/* Where a lane's time goes. */
#ifndef SBN_NN_STOPWATCH_H
#define SBN_NN_STOPWATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "trace/counters.h"

struct sbn_stopwatch {
	struct sbn_trace *trace; /* NULL: this lane does not count */
	uint64_t lap_ticks;
};

static inline struct sbn_stopwatch
sbn_watch_start(struct sbn_trace *trace)
{
	return (struct sbn_stopwatch){ trace, trace == NULL ? 0 : sbn_ticks() };
}

/* Adds the time since the last lap to a counter; SBN_COUNTERS: to none. */
static inline void
sbn_watch_lap(struct sbn_stopwatch *watch, enum sbn_counter counter)
{
	uint64_t now;

	if (watch->trace == NULL)
		return;
	now = sbn_ticks();
	if (counter != SBN_COUNTERS)
		sbn_trace_add(watch->trace, counter, now - watch->lap_ticks);
	watch->lap_ticks = now;
}

#endif
