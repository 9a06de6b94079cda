/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How adopted ranks come by one segment. Rank 0 makes it and hands its descriptor to the others
 * over a socket whose abstract name follows from the job's. Such a name ends with the process that
 * holds it, so it can neither be left behind nor be found stale; and each side asks the kernel
 * whose process the other is.
 */
#ifndef SBN_LAUNCH_MEET_H
#define SBN_LAUNCH_MEET_H

#include <stdint.h>

#include <syncbn/status.h>

#include "launch/adopt.h"

struct sbn_meeting {
	int segment_fd; /* close-on-exec */
	uint64_t run_id[2];
	uint16_t master_port;
};

/*
 * Collective over the job's ranks. TIMEOUT: somebody has not come in timeout_s seconds. MISMATCH:
 * a rank of another size or version came. INVALID: another user has taken the name.
 */
syncbn_status_t sbn_meet(const struct sbn_adoption *adoption, double timeout_s,
			 struct sbn_meeting *meeting);

#endif
