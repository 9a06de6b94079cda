/* SPDX-License-Identifier: Apache-2.0 */
/* From the start of the program to the end of the last process of every rank's group. */
#ifndef SBN_LAUNCH_SUPERVISE_H
#define SBN_LAUNCH_SUPERVISE_H

#include "launch/job.h"

/*
 * Watches the ranks; stops everybody at the first failure; gives the launcher's exit code: 0, the
 * first failing rank's or 128 + signal. start_failure: 126 or 127 when a rank could not call exec;
 * the others are then ended at once. A failure of its own is said, and is 1.
 */
int sbn_supervise(struct sbn_job *job, int start_failure);

#endif
