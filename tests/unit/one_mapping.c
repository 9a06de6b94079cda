/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/one_mapping.h"

#include <string.h>

#include "comm/call.h"
#include "shm/contract.h"
#include "shm/segment.h"
#include "unit/threads_as_ranks.h"

enum { PAGE = 4096, EXTENTS_BYTES = 64 * 1024 * 1024, TIMEOUT_MS = 120000 };

/* The segment: control extent, and room for all other extents, never used twice. */
static struct {
	uint32_t world_size;
	struct sbn_control_layout layout;
	struct sbn_control control;
	unsigned char *extents;
	_Atomic uint64_t used;
} one;

static _Thread_local int this_rank;

static void *
zeroed(size_t bytes)
{
	void *memory = aligned_alloc(PAGE, bytes);

	if (memory == NULL)
		abort();
	return memset(memory, 0, bytes);
}

static void
make_segment(uint32_t world_size)
{
	one.world_size = world_size;
	sbn_control_layout(world_size, PAGE, &one.layout);
	sbn_control_over(zeroed(one.layout.bytes), world_size, PAGE, &one.control);
	one.extents = zeroed(EXTENTS_BYTES);
	atomic_store_explicit(&one.used, PAGE, memory_order_relaxed); /* 0 is no place */
}

/* ---- in the place of contract.c ---- */

syncbn_status_t
sbn_contract_read(struct sbn_contract *contract)
{
	*contract = (struct sbn_contract){
		.present = true,
		.rank = (uint32_t)this_rank,
		.world_size = one.world_size,
		.segment_fd = -1,
		.first_touch = true,
	};
	return SYNCBN_OK;
}

/* ---- in the place of segment.c ---- */

syncbn_status_t
sbn_segment_attach(int fd, const uint64_t run_id[2], uint32_t world_size,
		   struct sbn_segment *segment)
{
	(void)run_id, (void)world_size;
	*segment = (struct sbn_segment){
		.fd = fd,
		.control_bytes = one.layout.bytes,
		.control = one.control,
	};
	return SYNCBN_OK;
}

void
sbn_segment_close(struct sbn_segment *segment)
{
	segment->fd = -1;
}

/* ---- in the place of extent.c ---- */

syncbn_status_t
sbn_segment_grow(const struct sbn_segment *segment, uint64_t bytes, uint64_t *offset)
{
	(void)segment;
	/* relaxed: the group agrees on the place before anybody uses it */
	*offset = atomic_fetch_add_explicit(&one.used, bytes, memory_order_relaxed);
	if (*offset + bytes > EXTENTS_BYTES)
		abort();
	return SYNCBN_OK;
}

void
sbn_segment_ungrow(const struct sbn_segment *segment, uint64_t end)
{
	(void)segment, (void)end;
}

syncbn_status_t
sbn_extent_map(const struct sbn_segment *segment, uint64_t offset, uint64_t bytes,
	       struct sbn_extent *extent)
{
	(void)segment;
	*extent = (struct sbn_extent){ one.extents + offset, offset, bytes };
	return SYNCBN_OK;
}

syncbn_status_t
sbn_extent_claim(const struct sbn_segment *segment, const struct sbn_extent *extent,
		 uint64_t slice_offset, uint64_t slice_bytes, const struct sbn_nodes *nodes)
{
	(void)segment, (void)extent, (void)slice_offset, (void)slice_bytes, (void)nodes;
	return SYNCBN_OK;
}

void
sbn_extent_discard(const struct sbn_segment *segment, const struct sbn_extent *extent,
		   uint64_t slice_offset, uint64_t slice_bytes)
{
	(void)segment, (void)extent, (void)slice_offset, (void)slice_bytes;
}

void
sbn_extent_unmap(struct sbn_extent *extent)
{
	extent->base = NULL;
}

/* ---- a fault that the race detector must find ---- */

bool
sbn_plant_has_come(const struct sbn_running_call *running, uint32_t peer, uint32_t end)
{
	(void)running, (void)peer, (void)end;
	return true;
}

/* ---- ranks ---- */

/* What syncbn_init does for a process, here for a thread. */
static int
be_a_rank(int rank, void *argument)
{
	int (*const *body)(syncbn_group_t *) = argument;
	struct sbn_process process = {
		.place = { .n_cores = 1 },
		.join_timeout_ms = TIMEOUT_MS,
		.timeout_ms = TIMEOUT_MS,
	};
	syncbn_group_t *world;
	int code;

	this_rank = rank;
	if (sbn_kernels_choose("scalar", &process.kernels) != SYNCBN_OK ||
	    sbn_team_new(1, &process.place, &process.team) != SYNCBN_OK ||
	    sbn_group_join(&process, &world) != SYNCBN_OK)
		return 1;
	code = (*body)(world);
	sbn_group_close(world);
	sbn_team_free(process.team);
	return code;
}

int
run_ranks_as_threads(int n, int (*body)(syncbn_group_t *world))
{
	int failures;

	make_segment((uint32_t)n);
	failures = run_thread_ranks(n, be_a_rank, &body);
	free(one.extents);
	free(one.control.head);
	return failures;
}
