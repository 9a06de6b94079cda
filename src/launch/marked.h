/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a run, wherever they have gone: each has the run's id in the environment that it was
 * started with (SYNCBN_RUN_ID), unless somebody took it out.
 */
#ifndef SBN_LAUNCH_MARKED_H
#define SBN_LAUNCH_MARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Kills those of a session: who has begun one of his own, as daemons do, means to stay. mark:
 * such as "SYNCBN_RUN_ID=0123". Returns how many there were; 0 also where /proc is not ours.
 */
unsigned sbn_marked_kill(const char *mark, pid_t session);

/* ---- pure ---- */

/* Whether an environment, strings that end with a zero each, has an entry. */
bool sbn_marked_has(const char *environment, size_t bytes, const char *entry);

#endif
