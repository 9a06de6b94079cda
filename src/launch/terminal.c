/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/terminal.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

void
sbn_terminal_give(struct sbn_job *job)
{
	const struct sbn_process *first = &job->process[0];

	if (job->options->input != SBN_INPUT_FIRST || !first->running || !isatty(STDIN_FILENO) ||
	    tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	job->terminal_given = tcsetpgrp(STDIN_FILENO, first->pid) == 0;
}

void
sbn_terminal_take(struct sbn_job *job)
{
	/* SIGTTOU, which this would cause, is blocked */
	if (job->terminal_given)
		tcsetpgrp(STDIN_FILENO, getpgrp());
	job->terminal_given = false;
}

bool
sbn_terminal_stopped(const struct sbn_job *job)
{
	siginfo_t info = { .si_pid = 0 };

	if (!job->terminal_given || !job->process[0].running ||
	    waitid(P_PID, (id_t)job->process[0].pid, &info, WSTOPPED | WNOHANG) != 0 ||
	    info.si_pid == 0)
		return false;
	return info.si_status == SIGTSTP || info.si_status == SIGTTIN || info.si_status == SIGTTOU;
}
