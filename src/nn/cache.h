/* SPDX-License-Identifier: Apache-2.0 */
/* The cache that a thread has to itself: of the second level. */
#ifndef SBN_NN_CACHE_H
#define SBN_NN_CACHE_H

#include <stddef.h>

/* What lies a way apart shares its sets. */
struct sbn_cache {
	size_t bytes, way_bytes;
};

/* 1 MiB of 8 ways where the system does not tell. */
struct sbn_cache sbn_cache_find(void);

#endif
