/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_MEMORY_H
#define SYNCBN_MEMORY_H

#include <stddef.h>

#include <syncbn/group.h>
#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Memory on the node of this rank's domain, zeroed, aligned to 128 bytes, huge pages advised from
 * 2 MiB on; before syncbn_init, and where the launcher sets no memory policy, on the node where it
 * is first touched. NULL when there is none, or bytes is 0. Free with syncbn_free. Local.
 */
void *syncbn_alloc(size_t bytes);

/* Frees what syncbn_alloc gave. NULL does nothing. Local. */
void syncbn_free(void *memory);

/*
 * Memory in the segment: an all-reduce of what lies here copies nothing. In a forked child, whose
 * parent owns it, _alloc gives NULL and _free does nothing.
 */
typedef struct syncbn_arena syncbn_arena_t;

/*
 * Makes an arena of at least `bytes` bytes on every rank, each rank's part zeroed and on its own
 * node. Collective; bytes must be equal everywhere. *arena belongs to the caller:
 * syncbn_arena_free.
 *
 * INVALID: bytes is 0. NO_MEMORY: /dev/shm too small on some rank (then on all). SYSTEM, TIMEOUT,
 * MISMATCH, PEER_LOST.
 */
syncbn_status_t syncbn_arena_new(syncbn_group_t *group, size_t bytes, syncbn_arena_t **arena);

/*
 * The next `bytes` bytes of this rank's part, aligned to 128 bytes; NULL when it is full. Ranks
 * that take the same sizes in the same order get the same offsets, which syncbn_all_reduce needs.
 * Local; freed with the arena.
 */
void *syncbn_arena_alloc(syncbn_arena_t *arena, size_t bytes);

/*
 * Frees the arena; nobody may use it any more. What is in flight in it keeps the memory until it
 * has ended. NULL does nothing. Local.
 */
void syncbn_arena_free(syncbn_arena_t *arena);

#ifdef __cplusplus
}
#endif
#endif
