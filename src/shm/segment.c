/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching to the segment: what is behind the descriptor is believed after it has been checked. */
#include "shm/segment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/hash.h"
#include "shm/contract.h"
#include "shm/creator.h"

uint64_t
sbn_header_checksum(const struct sbn_segment_header *header)
{
	return sbn_hash(SBN_HASH_START, header, offsetof(struct sbn_segment_header, checksum));
}

syncbn_status_t
sbn_fail_setuid(void)
{
	return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
			"this program runs with more rights than its caller (setuid, setgid or "
			"file capabilities), and would take orders from the caller's environment: "
			"install it without them");
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
	if (stat.st_nlink != 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the segment has a name in the file system, by which others can "
				"reach it; syncbn-run's never has one");
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

/* A copy, as the words that are compared must be those that the checksum is of. */
static syncbn_status_t
read_header(const struct sbn_control *control, struct sbn_segment_header *header)
{
	/* C1 pairs with write_header() */
	if (atomic_load_explicit(&control->head->header.ready, memory_order_acquire) != 1)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the segment is not ready: its creator did not finish it");
	memcpy(header, &control->head->header, sizeof(*header));
	return SYNCBN_OK;
}

/* What another version of this library would write otherwise. */
static syncbn_status_t
check_version(const struct sbn_segment_header *header, const struct sbn_segment *segment)
{
	const struct {
		const char *what;
		uint64_t there, here;
	} words[] = {
		{ "magic", header->magic, SBN_MAGIC },
		{ "byte order", header->byte_order, SBN_BYTE_ORDER },
		{ "ABI version", header->abi, SBN_ABI },
		{ "pointer size", header->pointer_bytes, sizeof(void *) },
		{ "page size", header->page_bytes, segment->control.page_bytes },
		{ "feature set", header->features, 0 },
		{ "control extent's size", header->control_bytes, segment->control_bytes },
		{ "world size", header->world_size, segment->control.world_size },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].there != words[i].here)
			return differs(words[i].what, words[i].there, words[i].here);
	return SYNCBN_OK;
}

static syncbn_status_t
check_run(const struct sbn_segment_header *header, const uint64_t run_id[2])
{
	const struct sbn_creator creator = { header->creator_pid, header->creator_start_time,
					     header->creator_namespace };

	if (memcmp(header->run_id, run_id, sizeof(header->run_id)) != 0)
		return sbn_fail(SYNCBN_ERR_MISMATCH,
				"the segment belongs to another run than %s says", SBN_ENV_RUN_ID);
	if (header->checksum != sbn_header_checksum(header))
		return differs("checksum", header->checksum, sbn_header_checksum(header));
	if (sbn_creator_has_ended(&creator))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the segment is stale: its creator, process %" PRId32
				" with the start time %" PRIu64 ", has ended",
				creator.pid, creator.start_time);
	return SYNCBN_OK;
}

static syncbn_status_t
check_header(const struct sbn_segment *segment)
{
	struct sbn_segment_header header;
	syncbn_status_t status = read_header(&segment->control, &header);

	if (status == SYNCBN_OK)
		status = check_version(&header, segment);
	if (status == SYNCBN_OK)
		status = check_run(&header, segment->run_id);
	return status;
}

syncbn_status_t
sbn_segment_attach(int fd, const uint64_t run_id[2], uint32_t world_size,
		   struct sbn_segment *segment)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sbn_control_layout layout;
	syncbn_status_t status;
	void *memory;

	if (getauxval(AT_SECURE) != 0)
		return sbn_fail_setuid();
	sbn_control_layout(world_size, page, &layout);
	status = check_file(fd, layout.bytes);
	if (status != SYNCBN_OK)
		return status;
	memory = mmap(NULL, layout.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "mmap of the segment, %" PRIu64 " bytes",
				layout.bytes);
	*segment = (struct sbn_segment){ .fd = fd, .control_bytes = layout.bytes };
	memcpy(segment->run_id, run_id, sizeof(segment->run_id));
	sbn_control_over(memory, world_size, page, &segment->control);
	status = check_header(segment);
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
