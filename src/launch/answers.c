/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher does about signals. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "launch/say.h"
#include "launch/signals.h"
#include "launch/supervisor.h"
#include "launch/terminal.h"

/* A signal that asks for the end. Ctrl-C while the ranks are being ended asks for it now. */
static void
on_end_signal(struct sbn_supervisor *s, int number)
{
	s->unwanted = true;
	if (s->phase == SBN_DRAINING) {
		sbn_failure_set(&s->failure, 128 + number);
		sbn_phase_enter(s, SBN_OVER, 0);
		return;
	}
	if (s->phase >= SBN_TERMINATING) {
		if (number == SIGINT)
			sbn_phase_kill(s);
		return;
	}
	if (sbn_failure_set(&s->failure, 128 + number))
		sbn_say("%s: ending the ranks with SIGTERM, after %g s with SIGKILL%s",
			strsignal(number), s->job->options->grace_s,
			number == SIGINT ? " (Ctrl-C again: now)" : "");
	sbn_phase_terminate(s);
}

/* Stops the ranks, then itself; SIGCONT arrives through the descriptor afterwards. */
static void
suspend(struct sbn_supervisor *s)
{
	if (getpid() == 1) /* process 1 of a container cannot be stopped */
		return;
	if (!sbn_clocks_suspend(&s->clocks, s->job))
		return;
	sbn_terminal_take(s->job);
	sbn_job_signal_groups(s->job, SIGSTOP);
	raise(SIGSTOP);
}

static void
resume(struct sbn_supervisor *s)
{
	sbn_terminal_give(s->job);
	sbn_job_signal_groups(s->job, SIGCONT);
	sbn_clocks_resume(&s->clocks, s->job);
}

static void
on_signal(struct sbn_supervisor *s, int number)
{
	switch (number) {
	case SIGCHLD: /* wakes us; sbn_job_reap_orphans() looks every time */
		if (sbn_terminal_stopped(s->job))
			suspend(s);
		return;
	case SIGUSR1:
	case SIGUSR2:
		/* not to the groups: a worker without a handler would die of it */
		sbn_job_signal_ranks(s->job, number);
		return;
	case SIGWINCH:
		sbn_output_resize(&s->job->output);
		sbn_job_signal_groups(s->job, number);
		return;
	case SIGTSTP:
		suspend(s);
		return;
	case SIGCONT:
		resume(s);
		return;
	default:
		on_end_signal(s, number);
	}
}

void
sbn_answer_signals(struct sbn_supervisor *s)
{
	int number;

	while ((number = sbn_signals_next(s->job->signal_fd)) != 0)
		on_signal(s, number);
}
