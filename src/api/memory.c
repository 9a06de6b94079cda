/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/memory.h>

#include <stdint.h>

#include "api/check.h"
#include "platform/alloc.h"
#include "train/arena.h"

void *
syncbn_alloc(size_t bytes)
{
	struct sbn_process *process = sbn_process_get();
	bool place = process != NULL && !process->first_touch;

	return sbn_alloc(bytes, place ? &process->place.nodes : NULL);
}

void
syncbn_free(void *memory)
{
	sbn_free(memory);
}

syncbn_status_t
syncbn_arena_new(syncbn_group_t *group, size_t bytes, syncbn_arena_t **arena)
{
	static const char here[] = "syncbn_arena_new";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "arena", arena)) != SYNCBN_OK)
		return status;
	*arena = NULL;
	if (bytes == 0 || bytes > PTRDIFF_MAX / 2 / group->size)
		status = sbn_fail(SYNCBN_ERR_INVALID, "bytes is %zu: not 1 to what memory can hold",
				  bytes);
	else
		status = sbn_arena_new(group, bytes, arena);
	return sbn_named(here, status);
}

void *
syncbn_arena_alloc(syncbn_arena_t *arena, size_t bytes)
{
	/* in a forked child the memory is its parent's */
	if (arena == NULL || sbn_process_check() != SYNCBN_OK)
		return NULL;
	return sbn_arena_alloc(arena, bytes);
}

void
syncbn_arena_free(syncbn_arena_t *arena)
{
	if (arena != NULL && sbn_process_check() == SYNCBN_OK)
		sbn_arena_free(arena);
}
