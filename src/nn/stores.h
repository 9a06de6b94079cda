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

struct sbn_process;

enum { SBN_STORES_CLEAR = 4 }; /* times a thread's own cache: outputs have no room there */

/*
 * Of a call that reads and writes so many bytes a thread. Below a quarter of a thread's own cache
 * outputs stay, from SBN_STORES_CLEAR times of it on they go past. For what is in between it is
 * measured, by the first call of that size, how long a layer of one thread and the next reader take
 * either way: some tens of milliseconds, and memory twice as large as the last cache, 64 MB at
 * most. Without calibration, where ranks take turns on a CPU, and where that cache exceeds 4 MB it
 * is half of it, unmeasured.
 */
bool sbn_stores_go_past(struct sbn_process *process, size_t bytes);

/* How long a layer of so many bytes and the next reader take, with either kind of stores. */
typedef uint64_t (*sbn_stores_time_fn)(void *context, size_t bytes, bool past);

/*
 * By such times, the size from which on ordinary stores gain no fifth: of those from a quarter of
 * the cache on, each twice the one before, SBN_STORES_CLEAR times the cache at most.
 */
size_t sbn_stores_bound(sbn_stores_time_fn time, void *context, size_t cache);

#endif
