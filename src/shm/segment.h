/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment: one descriptor that the launcher creates and the ranks inherit. It begins as the
 * control extent; data extents are added behind it while the run lives.
 */
#ifndef SBN_SHM_SEGMENT_H
#define SBN_SHM_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "platform/nodes.h"
#include "shm/control.h"

struct sbn_segment {
	int fd;
	uint64_t control_bytes;
	struct sbn_control control;
	uint64_t run_id[2];
};

/*
 * By the launcher: makes the segment for world_size ranks, all of it reserved, without a name in
 * /dev/shm, or with a random one that is gone again when this returns; a memfd where there is no
 * /dev/shm or little room in it. The descriptor is close-on-exec; spawning clears that in the
 * child. homes: [world_size], the nodes that each rank's own words are to lie on while these have
 * room; NULL, or a system that refuses: wherever the caller runs. UNSUPPORTED in a setuid program.
 */
syncbn_status_t sbn_segment_create(uint32_t world_size, const struct sbn_nodes *homes,
				   struct sbn_segment *segment);

/*
 * By a rank: maps the segment behind an inherited descriptor and verifies owner, mode, size, that
 * it has no name, every field of the header, and that its creator lives; run_id as the launcher's
 * environment gives it. Names what does not match. The descriptor becomes the segment's own,
 * close-on-exec. UNSUPPORTED in a setuid program.
 */
syncbn_status_t sbn_segment_attach(int fd, const uint64_t run_id[2], uint32_t world_size,
				   struct sbn_segment *segment);

/* Of all fields before the checksum. */
uint64_t sbn_header_checksum(const struct sbn_segment_header *header);

/* The refusal to work in a program that has more rights than whoever set its environment. */
syncbn_status_t sbn_fail_setuid(void);

/* Takes memory for a stretch of the file, so that touching it cannot fail. 0, or an errno. */
int sbn_reserve(int fd, uint64_t offset, uint64_t bytes);

/* Unmaps the control extent and closes the descriptor. */
void sbn_segment_close(struct sbn_segment *segment);

/* A data extent, mapped. */
struct sbn_extent {
	unsigned char *base;
	uint64_t offset; /* in the segment */
	uint64_t bytes;
};

/*
 * By one rank: grows the segment by `bytes` (a multiple of the page) and gives the offset of the
 * new extent. Only the last page, which nobody uses, is reserved.
 */
syncbn_status_t sbn_segment_grow(const struct sbn_segment *segment, uint64_t bytes,
				 uint64_t *offset);

/* Gives back what growing has reserved, where the extent that ends here is not to be used. */
void sbn_segment_ungrow(const struct sbn_segment *segment, uint64_t end);

/*
 * By every rank: maps an extent that has been grown. offset comes from another process: MISMATCH
 * where no extent can be, outside the file for one, whose memory would be deadly to touch.
 */
syncbn_status_t sbn_extent_map(const struct sbn_segment *segment, uint64_t offset, uint64_t bytes,
			       struct sbn_extent *extent);

/*
 * By the owner of a slice: sets its policy, then reserves it (the other order cannot be repaired).
 * nodes: NULL leaves the place to the first touch. NO_MEMORY says what is needed and what is there.
 */
syncbn_status_t sbn_extent_claim(const struct sbn_segment *segment, const struct sbn_extent *extent,
				 uint64_t slice_offset, uint64_t slice_bytes,
				 const struct sbn_nodes *nodes);

/* Gives the memory of a slice back to the system. Nobody may use it any more. */
void sbn_extent_discard(const struct sbn_segment *segment, const struct sbn_extent *extent,
			uint64_t slice_offset, uint64_t slice_bytes);

void sbn_extent_unmap(struct sbn_extent *extent);

#endif
