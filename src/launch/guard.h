/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard: a process that outlives a SIGKILL of the launcher for as long as it takes to kill the
 * ranks' process groups. The kernel's parent-death signal reaches the ranks only; a shell that is a
 * rank has children of its own.
 *
 * Processes that have moved to other groups are found by their marks (launch/marked.h).
 *
 * It sleeps on a pipe whose write end the launcher alone holds for long: children hold a copy from
 * fork to exec. A rank enters its group in the shared list before it calls exec. So at the pipe's
 * end of file every group that can hold more than its rank is on the list.
 */
#ifndef SBN_LAUNCH_GUARD_H
#define SBN_LAUNCH_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

#include "launch/marked.h"

struct sbn_guard {
	pid_t pid;
	int hold_fd; /* its end of file is the launcher's end */
	struct sbn_guarded *shared;
	uint32_t n_ranks;
};

/* What launcher, ranks and guard share. */
struct sbn_guarded {
	struct sbn_mark mark;     /* before the first rank */
	_Atomic uint32_t orderly; /* the launcher has seen to everything */
	_Atomic int32_t groups[]; /* [n_ranks] 0: nothing to kill */
};

/* Starts the guard. Call it first: it keeps nothing that the launcher opens later. */
syncbn_status_t sbn_guard_start(uint32_t n_ranks, struct sbn_guard *guard);

/* How the processes of the run can be known; before the first rank is forked. */
void sbn_guard_mark(const struct sbn_guard *guard, const struct sbn_mark *mark);

/* By the rank's process, before it calls exec. */
void sbn_guard_add(const struct sbn_guard *guard, uint32_t rank, pid_t process_group);

/* By the launcher, once the group is empty and its number may become somebody else's. */
void sbn_guard_forget(const struct sbn_guard *guard, uint32_t rank);

/*
 * Ends the guard; groups that are still on the list are killed, and, unless it is an orderly end,
 * what has the run's marks.
 */
void sbn_guard_end(struct sbn_guard *guard, bool orderly);

#endif
