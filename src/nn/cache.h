/* SPDX-License-Identifier: Apache-2.0 */
/* The caches that a thread has to itself. */
#ifndef SBN_NN_CACHE_H
#define SBN_NN_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* Of the second level. What lies a way apart shares its sets. */
struct sbn_cache {
	size_t bytes, way_bytes;
	/*
	 * The first level holds what many images ask for until it is read: it has 48 KB or more.
	 * In 32 KB, of 8 ways, images that lie whole pages apart drive out each other's lines.
	 */
	bool near;
};

/* 1 MiB of 8 ways, and not near, where the system does not tell. */
struct sbn_cache sbn_cache_find(void);

#endif
