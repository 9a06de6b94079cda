/* SPDX-License-Identifier: Apache-2.0 */
/* From the start of the program to the end of the last process of every rank's group. */
#ifndef SBN_LAUNCH_SUPERVISE_H
#define SBN_LAUNCH_SUPERVISE_H

#include <stdbool.h>

#include "launch/failure.h"
#include "launch/job.h"

/* What a start of the ranks came to. */
struct sbn_outcome {
	int exit_code;                 /* 0, the first failing rank's, 128 + signal, or 1 */
	bool again;                    /* a rank failed: another start may go better */
	char reason[SBN_FAILURE_TEXT]; /* with `again`: who failed and how */
};

/*
 * Watches the ranks and stops everybody at the first failure. start_failure: 126 or 127 when a rank
 * could not call exec; the others are then ended at once. A failure of its own is said, and is 1.
 */
struct sbn_outcome sbn_supervise(struct sbn_job *job, int start_failure);

#endif
