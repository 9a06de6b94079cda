/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/child.h"
#include "launch/exec_failure.h"
#include "launch/launch_env.h"
#include "launch/terminal.h"

static char **
environment_of(const struct sbn_job *job, uint32_t rank, uint16_t port)
{
	const struct sbn_launch_env wanted = {
		.rank = rank,
		.world_size = job->n_ranks,
		.n_cores = job->plan->rank[rank].n_cores,
		.oversubscribed = job->plan->oversubscribed,
		.segment_fd = job->segment.fd,
		.run_id = { job->segment.run_id[0], job->segment.run_id[1] },
		.mem = job->options->mem,
		.timeout_s = job->options->timeout_s,
		.restarts = job->restarts,
		.master_port = port,
		.allocator = job->allocator,
	};

	return sbn_launch_env_new(&wanted, environ);
}

/* Forks one child; it is in its group when this returns, whoever of the two comes first. */
static syncbn_status_t
fork_child(struct sbn_job *job, struct sbn_child *child, int report_read)
{
	struct sbn_process *process = &job->process[child->rank];
	pid_t pid = fork();

	if (pid < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"fork of rank %u (ulimit -u limits the processes)", child->rank);
	if (pid == 0)
		sbn_child_start(child);
	setpgid(pid, pid);
	*process = (struct sbn_process){
		.pid = pid,
		.pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
		.report_fd = report_read,
		.running = true,
		.group_lives = true,
	};
	job->n_running++;
	if (process->pidfd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"pidfd_open for rank %u (ulimit -n limits the descriptors)",
				child->rank);
	return SYNCBN_OK;
}

static syncbn_status_t
spawn_rank(struct sbn_job *job, uint32_t rank, const int go[2], uint16_t port)
{
	struct sbn_child child = {
		.job = job, .rank = rank, .launcher = getpid(), .go_fd = go[0], .go_write = go[1]
	};
	syncbn_status_t status;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"a pipe from rank %u (ulimit -n limits the descriptors)", rank);
	child.report_fd = fds[1];
	child.env = environment_of(job, rank, port);
	if (child.env == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "the environment of rank %u", rank);
	else
		status = fork_child(job, &child, fds[0]);
	sbn_launch_env_free(child.env);
	close(fds[1]);
	if (!job->process[rank].running)
		close(fds[0]);
	return status;
}

/* The child's next report; false at the end of file. */
static bool
hear(const struct sbn_process *process, struct sbn_child_report *report)
{
	ssize_t bytes;

	do
		bytes = read(process->report_fd, report, sizeof(*report));
	while (bytes < 0 && errno == EINTR);
	return bytes == sizeof(*report);
}

static syncbn_status_t
await_bound(struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct sbn_child_report report;

		errno = 0;
		if (!hear(&job->process[rank], &report))
			return sbn_fail(SYNCBN_ERR_SYSTEM, "rank %u ended before it was bound",
					rank);
		if (report.stage != SBN_CHILD_BOUND)
			return sbn_fail(SYNCBN_ERR_SYSTEM,
					"rank %u cannot be bound to its place: %s", rank,
					report.detail);
		if (report.memory > (int32_t)job->memory)
			job->memory = (enum sbn_memory)report.memory;
	}
	return SYNCBN_OK;
}

static void
close_report(struct sbn_process *process)
{
	close(process->report_fd);
	process->report_fd = -1;
}

void
sbn_spawn_cancel(struct sbn_job *job, int go_fd)
{
	sbn_terminal_take(job);
	close(go_fd); /* its end of file ends the children */
	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct sbn_process *process = &job->process[rank];

		if (!process->running)
			continue;
		close_report(process);
		if (process->pidfd >= 0)
			close(process->pidfd);
		while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
			;
		process->running = process->group_lives = false;
		sbn_guard_forget(&job->guard, rank);
	}
	job->n_running = 0;
}

syncbn_status_t
sbn_spawn_ranks(struct sbn_job *job, int *go_fd)
{
	uint16_t port = sbn_launch_free_port();
	syncbn_status_t status = SYNCBN_OK;
	int go[2];

	if (pipe2(go, O_CLOEXEC) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"a pipe to the ranks (ulimit -n limits the descriptors)");
	for (uint32_t rank = 0; rank < job->n_ranks && status == SYNCBN_OK; rank++)
		status = spawn_rank(job, rank, go, port);
	close(go[0]);
	if (status == SYNCBN_OK)
		status = await_bound(job);
	if (status != SYNCBN_OK) {
		sbn_spawn_cancel(job, go[1]);
		return status;
	}
	sbn_output_handed_over(&job->output);
	sbn_input_handed_over(&job->input);
	sbn_terminal_give(job);
	*go_fd = go[1];
	return SYNCBN_OK;
}

void
sbn_spawn_release(struct sbn_job *job, int go_fd, int *exit_code)
{
	*exit_code = 0;
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		/* a child that was killed meanwhile leaves its byte to nobody */
		if (write(go_fd, "", 1) < 0)
			break;
	close(go_fd);
	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct sbn_child_report report;

		if (hear(&job->process[rank], &report) && *exit_code == 0)
			*exit_code = sbn_exec_failure(job->options->program[0], report.error);
		close_report(&job->process[rank]);
	}
}
