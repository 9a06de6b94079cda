/* SPDX-License-Identifier: Apache-2.0 */
/* Making the segment: where its memory comes from, and what its header says. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/mempolicy.h"
#include "shm/contract.h"
#include "shm/creator.h"
#include "shm/segment.h"

/*
 * Free room for rings and arenas, beside the control extent, below which /dev/shm is too small: a
 * memfd takes its place, which has no limit but the system's memory. All of Docker's default size.
 */
#define ROOM_FOR_EXTENTS (UINT64_C(64) << 20)

/* What is to be made. */
struct wish {
	struct sbn_control_layout layout;
	uint32_t world_size;
	const struct sbn_nodes *homes;
};

static void
write_header(struct sbn_segment *segment, uint32_t world_size)
{
	struct sbn_segment_header *header = &segment->control.head->header;
	const struct sbn_creator creator = sbn_creator_self();

	header->magic = SBN_MAGIC;
	header->abi = SBN_ABI;
	header->byte_order = SBN_BYTE_ORDER;
	header->pointer_bytes = sizeof(void *);
	header->page_bytes = segment->control.page_bytes;
	header->world_size = world_size;
	header->creator_pid = creator.pid;
	header->creator_start_time = creator.start_time;
	header->creator_namespace = creator.pid_space;
	header->control_bytes = segment->control_bytes;
	memcpy(header->run_id, segment->run_id, sizeof(header->run_id));
	header->features = 0;
	header->checksum = sbn_header_checksum(header);
	/* relaxed: C1 below publishes it */
	atomic_store_explicit(&segment->control.head->extents_end, segment->control_bytes,
			      memory_order_relaxed);
	/* C1 pairs with read_header() */
	atomic_store_explicit(&header->ready, 1, memory_order_release);
}

/* Free bytes in /dev/shm; UINT64_MAX: it has no limit, 0: there is none. */
static uint64_t
room_in_shm(void)
{
	struct statvfs room;

	if (statvfs("/dev/shm", &room) != 0)
		return 0;
	return room.f_blocks == 0 ? UINT64_MAX : (uint64_t)room.f_bavail * room.f_frsize;
}

/* A file in /dev/shm that never has a name; else one with a random name that is at once undone. */
static int
open_nameless(void)
{
	uint64_t random[2];
	char digits[33], name[64];
	int fd = open("/dev/shm", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -1;
	sbn_contract_format_run_id(random, digits);
	snprintf(name, sizeof(name), "/syncbn-%s", digits);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		shm_unlink(name);
	return fd;
}

/* Nobody can cut a sealed memfd short under a rank that uses it, nor seal it further. */
static int
open_memfd(void)
{
	int fd = memfd_create("syncbn", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The file keeps the policy when the mapping goes. What cannot be had is done without. */
static void
choose_nodes(int fd, const struct wish *wish)
{
	unsigned char *memory;

	if (wish->homes == NULL)
		return;
	memory = mmap(NULL, wish->layout.bytes, PROT_NONE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return;
	for (uint32_t rank = 0; rank < wish->world_size; rank++)
		if (!sbn_memory_prefer(memory + wish->layout.rank_offset +
					       rank * wish->layout.rank_stride,
				       wish->layout.rank_stride, &wish->homes[rank]))
			break;
	munmap(memory, wish->layout.bytes);
}

/* Gives the file what both kinds need; -1 and errno. */
static int
prepared(int fd, const struct wish *wish)
{
	int error;

	if (fd < 0)
		return -1;
	choose_nodes(fd, wish);
	/* whatever the umask has left of it */
	error = fchmod(fd, 0600) != 0 ? errno : sbn_reserve(fd, 0, wish->layout.bytes);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/* /dev/shm where it is roomy, else a memfd, else what there is. */
static int
open_memory(const struct wish *wish)
{
	bool roomy = room_in_shm() >= wish->layout.bytes + ROOM_FOR_EXTENTS;
	int fd = roomy ? prepared(open_nameless(), wish) : -1;

	if (fd < 0)
		fd = prepared(open_memfd(), wish);
	if (fd < 0 && !roomy)
		fd = prepared(open_nameless(), wish);
	return fd;
}

static syncbn_status_t
fail_open(uint64_t bytes)
{
	return sbn_fail(SYNCBN_ERR_SYSTEM,
			"shared memory: %" PRIu64 " bytes are needed, %" PRIu64
			" are free in /dev/shm (in Docker: --shm-size), and memfd_create failed",
			bytes, room_in_shm());
}

syncbn_status_t
sbn_segment_create(uint32_t world_size, const struct sbn_nodes *homes, struct sbn_segment *segment)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct wish wish = { .world_size = world_size, .homes = homes };
	uint64_t bytes;
	void *memory;

	if (getauxval(AT_SECURE) != 0)
		return sbn_fail_setuid();
	sbn_control_layout(world_size, page, &wish.layout);
	bytes = wish.layout.bytes;
	*segment = (struct sbn_segment){ .control_bytes = bytes };
	if (getrandom(segment->run_id, sizeof(segment->run_id), 0) != sizeof(segment->run_id))
		return sbn_fail(SYNCBN_ERR_SYSTEM, "getrandom");
	segment->fd = open_memory(&wish);
	if (segment->fd < 0)
		return fail_open(bytes);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
	if (memory == MAP_FAILED) {
		close(segment->fd);
		return sbn_fail(SYNCBN_ERR_SYSTEM, "mmap of the segment, %" PRIu64 " bytes", bytes);
	}
	sbn_control_over(memory, world_size, page, &segment->control);
	write_header(segment, world_size);
	return SYNCBN_OK;
}
