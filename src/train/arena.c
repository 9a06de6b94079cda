/* SPDX-License-Identifier: Apache-2.0 */
#include "train/arena.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/math.h"

syncbn_status_t
sbn_arena_new(struct syncbn_group *group, size_t bytes, syncbn_arena_t **out)
{
	syncbn_status_t status = sbn_group_check(group);
	struct syncbn_arena *arena;

	if (status != SYNCBN_OK)
		return status;
	arena = calloc(1, sizeof(*arena));
	if (arena == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "an arena");
	status = group->transport->share(group, SBN_OP_ARENA, bytes, &arena->shared);
	if (status != SYNCBN_OK) {
		free(arena);
		return status;
	}
	arena->group = group;
	arena->bytes = bytes;
	arena->next = group->arenas;
	group->arenas = arena;
	group->n_users[SBN_USER_ARENA]++;
	*out = arena;
	return SYNCBN_OK;
}

void *
sbn_arena_alloc(syncbn_arena_t *arena, size_t bytes)
{
	size_t begin = sbn_align_up(arena->used, SBN_LINE);

	if (bytes == 0 || begin > arena->bytes || bytes > arena->bytes - begin)
		return NULL;
	arena->used = begin + bytes;
	return sbn_arena_part(arena, arena->group->rank) + begin;
}

static void
release(struct syncbn_arena *arena)
{
	struct syncbn_arena **link = &arena->group->arenas;

	while (*link != arena)
		link = &(*link)->next;
	*link = arena->next;
	arena->group->n_users[SBN_USER_ARENA]--;
	arena->group->transport->unshare(arena->group, &arena->shared);
	free(arena);
}

void
sbn_arena_free(syncbn_arena_t *arena)
{
	if (arena->n_requests == 0)
		release(arena);
	else
		arena->is_freed = true;
}

void
sbn_arena_pin(struct syncbn_arena *arena)
{
	arena->n_requests++;
}

void
sbn_arena_unpin(struct syncbn_arena *arena)
{
	if (--arena->n_requests == 0 && arena->is_freed)
		release(arena);
}

struct syncbn_arena *
sbn_arena_find(struct syncbn_group *group, const void *data, size_t bytes, size_t *offset)
{
	for (struct syncbn_arena *arena = group->arenas; arena != NULL; arena = arena->next) {
		uintptr_t begin = (uintptr_t)sbn_arena_part(arena, group->rank);
		uintptr_t at = (uintptr_t)data;

		if (at >= begin && at - begin <= arena->bytes &&
		    bytes <= arena->bytes - (at - begin)) {
			*offset = at - begin;
			return arena;
		}
	}
	return NULL;
}
