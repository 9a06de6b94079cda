/* SPDX-License-Identifier: Apache-2.0 */
/* From the first failure, or the last rank's end, to the end of the run. */
#include <signal.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/math.h"
#include "launch/say.h"
#include "launch/strays.h"
#include "launch/supervisor.h"

enum {
	LEAVE_MS = 1000,  /* for peers to see PEER_LOST, say so, and end what they do */
	KILLED_MS = 10000 /* after SIGKILL only a process that hangs in the kernel remains */
};

void
sbn_phase_enter(struct sbn_supervisor *s, enum sbn_phase phase, uint64_t at_most_ns)
{
	s->phase = phase;
	s->deadline_ns = at_most_ns == 0 ? 0 : sbn_now_ns() + at_most_ns;
}

void
sbn_phase_leave(struct sbn_supervisor *s)
{
	if (s->phase == SBN_RUNNING)
		sbn_phase_enter(s, SBN_LEAVING, LEAVE_MS * SBN_NS_PER_MS);
}

void
sbn_phase_kill(struct sbn_supervisor *s)
{
	sbn_job_signal_groups(s->job, SIGKILL);
	sbn_phase_enter(s, SBN_KILLING, KILLED_MS * SBN_NS_PER_MS);
}

void
sbn_phase_terminate(struct sbn_supervisor *s)
{
	uint64_t grace_ns = (uint64_t)(s->job->options->grace_s * (double)SBN_NS_PER_S);

	s->failure.wrapped = false; /* from now on its end is our doing */
	sbn_job_signal_groups(s->job, SIGTERM);
	sbn_job_signal_groups(s->job, SIGCONT); /* a stopped process cannot answer */
	sbn_phase_enter(s, SBN_TERMINATING, SBN_MAX(grace_ns, 1));
}

void
sbn_phase_fail_own(struct sbn_supervisor *s, const char *what, const char *why)
{
	if (sbn_failure_set(&s->failure, 1))
		sbn_say("%s: %s; ending the ranks", what, why);
	if (s->phase < SBN_TERMINATING)
		sbn_phase_terminate(s);
}

static void
end_leftovers(struct sbn_supervisor *s)
{
	for (uint32_t rank = 0; rank < s->job->n_ranks; rank++)
		if (s->job->process[rank].group_lives)
			sbn_say("rank %u has ended and left processes in its group %d behind; "
				"ending them",
				rank, (int)s->job->process[rank].pid);
	if (sbn_strays_signal(s->job, 0) > 0)
		sbn_say("the ranks have ended and left processes in other groups behind; "
			"ending them");
	sbn_phase_terminate(s);
}

/* Whether anything of the ranks is left when they themselves have ended; strays are told to go. */
static bool
leftovers(struct sbn_supervisor *s)
{
	int number = s->phase == SBN_KILLING ? SIGKILL : s->phase == SBN_TERMINATING ? SIGTERM : 0;
	bool strays = sbn_strays_signal(s->job, number) > 0;

	return sbn_job_any_group_lives(s->job) || strays;
}

static void
give_up(struct sbn_supervisor *s)
{
	for (uint32_t rank = 0; rank < s->job->n_ranks; rank++)
		if (s->job->process[rank].group_lives)
			sbn_say("processes in the group %d of rank %u do not end after SIGKILL "
				"(they hang in the kernel, or are another user's); look with "
				"ps -eo pid,pgid,stat,cmd",
				(int)s->job->process[rank].pid, rank);
	sbn_failure_set(&s->failure, 1);
	sbn_phase_enter(s, SBN_OVER, 0);
}

static void
finish(struct sbn_supervisor *s)
{
	sbn_output_finish(&s->job->output);
	sbn_phase_enter(s, s->job->output.socket >= 0 ? SBN_DRAINING : SBN_OVER, 0);
}

void
sbn_phase_advance(struct sbn_supervisor *s)
{
	bool ended = s->job->n_running == 0;
	bool late = s->deadline_ns != 0 && sbn_now_ns() >= s->deadline_ns;

	if (s->phase == SBN_DRAINING && s->job->output.socket < 0)
		sbn_phase_enter(s, SBN_OVER, 0);
	if (s->phase >= SBN_DRAINING)
		return;
	if (ended && !leftovers(s))
		finish(s);
	else if (s->phase == SBN_RUNNING && ended)
		end_leftovers(s);
	else if (s->phase == SBN_LEAVING && (late || !sbn_failure_peers_remain(s->job)))
		sbn_phase_terminate(s);
	else if (s->phase == SBN_TERMINATING && late)
		sbn_phase_kill(s);
	else if (s->phase == SBN_KILLING && late)
		give_up(s);
}
