/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_CACHE_H
#define SYNCBN_PERF_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Caches that do not replace the oldest line first still hold some of a set twice their size:
 * buffers of four times a cache are not in it.
 */
enum { PERF_CACHE_TIMES = 4 };

/* Bytes of the machine's caches, of the last ones above all, the same for every rank of a run. */
struct perf_cache {
	size_t all;      /* together */
	size_t smallest; /* one of them */
	size_t nearer;   /* the CPUs' own before the last, together; 0: there are none */
};

/* Asked once. */
struct perf_cache perf_last_cache(void);

/*
 * Over how many buffers of so many bytes a rank that reads them in turn finds them in the last
 * cache and not in a nearer one, or in the last one at least; *fits: it finds even one there.
 */
size_t perf_cache_hot(const struct perf_cache *cache, size_t bytes, size_t n_ranks, bool *fits);

#endif
