/* SPDX-License-Identifier: Apache-2.0 */
/* Creating and attaching the control extent. */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/hash.h"
#include "shm/contract.h"

static size_t
page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Clock ticks from boot to this process's start: tells it from a later one with the same pid. */
static uint64_t
own_start_time(void)
{
	char text[1024];
	uint64_t start = 0;
	FILE *stat = fopen("/proc/self/stat", "re");
	const char *after_name;

	if (stat == NULL)
		return 0;
	/* the name, in brackets, may hold anything; the start time is the 20th field after it */
	if (fgets(text, sizeof(text), stat) != NULL && (after_name = strrchr(text, ')')) != NULL)
		sscanf(after_name + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
		       " %*d %*d %" SCNu64,
		       &start);
	fclose(stat);
	return start;
}

static uint64_t
header_checksum(const struct sbn_segment_header *header)
{
	return sbn_hash(SBN_HASH_START, header, offsetof(struct sbn_segment_header, checksum));
}

static void
write_header(struct sbn_segment *segment, uint32_t world_size)
{
	struct sbn_segment_header *header = &segment->control.head->header;

	header->magic = SBN_MAGIC;
	header->abi = SBN_ABI;
	header->byte_order = SBN_BYTE_ORDER;
	header->pointer_bytes = sizeof(void *);
	header->page_bytes = (uint32_t)page_bytes();
	header->world_size = world_size;
	header->creator_pid = getpid();
	header->creator_start_time = own_start_time();
	header->control_bytes = segment->control_bytes;
	memcpy(header->run_id, segment->run_id, sizeof(header->run_id));
	header->features = 0;
	header->checksum = header_checksum(header);
	/* relaxed: C1 below publishes it */
	atomic_store_explicit(&segment->control.head->extents_end, segment->control_bytes,
			      memory_order_relaxed);
	/* C1 pairs with check_header() */
	atomic_store_explicit(&header->ready, 1, memory_order_release);
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

/* -1 and errno. */
static int
open_unnamed_shm(uint64_t bytes)
{
	int fd = open_nameless();
	int error;

	if (fd < 0)
		return -1;
	error = sbn_reserve(fd, 0, bytes);
	if (error != 0) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int
open_memfd(uint64_t bytes)
{
	int fd = memfd_create("syncbn", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -1;
	error = sbn_reserve(fd, 0, bytes);
	if (error == 0 && fchmod(fd, 0600) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0)
		return fd;
	close(fd);
	if (error != 0)
		errno = error;
	return -1;
}

syncbn_status_t
sbn_segment_create(uint32_t world_size, struct sbn_segment *segment)
{
	struct sbn_control_layout layout;
	void *memory;

	sbn_control_layout(world_size, page_bytes(), &layout);
	*segment = (struct sbn_segment){ .control_bytes = layout.bytes };
	if (getrandom(segment->run_id, sizeof(segment->run_id), 0) != sizeof(segment->run_id))
		return sbn_fail(SYNCBN_ERR_SYSTEM, "getrandom");
	segment->fd = open_unnamed_shm(layout.bytes);
	if (segment->fd < 0)
		segment->fd = open_memfd(layout.bytes);
	if (segment->fd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"shared memory: no room for %" PRIu64
				" bytes in /dev/shm (in Docker: --shm-size), "
				"and memfd_create failed",
				layout.bytes);
	memory = mmap(NULL, layout.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
	if (memory == MAP_FAILED) {
		close(segment->fd);
		return sbn_fail(SYNCBN_ERR_SYSTEM, "mmap of the segment, %" PRIu64 " bytes",
				layout.bytes);
	}
	sbn_control_over(memory, world_size, page_bytes(), &segment->control);
	write_header(segment, world_size);
	return SYNCBN_OK;
}

static syncbn_status_t
check_file(int fd, uint64_t control_bytes)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"%s=%d: the launcher's segment is not open here; do not close "
				"inherited descriptors",
				SBN_ENV_SEGMENT_FD, fd);
	if (!S_ISREG(stat.st_mode))
		return sbn_fail(SYNCBN_ERR_INVALID, "%s=%d is no shared memory", SBN_ENV_SEGMENT_FD,
				fd);
	if (stat.st_uid != geteuid())
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the segment belongs to user %u, this process is user %u",
				(unsigned)stat.st_uid, (unsigned)geteuid());
	if ((stat.st_mode & 0777) != 0600)
		return sbn_fail(SYNCBN_ERR_INVALID, "the segment has mode %03o instead of 600",
				(unsigned)stat.st_mode & 0777);
	if ((uint64_t)stat.st_size < control_bytes)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the segment has %lld bytes instead of %" PRIu64 " or more",
				(long long)stat.st_size, control_bytes);
	return SYNCBN_OK;
}

