/* SPDX-License-Identifier: Apache-2.0 */
/* Data extents: growing the segment, mapping it, claiming a slice. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/math.h"
#include "platform/alloc.h"
#include "platform/mempolicy.h"
#include "shm/segment.h"

/* Extents from here on begin at a huge page, in the file and in memory. */
enum { LARGE_BYTES = 2 * SBN_HUGE_PAGE };

static uint64_t
alignment_of(uint64_t bytes, uint64_t page)
{
	return bytes >= LARGE_BYTES ? SBN_HUGE_PAGE : page;
}

/*
 * Whether so many bytes can be had at all: a reservation would take all that is free first, which a
 * file system as large as the machine's memory can ill afford.
 */
static bool
may_have(const struct sbn_segment *segment, uint64_t bytes)
{
	struct statvfs room = { 0 };

	return fstatvfs(segment->fd, &room) != 0 || room.f_blocks == 0 ||
	       bytes <= (uint64_t)room.f_bavail * room.f_frsize;
}

static syncbn_status_t
no_room(const struct sbn_segment *segment, int error, uint64_t needed)
{
	struct statvfs room = { 0 };

	fstatvfs(segment->fd, &room);
	errno = error;
	if (room.f_blocks == 0) /* a memfd: what limits it is elsewhere */
		return sbn_fail(SYNCBN_ERR_NO_MEMORY,
				"shared memory: %" PRIu64 " more bytes are needed, and the system "
				"gives none; look at ulimit -f and at the container's memory limit",
				needed);
	return sbn_fail(SYNCBN_ERR_NO_MEMORY,
			"shared memory: %" PRIu64 " more bytes are needed and %" PRIu64
			" are free there; make /dev/shm larger (in Docker: --shm-size)",
			needed, (uint64_t)room.f_bavail * room.f_frsize);
}

int
sbn_reserve(int fd, uint64_t offset, uint64_t bytes)
{
	enum { PIECE = 4 * 1024 * 1024 };
	struct rlimit limit;
	int error = 0;

	/* beyond it the system would not answer but send SIGXFSZ */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    offset + bytes > limit.rlim_cur)
		return EFBIG;

	/* a signal undoes the piece that it interrupts: the program's timers must not undo all */
	for (uint64_t at = 0; at < bytes && error == 0; at += PIECE) {
		uint64_t piece = SBN_MIN(bytes - at, (uint64_t)PIECE);

		do {
			error = posix_fallocate(fd, (off_t)(offset + at), (off_t)piece);
		} while (error == EINTR);
	}
	return error;
}

/* Takes back a growth that failed, unless somebody has grown the segment since. */
static void
shrink(const struct sbn_segment *segment, uint64_t begin, uint64_t end)
{
	/* relaxed: as in sbn_segment_grow() */
	atomic_compare_exchange_strong_explicit(&segment->control.head->extents_end, &end, begin,
						memory_order_relaxed, memory_order_relaxed);
}

/* The word in the segment is anybody's to overwrite: behind the control extent, on a page. */
static bool
may_begin_at(const struct sbn_segment *segment, uint64_t offset)
{
	return offset >= segment->control_bytes && offset % segment->control.page_bytes == 0;
}

static syncbn_status_t
fail_place(uint64_t offset)
{
	return sbn_fail(SYNCBN_ERR_MISMATCH,
			"shared memory: no extent can be at %#" PRIx64
			": a process has overwritten what is not its own",
			offset);
}

syncbn_status_t
sbn_segment_grow(const struct sbn_segment *segment, uint64_t bytes, uint64_t *offset)
{
	uint64_t page = segment->control.page_bytes;
	uint64_t align = alignment_of(bytes, page), room = bytes + align - page;
	/* relaxed: the sum is all that matters; peers learn the offset through the ring */
	uint64_t begin = atomic_fetch_add_explicit(&segment->control.head->extents_end, room,
						   memory_order_relaxed);
	uint64_t first = sbn_align_up(begin, align); /* before it nothing is reserved */
	int error = EFBIG;

	if (!may_begin_at(segment, begin))
		return fail_place(begin);
	/* reserving the guard page grows the file and, unlike ftruncate, can never shrink it */
	if (begin <= INT64_MAX && room <= INT64_MAX - begin)
		error = sbn_reserve(segment->fd, first + bytes - page, page);
	if (error != 0) {
		shrink(segment, begin, begin + room);
		return no_room(segment, error, bytes);
	}
	*offset = first;
	return SYNCBN_OK;
}

