/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_CACHE_H
#define SYNCBN_PERF_CACHE_H

#include <stddef.h>

/* Bytes of the machine's last caches, the same for every rank of a run. */
struct perf_cache {
	size_t all;      /* together */
	size_t smallest; /* one of them */
};

/* Asked once. */
struct perf_cache perf_last_cache(void);

#endif
