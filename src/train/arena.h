/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arenas: gradients that live in the segment, so that summing them copies nothing. Each rank sums
 * its own slice of the elements and writes the result into every rank's buffer.
 */
#ifndef SBN_TRAIN_ARENA_H
#define SBN_TRAIN_ARENA_H

#include <syncbn/collective.h>
#include <syncbn/memory.h>

#include "comm/group.h"

syncbn_status_t sbn_arena_new(struct syncbn_group *group, size_t bytes, syncbn_arena_t **arena);
void *sbn_arena_alloc(syncbn_arena_t *arena, size_t bytes);
void sbn_arena_free(syncbn_arena_t *arena);

/* The sum or mean over all ranks: without a copy where data lies in an arena of the group. */
syncbn_status_t sbn_all_reduce(struct syncbn_group *group, void *data, size_t count,
			       syncbn_dtype_t dtype, syncbn_reduce_t op);

#endif
