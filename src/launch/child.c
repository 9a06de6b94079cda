/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/signals.h"

static void
report(const struct sbn_child *child, struct sbn_child_report what)
{
	/* less than a pipe takes at once; a launcher that is gone needs no report */
	if (write(child->report_fd, &what, sizeof(what)) < 0)
		_exit(1);
}

/* A process group of its own, known to the guard, and an end when the launcher ends. */
static void
tie_to_launcher(const struct sbn_child *child)
{
	setpgid(0, 0);
	sbn_guard_add(&child->job->guard, child->rank, getpid());
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != child->launcher)
		_exit(1); /* it ended before the line above */
}

static syncbn_status_t
bind_to_place(const struct sbn_child *child, enum sbn_memory *memory)
{
	const struct sbn_job *job = child->job;
	const struct sbn_plan_rank *place = &job->plan->rank[child->rank];
	syncbn_status_t status = SYNCBN_OK;

	*memory = SBN_MEMORY_AS_ASKED;
	if (job->options->bind != SBN_BIND_NONE)
		status = sbn_bind_cpus(job->topology, place->cpus);
	if (status != SYNCBN_OK)
		return status;
	return sbn_bind_memory(job->options->mem, place->nodes, memory);
}

static syncbn_status_t
arrange_descriptors(const struct sbn_child *child)
{
	const int *writes = child->job->output.writes;
	const int *own = writes == NULL ? NULL : &writes[2 * child->rank];

	if (own != NULL && (dup2(own[0], STDOUT_FILENO) < 0 || dup2(own[1], STDERR_FILENO) < 0))
		return sbn_fail(SYNCBN_ERR_SYSTEM, "the streams to syncbn-relay");
	if (fcntl(child->job->segment.fd, F_SETFD, 0) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "the segment's descriptor");
	return sbn_input_take(&child->job->input, child->rank);
}

void
sbn_child_start(const struct sbn_child *child)
{
	char **program = child->job->options->program;
	struct sbn_child_report what = { .stage = SBN_CHILD_BOUND };
	enum sbn_memory memory;
	char go;

	close(child->go_write);
	tie_to_launcher(child);
	if (bind_to_place(child, &memory) != SYNCBN_OK || arrange_descriptors(child) != SYNCBN_OK) {
		what.stage = SBN_CHILD_UNBOUND;
		snprintf(what.detail, sizeof(what.detail), "%s", sbn_last_error());
	}
	what.memory = (int32_t)memory;
	report(child, what);
	/* signals stay blocked so far: none ends a child that waits for its word */
	if (read(child->go_fd, &go, 1) != 1)
		_exit(1);
	sbn_signals_reset();
	execvpe(program[0], program, child->env);
	report(child, (struct sbn_child_report){ .stage = SBN_CHILD_NO_EXEC, .error = errno });
	_exit(127);
}
