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

/* Fetches the beginning of what is about to be read in order. */
static inline void
sbn_fetch_ahead(const void *row, size_t bytes)
{
	sbn_lines_fetch(row, SBN_MIN(bytes, (size_t)SBN_AHEAD_BYTES));
}

#endif
