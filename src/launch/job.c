/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/signals.h"
#include "platform/kernel_nodes.h"
#include "shm/contract.h"

static void
mark_run(const struct sbn_job *job)
{
	struct sbn_mark mark = { 0 };
	struct stat file;
	char run_id[33];

	sbn_contract_format_run_id(job->segment.run_id, run_id);
	snprintf(mark.entry, sizeof(mark.entry), SBN_ENV_RUN_ID "=%s", run_id);
	if (fstat(job->segment.fd, &file) == 0) {
		mark.device = file.st_dev;
		mark.inode = file.st_ino;
	}
	sbn_guard_mark(&job->guard, &mark);
}

/* Each rank's words in the segment lie on its own nodes, unless nothing is to be bound. */
static syncbn_status_t
make_segment(struct sbn_job *job)
{
	const struct sbn_options *options = job->options;
	struct sbn_nodes *homes = NULL;
	syncbn_status_t status;

	if (options->bind != SBN_BIND_NONE && options->mem != SBN_MEM_NONE)
		homes = calloc(job->n_ranks, sizeof(*homes));
	for (uint32_t rank = 0; homes != NULL && rank < job->n_ranks; rank++)
		sbn_nodes_add_bitmap(&homes[rank], job->plan->rank[rank].nodes);
	status = sbn_segment_create(job->n_ranks, homes, &job->segment);
	free(homes);
	return status;
}

syncbn_status_t
sbn_job_open(const struct sbn_options *options, const struct sbn_topology *topology,
	     const struct sbn_plan *plan, unsigned restarts, struct sbn_job *job)
{
	uint32_t n = plan->n_ranks;
	syncbn_status_t status;

	*job = (struct sbn_job){ .options = options,
				 .topology = topology,
				 .plan = plan,
				 .n_ranks = n,
				 .restarts = restarts };
	job->process = calloc(n, sizeof(*job->process));
	if (job->process == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of %u ranks", n);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sbn_oom_open(&job->oom);
	status = sbn_signals_open(&job->signal_fd);
	if (status != SYNCBN_OK)
		goto out_free;
	status = sbn_guard_start(n, &job->guard);
	if (status != SYNCBN_OK)
		goto out_signals;
	status = sbn_output_start(options, n, restarts > 0, &job->output);
	if (status != SYNCBN_OK)
		goto out_guard;
	status = sbn_input_start(options->input, n, &job->output, &job->input);
	if (status != SYNCBN_OK)
		goto out_output;
	status = make_segment(job);
	if (status == SYNCBN_OK) {
		mark_run(job);
		return SYNCBN_OK;
	}
	sbn_input_end(&job->input);
out_output:
	sbn_output_end(&job->output);
out_guard:
	sbn_guard_end(&job->guard, true);
out_signals:
	close(job->signal_fd);
out_free:
	free(job->process);
	return status;
}

void
sbn_job_close(struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		sbn_member_unwatch(&job->process[rank].member, SBN_MEMBER_NONE);
	/* these first: they hold the guard's pipe open, too */
	sbn_input_end(&job->input);
	sbn_output_end(&job->output);
	/* and it takes whoever has the segment open for a process of the ranks */
	sbn_segment_close(&job->segment);
	sbn_guard_end(&job->guard, !sbn_job_any_group_lives(job));
	close(job->signal_fd);
	free(job->process);
}

void
sbn_job_signal_groups(const struct sbn_job *job, int number)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (job->process[rank].group_lives)
			kill(-job->process[rank].pid, number);
}

void
sbn_job_signal_ranks(const struct sbn_job *job, int number)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (job->process[rank].running)
			kill(job->process[rank].pid, number);
}

void
sbn_job_note_end(struct sbn_job *job, uint32_t rank, int wait_status)
{
	job->process[rank].reaped = true;
	job->process[rank].wait_status = wait_status;
}

static bool
take_status(struct sbn_process *process)
{
	struct rusage usage;

	if (process->reaped)
		return true;
	if (wait4(process->pid, &process->wait_status, WNOHANG, &usage) <= 0)
		return false;
	process->peak_kib = usage.ru_maxrss;
	return true;
}

bool
sbn_job_reap(struct sbn_job *job, uint32_t rank)
{
	struct sbn_process *process = &job->process[rank];

	if (!process->running || !take_status(process))
		return false;
	close(process->pidfd);
	process->running = false;
	job->n_running--;
	sbn_job_group_lives(job, rank);
	return true;
}

static bool
is_rank(const struct sbn_job *job, pid_t pid)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (job->process[rank].running && job->process[rank].pid == pid)
			return true;
	return false;
}

void
sbn_job_reap_orphans(const struct sbn_job *job)
{
	for (;;) {
		siginfo_t info = { .si_pid = 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
		    is_rank(job, info.si_pid))
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

bool
sbn_job_group_lives(struct sbn_job *job, uint32_t rank)
{
	struct sbn_process *process = &job->process[rank];

	if (!process->group_lives || process->running)
		return process->group_lives;
	if (kill(-process->pid, 0) != 0 && errno == ESRCH) {
		process->group_lives = false;
		sbn_guard_forget(&job->guard, rank);
	}
	return process->group_lives;
}

bool
sbn_job_any_group_lives(struct sbn_job *job)
{
	bool any = false;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		any |= sbn_job_group_lives(job, rank);
	return any;
}
