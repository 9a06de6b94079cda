/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether outputs go past the caches: their lines need not be fetched before they are written, and
 * leave the inputs' room alone, but who reads them next has to fetch them from memory.
 */
#ifndef SBN_NN_STORES_H
#define SBN_NN_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct syncbn_group;

/*
 * Of a call that reads and writes so many bytes a thread. What is clear is told at once: below a
 * quarter of a thread's own cache they stay, from four times of it on they go. In between it is
 * measured, once a process, how long a layer and the next reader take either way: some tens of
 * milliseconds, 64 MB at most for as long.
 */
bool sbn_stores_go_past(const struct syncbn_group *group, size_t bytes);

/*
 * From the times of each size, [n] of them: the size from which on ordinary stores gain nothing to
 * speak of; `beyond` where they do at all sizes.
 */
size_t sbn_stores_crossing(const uint64_t *ordinary, const uint64_t *past, const size_t *sizes,
			   int n, size_t beyond);

#endif
