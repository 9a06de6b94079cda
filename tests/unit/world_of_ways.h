/* SPDX-License-Identifier: Apache-2.0 */
/* A world of one rank whose layers are told which ways to go. */
#ifndef SBN_TESTS_UNIT_WORLD_OF_WAYS_H
#define SBN_TESTS_UNIT_WORLD_OF_WAYS_H

#include <stdlib.h>

#include "unit/near.h"
#include "unit/world_of_one.h"

static inline void
join_with(const char *isa, int threads, const char *chunk_bytes, const char *stores,
	  const char *fetch, const char *split, const char *images, syncbn_group_t **world)
{
	syncbn_config_t config = SYNCBN_CONFIG;

	forget_launchers();
	config.threads = threads;
	setenv("SYNCBN_ISA", isa, 1);
	setenv("SYNCBN_CHUNK_BYTES", chunk_bytes, 1);
	setenv("SYNCBN_STORES", stores, 1);
	setenv("SYNCBN_FETCH", fetch, 1);
	setenv("SYNCBN_SPLIT", split, 1);
	setenv("SYNCBN_IMAGES", images, 1);
	assert_ok(syncbn_init(&config, world));
}

static inline void
forget_environment(void)
{
	unsetenv("SYNCBN_ISA");
	unsetenv("SYNCBN_CHUNK_BYTES");
	unsetenv("SYNCBN_STORES");
	unsetenv("SYNCBN_FETCH");
	unsetenv("SYNCBN_SPLIT");
	unsetenv("SYNCBN_IMAGES");
}

#endif
