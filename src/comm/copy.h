/* SPDX-License-Identifier: Apache-2.0 */
/* Copying rows to where peers read them, and reading theirs. */
#ifndef SBN_COMM_COPY_H
#define SBN_COMM_COPY_H

#include "base/math.h"
#include "comm/group.h"
#include "sync/cache_line.h"

/* A third of a first-level cache: what is fetched ahead beyond it pushes itself out again. */
enum { SBN_AHEAD_BYTES = 16384 };

/* Copies what peers will read next; whole before the next publication of this thread. */
void sbn_copy_out(const struct syncbn_group *group, void *row, const void *own, size_t bytes);

/* Rows are read in steps; what comes so far behind one is fetched while it is worked on. */
enum { SBN_STEP_BYTES = 512, SBN_STEP_AHEAD_BYTES = 1024 };

/* Fetches what a call's ring says: what is read now, and where rows change hands written next. */
static inline void
sbn_fetch_row(const struct sbn_ring *ring, const void *row, size_t bytes)
{
	if (ring->trades)
		sbn_lines_take(row, bytes);
	else
		sbn_lines_fetch(row, bytes);
}

/* Before the step at `at` of a row of so many bytes: what is ahead of it; all so far if first. */
static inline void
sbn_fetch_step(const struct sbn_ring *ring, const void *row, size_t at, size_t bytes)
{
	size_t from = at == 0 ? 0 : at + SBN_STEP_AHEAD_BYTES;
	size_t to = SBN_MIN(at + SBN_STEP_AHEAD_BYTES + SBN_STEP_BYTES, bytes);

	if (from < to)
		sbn_fetch_row(ring, (const char *)row + from, to - from);
}

/* Fetches the beginning of what is about to be read in order. */
static inline void
sbn_fetch_ahead(const struct sbn_ring *ring, const void *row, size_t bytes)
{
	sbn_fetch_row(ring, row, SBN_MIN(bytes, (size_t)SBN_AHEAD_BYTES));
}

#endif
