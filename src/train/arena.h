/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: gradients that live in the segment, so that summing them copies nothing. */
#ifndef SBN_TRAIN_ARENA_H
#define SBN_TRAIN_ARENA_H

#include <syncbn/memory.h>

#include "comm/group.h"

struct syncbn_arena {
	struct syncbn_group *group;
	struct syncbn_arena *next; /* in the group's list */
	struct sbn_shared shared;
	size_t bytes;
	size_t used;
	uint32_t n_requests; /* all-reduces in flight that use it */
	bool is_freed;       /* by its owner, while some do */
};

/* Where a rank's part begins. */
static inline unsigned char *
sbn_arena_part(const struct syncbn_arena *arena, uint32_t rank)
{
	return arena->shared.base + rank * arena->shared.stride;
}

syncbn_status_t sbn_arena_new(struct syncbn_group *group, size_t bytes, syncbn_arena_t **arena);
void *sbn_arena_alloc(syncbn_arena_t *arena, size_t bytes);
void sbn_arena_free(syncbn_arena_t *arena);

/* An arena that is freed between the two lives on until the last _unpin. */
void sbn_arena_pin(struct syncbn_arena *arena);
void sbn_arena_unpin(struct syncbn_arena *arena);

/*
 * The arena in which `bytes` bytes at data lie, and their offset in this rank's part; NULL: they
 * lie elsewhere.
 */
struct syncbn_arena *sbn_arena_find(struct syncbn_group *group, const void *data, size_t bytes,
				    size_t *offset);

#endif