/* Addresses for so many bytes, as aligned as the file is there; NULL: wherever the system wants. */
static void *
find_addresses(uint64_t bytes, uint64_t align, uint64_t page)
{
	uint64_t room = bytes + align - page, before;
	unsigned char *base;

	if (align == page)
		return NULL;
	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	before = sbn_align_up((uintptr_t)base, align) - (uintptr_t)base;
	if (before > 0)
		munmap(base, before);
	if (room - before > bytes)
		munmap(base + before + bytes, room - before - bytes);
	return base + before;
}

/* place: addresses that were kept for it, or NULL. */
static syncbn_status_t
fail_to_map(void *place, uint64_t bytes)
{
	const int error = errno;

	if (place != NULL)
		munmap(place, bytes);
	errno = error;
	return sbn_fail(error == ENOMEM ? SYNCBN_ERR_NO_MEMORY : SYNCBN_ERR_SYSTEM,
			"shared memory: %" PRIu64 " bytes cannot be mapped; ask for less, "
			"or look at ulimit -v",
			bytes);
}

syncbn_status_t
sbn_extent_map(const struct sbn_segment *segment, uint64_t offset, uint64_t bytes,
	       struct sbn_extent *extent)
{
	uint64_t page = segment->control.page_bytes;
	struct stat file;
	void *place, *base;

	if (fstat(segment->fd, &file) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "fstat of the segment");
	if (!may_begin_at(segment, offset) || bytes > (uint64_t)file.st_size ||
	    offset > (uint64_t)file.st_size - bytes)
		return fail_place(offset);
	place = find_addresses(bytes, alignment_of(bytes, page), page);
	base = mmap(place, bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | (place == NULL ? 0 : MAP_FIXED), segment->fd, (off_t)offset);
	if (base == MAP_FAILED)
		return fail_to_map(place, bytes);
	*extent = (struct sbn_extent){ .base = base, .offset = offset, .bytes = bytes };
	return SYNCBN_OK;
}

/*
 * Asks for huge pages, and for all of them now: a reservation by the file alone gives small ones
 * where /dev/shm is mounted with huge=advise. What fails here the reservation makes good, or tells.
 */
static void
ask_for_huge_pages(unsigned char *slice, uint64_t bytes)
{
	if (bytes < SBN_HUGE_PAGE || madvise(slice, bytes, MADV_HUGEPAGE) != 0)
		return;
#ifdef MADV_POPULATE_WRITE
	(void)!madvise(slice, bytes, MADV_POPULATE_WRITE);
#endif
}

syncbn_status_t
sbn_extent_claim(const struct sbn_segment *segment, const struct sbn_extent *extent,
		 uint64_t slice_offset, uint64_t slice_bytes, const struct sbn_nodes *nodes)
{
	int error;

	if (!may_have(segment, slice_bytes))
		return no_room(segment, ENOSPC, slice_bytes);
	if (nodes != NULL && !sbn_nodes_empty(nodes) &&
	    !sbn_memory_prefer(extent->base + slice_offset, slice_bytes, nodes))
		sbn_log("the system refuses memory policies here: first touch decides");
	if (extent->bytes >= LARGE_BYTES)
		ask_for_huge_pages(extent->base + slice_offset, slice_bytes);
	error = sbn_reserve(segment->fd, extent->offset + slice_offset, slice_bytes);
	return error == 0 ? SYNCBN_OK : no_room(segment, error, slice_bytes);
}

static void
discard(const struct sbn_segment *segment, uint64_t offset, uint64_t bytes)
{
	/* a failure keeps the memory until the run ends, which harms nobody */
	(void)!fallocate(segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			 (off_t)bytes);
}

void
sbn_segment_ungrow(const struct sbn_segment *segment, uint64_t end)
{
	uint64_t page = segment->control.page_bytes;

	discard(segment, end - page, page);
}

void
sbn_extent_discard(const struct sbn_segment *segment, const struct sbn_extent *extent,
		   uint64_t slice_offset, uint64_t slice_bytes)
{
	discard(segment, extent->offset + slice_offset, slice_bytes);
}

void
sbn_extent_unmap(struct sbn_extent *extent)
{
	munmap(extent->base, extent->bytes);
	extent->base = NULL;
}
