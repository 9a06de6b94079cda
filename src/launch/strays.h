/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that a rank left behind in a group of their own (timeout, shells with job control).
 * When their parents have ended they are the launcher's children, since it is a subreaper. Those
 * in a session of their own are daemons, and nobody's to end.
 */
#ifndef SBN_LAUNCH_STRAYS_H
#define SBN_LAUNCH_STRAYS_H

#include "launch/job.h"

/* Sends a signal (0: none) to the strays; gives their number. Call it when all ranks have ended. */
unsigned sbn_strays_signal(const struct sbn_job *job, int number);

#endif
