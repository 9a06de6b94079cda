/* SPDX-License-Identifier: Apache-2.0 */
#include "train/arena.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/math.h"
#include "comm/call.h"
#include "comm/collective.h"

enum { MIN_SHARE_BYTES = 32 * 1024 }; /* less is not worth another thread */

struct syncbn_arena {
	struct syncbn_group *group;
	struct syncbn_arena *next; /* in the group's list */
	struct sbn_shared shared;
	size_t bytes;
	size_t used;
};

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
	group->n_users++;
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
	return arena->shared.base + arena->group->rank * arena->shared.stride + begin;
}

void
sbn_arena_free(syncbn_arena_t *arena)
{
	struct syncbn_arena **link = &arena->group->arenas;

	while (*link != arena)
		link = &(*link)->next;
	*link = arena->next;
	arena->group->n_users--;
	arena->group->transport->unshare(arena->group, &arena->shared);
	free(arena);
}

/* The arena in which `bytes` bytes at data lie, and their offset in this rank's slice. */
static struct syncbn_arena *
arena_of(struct syncbn_group *group, const void *data, size_t bytes, size_t *offset)
{
	for (struct syncbn_arena *arena = group->arenas; arena != NULL; arena = arena->next) {
		uintptr_t begin =
			(uintptr_t)arena->shared.base + group->rank * arena->shared.stride;
		uintptr_t at = (uintptr_t)data;

		if (at >= begin && at - begin <= arena->bytes &&
		    bytes <= arena->bytes - (at - begin)) {
			*offset = at - begin;
			return arena;
		}
	}
	return NULL;
}

struct reduction {
	struct syncbn_arena *arena;
	size_t offset;           /* of the data in every slice */
	const uint32_t *present; /* [n_present]: the ranks that take part; this one is number own */
	uint32_t n_present, own;
	size_t begin, end; /* the elements that this rank sums */
	syncbn_dtype_t dtype;
	syncbn_reduce_t op;
	double divisor;
	int n_shares;
};

static void
reduce_share(void *argument, int index)
{
	const struct reduction *r = argument;
	struct syncbn_group *group = r->arena->group;
	size_t element = sbn_dtype_bytes(r->dtype);
	size_t begin = r->begin +
		       sbn_part_begin(r->end - r->begin, (uint64_t)r->n_shares, (uint64_t)index);
	size_t end = r->begin +
		     sbn_part_begin(r->end - r->begin, (uint64_t)r->n_shares, (uint64_t)index + 1);
	void *buffers[r->n_present];
	struct sbn_rows rows = {
		.src = (const void *const *)buffers,
		.n_src = r->n_present,
		.dst = buffers,
		.n_dst = r->n_present,
		.divisor = r->divisor,
	};

	for (uint32_t i = 0; i < r->n_present; i++)
		buffers[i] = r->arena->shared.base + r->present[i] * r->arena->shared.stride +
			     r->offset + begin * element;
	sbn_reduce_rows(group, &rows, end - begin, r->dtype);
}

/* This rank's part of the elements, cut at cache lines so that no line has two writers. */
static void
choose_part(struct reduction *r, size_t count)
{
	size_t a_line = SBN_LINE / sbn_dtype_bytes(r->dtype);
	size_t lines = sbn_ceil_div(count, a_line);

	r->begin = SBN_MIN(sbn_part_begin(lines, r->n_present, r->own) * a_line, count);
	r->end = SBN_MIN(sbn_part_begin(lines, r->n_present, r->own + 1) * a_line, count);
}

static void
reduce_part(struct reduction *r)
{
	struct sbn_team *team = r->arena->group->process->team;
	size_t bytes = (r->end - r->begin) * sbn_dtype_bytes(r->dtype);
	int threads = sbn_team_acquire(team);

	r->n_shares = (int)SBN_MIN((size_t)threads, bytes / MIN_SHARE_BYTES + 1);
	sbn_team_run(team, threads, r->n_shares, reduce_share, r);
	sbn_team_release(team, threads);
}

/* The ranks that take part share the work; nobody touches the others' buffers. */
static void
reduce_among_present(struct reduction *r, const struct sbn_running_call *running, size_t count)
{
	uint32_t present[running->group->size];

	r->present = present;
	r->n_present = sbn_call_roll(running, present);
	r->divisor = r->op == SYNCBN_MEAN ? sbn_call_divisor(running) : 1;
	for (r->own = 0; present[r->own] != running->group->rank;)
		r->own++;
	choose_part(r, count);
	reduce_part(r);
}

/*
 * One call with two meetings: when everybody has begun it all buffers are whole; when everybody
 * has published its one item all sums are written.
 */
static syncbn_status_t
reduce_in_place(struct reduction *r, size_t count)
{
	struct syncbn_group *group = r->arena->group;
	struct sbn_call call = {
		.op = SBN_OP_ALL_REDUCE,
		.n_items = 1,
		.n_lanes = 1,
		.agreed = { count, r->dtype, sbn_reduce_word(group, r->op),
			    1 + r->arena->shared.extent.offset + r->offset },
	};
	struct sbn_running_call running;
	syncbn_status_t status = sbn_call_begin(group, SBN_STREAM_DATA, &call, &running);

	if (status != SYNCBN_OK)
		return status;
	if (sbn_call_await(&running, 0, 0, 0) == SYNCBN_OK) {
		reduce_among_present(r, &running, count);
		sbn_call_publish(&running, 0, 1);
		sbn_call_await(&running, 0, 0, 1);
	}
	return sbn_call_end(&running);
}

syncbn_status_t
sbn_all_reduce(struct syncbn_group *group, void *data, size_t count, syncbn_dtype_t dtype,
	       syncbn_reduce_t op)
{
	struct reduction r = { .dtype = dtype, .op = op };
	struct sbn_span span = sbn_span_begin(group);
	size_t bytes = count * sbn_dtype_bytes(dtype);
	syncbn_status_t status;

	if (count == 0)
		return sbn_group_check(group);
	r.arena = arena_of(group, data, bytes, &r.offset);
	if (r.arena == NULL)
		return sbn_all_reduce_staged(group, data, count, dtype, op);
	status = reduce_in_place(&r, count);
	sbn_span_end(group, &span, bytes);
	return status;
}
