/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_CACHE_H
#define SYNCBN_PERF_CACHE_H

#include <stddef.h>

/* Bytes of the last caches of all CPUs that this process may use, together; asked once. */
size_t perf_last_cache(void);

#endif