static syncbn_status_t
differs(const char *what, uint64_t there, uint64_t here)
{
	return sbn_fail(SYNCBN_ERR_MISMATCH,
			"the segment's %s is %#" PRIx64 ", this library's %#" PRIx64
			": use the syncbn-run that came with it",
			what, there, here);
}

static syncbn_status_t
check_header(const struct sbn_segment_header *header, const uint64_t run_id[2], uint32_t world_size,
	     uint64_t control_bytes)
{
	/* C1 pairs with write_header() */
	if (atomic_load_explicit(&header->ready, memory_order_acquire) != 1)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the segment is not ready: its creator did not finish it");
	if (header->magic != SBN_MAGIC)
		return differs("magic", header->magic, SBN_MAGIC);
	if (header->byte_order != SBN_BYTE_ORDER)
		return differs("byte order", header->byte_order, SBN_BYTE_ORDER);
	if (header->abi != SBN_ABI)
		return differs("ABI version", header->abi, SBN_ABI);
	if (header->pointer_bytes != sizeof(void *))
		return differs("pointer size", header->pointer_bytes, sizeof(void *));
	if (header->page_bytes != page_bytes())
		return differs("page size", header->page_bytes, page_bytes());
	if (header->features != 0)
		return differs("feature set", header->features, 0);
	if (header->control_bytes != control_bytes)
		return differs("control extent's size", header->control_bytes, control_bytes);
	if (header->world_size != world_size)
		return differs("world size", header->world_size, world_size);
	if (memcmp(header->run_id, run_id, sizeof(header->run_id)) != 0)
		return sbn_fail(SYNCBN_ERR_MISMATCH,
				"the segment belongs to another run than %s says", SBN_ENV_RUN_ID);
	if (header->checksum != header_checksum(header))
		return differs("checksum", header->checksum, header_checksum(header));
	return SYNCBN_OK;
}

syncbn_status_t
sbn_segment_attach(int fd, const uint64_t run_id[2], uint32_t world_size,
		   struct sbn_segment *segment)
{
	struct sbn_control_layout layout;
	syncbn_status_t status;
	void *memory;

	sbn_control_layout(world_size, page_bytes(), &layout);
	status = check_file(fd, layout.bytes);
	if (status != SYNCBN_OK)
		return status;
	memory = mmap(NULL, layout.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "mmap of the segment, %" PRIu64 " bytes",
				layout.bytes);
	*segment = (struct sbn_segment){ .fd = fd, .control_bytes = layout.bytes };
	memcpy(segment->run_id, run_id, sizeof(segment->run_id));
	sbn_control_over(memory, world_size, page_bytes(), &segment->control);
	status = check_header(&segment->control.head->header, run_id, world_size, layout.bytes);
	if (status == SYNCBN_OK && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		status = sbn_fail(SYNCBN_ERR_SYSTEM, "fcntl on the segment");
	if (status != SYNCBN_OK)
		munmap(memory, layout.bytes);
	return status;
}

void
sbn_segment_close(struct sbn_segment *segment)
{
	munmap(segment->control.head, segment->control_bytes);
	close(segment->fd);
	segment->fd = -1;
}
