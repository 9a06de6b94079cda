/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the ranks in two steps: nobody runs the program before everybody is bound. */
#ifndef SBN_LAUNCH_SPAWN_H
#define SBN_LAUNCH_SPAWN_H

#include "launch/job.h"

/*
 * Forks and binds all ranks; they wait for sbn_spawn_release. On failure none is left. Call it
 * from the main thread: a rank ends with the thread that forked it. Sets job->memory_refused.
 */
syncbn_status_t sbn_spawn_ranks(struct sbn_job *job, int *go_fd);

/*
 * Lets the ranks call exec and closes go_fd. *exit_code: 0, or 126 (the program was found but
 * cannot be executed) or 127 (not found) with the reason as the last error; ranks may run all the
 * same.
 */
void sbn_spawn_release(struct sbn_job *job, int go_fd, int *exit_code);

/* Ends the ranks instead; none has called exec. */
void sbn_spawn_cancel(struct sbn_job *job, int go_fd);

#endif
