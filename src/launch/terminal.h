/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --stdin 0 on a terminal: rank 0's group is in the foreground while it runs, as a shell does it
 * with a job, so that the rank may read and Ctrl-C and Ctrl-Z are its own.
 */
#ifndef SBN_LAUNCH_TERMINAL_H
#define SBN_LAUNCH_TERMINAL_H

#include "launch/job.h"

/* Before rank 0 calls exec, and whenever we are in the foreground again. */
void sbn_terminal_give(struct sbn_job *job);

/* Takes it back, if it was given. */
void sbn_terminal_take(struct sbn_job *job);

/* Whether rank 0, to which the terminal was given, has been stopped from there. */
bool sbn_terminal_stopped(const struct sbn_job *job);

#endif
