/* SPDX-License-Identifier: Apache-2.0 */
/* A run under supervision, and what the files that supervise it do to it. */
#ifndef SBN_LAUNCH_SUPERVISOR_H
#define SBN_LAUNCH_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "launch/clocks.h"
#include "launch/failure.h"
#include "launch/hang.h"
#include "launch/job.h"
#include "launch/notice.h"

/* A run goes through these in order; it may skip some. */
enum sbn_phase {
	SBN_RUNNING,
	SBN_LEAVING,     /* a rank failed, its peers may leave by themselves */
	SBN_TERMINATING, /* SIGTERM has been sent */
	SBN_KILLING,     /* SIGKILL has been sent */
	SBN_DRAINING,    /* all processes have ended, their output is being written */
	SBN_OVER
};

struct sbn_supervisor {
	struct sbn_job *job;
	int epoll_fd;
	enum sbn_phase phase;
	uint64_t deadline_ns; /* when the phase ends by itself; 0: never */
	bool joins_to_come;   /* of ranks that run */
	bool unwanted;        /* a signal asked for the end: not to be started again */
	struct sbn_failure failure;
	struct sbn_clocks clocks;
	struct sbn_notice notice;
	struct sbn_hang hang;
};

/* ---- phases.c ---- */

/* at_most_ns: until the phase ends by itself; 0: never. */
void sbn_phase_enter(struct sbn_supervisor *s, enum sbn_phase phase, uint64_t at_most_ns);

/* The first failure: peers may see it, say so and end by themselves. */
void sbn_phase_leave(struct sbn_supervisor *s);

/* SIGTERM to all ranks' groups, and after the grace SIGKILL; or SIGKILL now. */
void sbn_phase_terminate(struct sbn_supervisor *s);
void sbn_phase_kill(struct sbn_supervisor *s);

/* The launcher itself cannot go on: says it, if it is the first failure, and ends the ranks. */
void sbn_phase_fail_own(struct sbn_supervisor *s, const char *what, const char *why);

/* The next phase, if it is time for it. */
void sbn_phase_advance(struct sbn_supervisor *s);

/* ---- answers.c ---- */

/* Answers the signals that have come to the launcher. */
void sbn_answer_signals(struct sbn_supervisor *s);

#endif
