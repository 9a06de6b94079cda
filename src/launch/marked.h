/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a run, wherever they have gone: each has the run's id in the environment that it was
 * started with (SYNCBN_RUN_ID), unless somebody took it out, and has inherited the segment's
 * descriptor, unless somebody closed it.
 */
#ifndef SBN_LAUNCH_MARKED_H
#define SBN_LAUNCH_MARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sbn_mark {
	char entry[64]; /* such as "SYNCBN_RUN_ID=0123"; "": there is no run yet */
	dev_t device;   /* the segment's file */
	ino_t inode;
};

/*
 * Kills those of a session: who has begun one of his own, as daemons do, means to stay. Returns how
 * many there were; 0 also where /proc is not ours.
 */
unsigned sbn_marked_kill(const struct sbn_mark *mark, pid_t session);

/* ---- pure ---- */

/* Whether an environment, strings that end with a zero each, has an entry. */
bool sbn_marked_has(const char *environment, size_t bytes, const char *entry);

#endif
