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
 * Over how many buffers a rank's calls, each of which reads so many bytes and writes so many to
 * other places each time, rotate to find what they read in the last cache and not in a nearer one,
 * or in the last one at least; *fits: they find even one there.
 */
size_t perf_cache_hot(const struct perf_cache *cache, size_t read, size_t written, size_t n_ranks,
		      bool *fits);

#endif
