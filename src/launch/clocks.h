/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ranks' deadlines and the launcher's own patience stand still while nobody can be blamed: the
 * launcher itself was stopped (Ctrl-Z) and the ranks with it, a debugger holds a rank, or the
 * launcher looks at the ranks' stacks. A rank that somebody else has stopped is late like any
 * other.
 */
#ifndef SBN_LAUNCH_CLOCKS_H
#define SBN_LAUNCH_CLOCKS_H

#include "launch/job.h"

struct sbn_clocks {
	bool suspended;        /* by a stop that the launcher forwarded */
	bool debugged;         /* by a debugger */
	uint64_t resumed_ns;   /* when they went on; waits count from there */
	uint64_t next_look_ns; /* for debuggers */
};

enum { SBN_CLOCKS_LOOK_MS = 250 };

/* False: they stood still for that reason already. */
bool sbn_clocks_suspend(struct sbn_clocks *clocks, const struct sbn_job *job);
void sbn_clocks_resume(struct sbn_clocks *clocks, const struct sbn_job *job);

/* Around what stops ranks for a moment. */
void sbn_clocks_hold(const struct sbn_job *job);
void sbn_clocks_release(struct sbn_clocks *clocks, const struct sbn_job *job);

/* Looks for debuggers, if it is time to and a rank waits, as nothing else tells of them. */
void sbn_clocks_look(struct sbn_clocks *clocks, const struct sbn_job *job);

/* Whether they stand still. */
static inline bool
sbn_clocks_paused(const struct sbn_clocks *clocks)
{
	return clocks->suspended || clocks->debugged;
}

#endif
