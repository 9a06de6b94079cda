/* SPDX-License-Identifier: Apache-2.0 */
/* A run: its rank processes and what they share. */
#ifndef SBN_LAUNCH_JOB_H
#define SBN_LAUNCH_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launch/allocator.h"
#include "launch/guard.h"
#include "launch/input.h"
#include "launch/member.h"
#include "launch/oom.h"
#include "launch/options.h"
#include "launch/output.h"
#include "launch/plan.h"
#include "platform/topology.h"
#include "shm/segment.h"

struct sbn_process {
	pid_t pid; /* also the number of its process group */
	int pidfd;
	int report_fd; /* from fork to exec: what the child has to say; else -1 */
	bool running;
	bool reaped;      /* its status has been taken already; sbn_job_reap tells of it */
	bool group_lives; /* some process may be in the group; else its number is not ours */
	int wait_status;  /* once it has ended */
	long peak_kib;    /* the most memory it had, then */
	enum sbn_oom_kill oom;
	struct sbn_member member;
};

struct sbn_job {
	const struct sbn_options *options;
	const struct sbn_topology *topology;
	const struct sbn_plan *plan;
	const struct sbn_allocator *allocator;
	unsigned restarts; /* how often the ranks were started before */
	int signal_fd;
	struct sbn_guard guard;
	struct sbn_output output;
	struct sbn_input input;
	bool terminal_given; /* to rank 0 */
	struct sbn_segment segment;
	struct sbn_oom oom;
	struct sbn_process *process; /* [n_ranks] */
	uint32_t n_ranks;
	uint32_t n_running;
	enum sbn_memory memory; /* the worst that became of the ranks' wishes */
};

/*
 * Makes what the ranks will share: signals, guard, output, input, segment, in this order, so that
 * the guard keeps none of the others. Starts no rank. restarts: how often they were started before.
 */
syncbn_status_t sbn_job_open(const struct sbn_options *options, const struct sbn_topology *topology,
			     const struct sbn_plan *plan, unsigned restarts, struct sbn_job *job);

/* Frees it all. Ranks that still run are killed. */
void sbn_job_close(struct sbn_job *job);

/* To every living rank's whole group, or to the living ranks themselves. */
void sbn_job_signal_groups(const struct sbn_job *job, int number);
void sbn_job_signal_ranks(const struct sbn_job *job, int number);

/*
 * The process that has joined as the rank, which a wrapper, the launcher's child, may have started;
 * 0: the rank has ended.
 */
static inline pid_t
sbn_process_joined(const struct sbn_process *process)
{
	if (!process->running)
		return 0;
	return process->member.state == SBN_MEMBER_WATCHED ? process->member.pid : process->pid;
}

/* Takes the exit status of a rank; false when it has not ended or was taken before. */
bool sbn_job_reap(struct sbn_job *job, uint32_t rank);

/* The same rank's status came to us on another way, and cannot be taken again. */
void sbn_job_note_end(struct sbn_job *job, uint32_t rank, int wait_status);

/*
 * Reaps ended processes that became ours when their parents died. Stops at a rank that has ended:
 * its own descriptor tells of it, in the order of deaths.
 */
void sbn_job_reap_orphans(const struct sbn_job *job);

/* Whether processes are left in a rank's group; forgets the groups that are empty. */
bool sbn_job_group_lives(struct sbn_job *job, uint32_t rank);
bool sbn_job_any_group_lives(struct sbn_job *job);

#endif
