/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/supervise.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "launch/failure.h"
#include "launch/notice.h"
#include "launch/say.h"
#include "launch/signals.h"
#include "launch/strays.h"

enum {
	LEAVE_MS = 1000,       /* for peers to see PEER_LOST, say so and end by themselves */
	KILLED_MS = 10000,     /* after SIGKILL only a process that hangs in the kernel remains */
	LEFTOVER_LOOK_MS = 20, /* nothing tells of the end of a process that is not our child */
	JOIN_LOOK_MS = 100,    /* nor of a rank's joining */
	MAX_EVENTS = 64
};

/* A run goes through these in order; it may skip some. */
enum phase {
	RUNNING,
	LEAVING,     /* a rank failed, its peers may leave by themselves */
	TERMINATING, /* SIGTERM has been sent */
	KILLING,     /* SIGKILL has been sent */
	DRAINING,    /* all processes have ended, their output is being written */
	OVER
};

/* What an event is about: a rank's number, one of these, or FROM_MEMBERS and a rank's number. */
enum source { FROM_SIGNALS = SBN_MAX_RANKS, FROM_OUTPUT, FROM_MEMBERS };

struct supervisor {
	struct sbn_job *job;
	int epoll_fd;
	enum phase phase;
	uint64_t deadline_ns; /* when the phase ends by itself; 0: never */
	bool suspended;
	bool joins_to_come; /* of ranks that run */
	struct sbn_failure failure;
	struct sbn_notice notice;
};

static void
enter(struct supervisor *s, enum phase phase, uint64_t at_most_ns)
{
	s->phase = phase;
	s->deadline_ns = at_most_ns == 0 ? 0 : sbn_now_ns() + at_most_ns;
}

static void
kill_all(struct supervisor *s)
{
	sbn_job_signal_groups(s->job, SIGKILL);
	enter(s, KILLING, KILLED_MS * SBN_NS_PER_MS);
}

static void
terminate(struct supervisor *s)
{
	uint64_t grace_ns = (uint64_t)(s->job->options->grace_s * (double)SBN_NS_PER_S);

	s->failure.wrapped = false; /* from now on its end is our doing */
	sbn_job_signal_groups(s->job, SIGTERM);
	sbn_job_signal_groups(s->job, SIGCONT); /* a stopped process cannot answer */
	enter(s, TERMINATING, SBN_MAX(grace_ns, 1));
}

static void
fail_own(struct supervisor *s, const char *what, const char *why)
{
	if (sbn_failure_set(&s->failure, 1))
		sbn_say("%s: %s; ending the ranks", what, why);
	if (s->phase < TERMINATING)
		terminate(s);
}

/* ---- what happens ---- */

static syncbn_status_t
watch(const struct supervisor *s, int fd, uint32_t source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "epoll_ctl");
	return SYNCBN_OK;
}

static void
on_member(struct supervisor *s, uint32_t rank)
{
	sbn_member_unwatch(&s->job->process[rank].member, SBN_MEMBER_ENDED);
	if (sbn_failure_member_ended(&s->failure, s->job, rank) && s->phase == RUNNING)
		enter(s, LEAVING, LEAVE_MS * SBN_NS_PER_MS);
}

static void
look_for_member(struct supervisor *s, uint32_t rank)
{
	struct sbn_process *process = &s->job->process[rank];

	if (!process->running || process->member.state != SBN_MEMBER_NONE)
		return;
	process->member = sbn_member_find(s->job, rank);
	if (process->member.state == SBN_MEMBER_ENDED)
		on_member(s, rank);
	else if (process->member.state == SBN_MEMBER_WATCHED &&
		 watch(s, process->member.pidfd, FROM_MEMBERS + rank) != SYNCBN_OK)
		sbn_member_unwatch(&process->member, SBN_MEMBER_CHILD);
	s->joins_to_come |= process->member.state == SBN_MEMBER_NONE;
}

static void
look_for_members(struct supervisor *s)
{
	s->joins_to_come = false;
	for (uint32_t rank = 0; rank < s->job->n_ranks; rank++)
		look_for_member(s, rank);
}

static void
on_rank(struct supervisor *s, uint32_t rank)
{
	look_for_member(s, rank);
	if (!sbn_job_reap(s->job, rank))
		return;
	if (sbn_failure_rank_ended(&s->failure, s->job, rank) && s->phase == RUNNING)
		enter(s, LEAVING, LEAVE_MS * SBN_NS_PER_MS);
}

/* A signal that asks for the end. Ctrl-C while the ranks are being ended asks for it now. */
static void
on_end_signal(struct supervisor *s, int number)
{
	if (s->phase == DRAINING) {
		sbn_failure_set(&s->failure, 128 + number);
		enter(s, OVER, 0);
		return;
	}
	if (s->phase >= TERMINATING) {
		if (number == SIGINT)
			kill_all(s);
		return;
	}
	if (sbn_failure_set(&s->failure, 128 + number))
		sbn_say("%s: ending the ranks with SIGTERM, after %g s with SIGKILL%s",
			strsignal(number), s->job->options->grace_s,
			number == SIGINT ? " (Ctrl-C again: now)" : "");
	terminate(s);
}

/* Stops the ranks, then itself; SIGCONT arrives through the descriptor afterwards. */
static void
suspend(struct supervisor *s)
{
	_Atomic uint32_t *paused = &s->job->segment.control.head->clock_paused;

	if (s->suspended || getpid() == 1) /* process 1 of a container cannot be stopped */
		return;
	s->suspended = true;
	/* relaxed: a word of its own; deadlines are far longer than its way to the ranks */
	atomic_fetch_add_explicit(paused, 1, memory_order_relaxed);
	sbn_job_signal_groups(s->job, SIGSTOP);
	raise(SIGSTOP);
}

static void
resume(struct supervisor *s)
{
	_Atomic uint32_t *paused = &s->job->segment.control.head->clock_paused;

	sbn_job_signal_groups(s->job, SIGCONT);
	sbn_notice_resumed(&s->notice);
	if (!s->suspended)
		return;
	s->suspended = false;
	/* relaxed: as in suspend() */
	atomic_fetch_sub_explicit(paused, 1, memory_order_relaxed);
}

static void
on_signal(struct supervisor *s, int number)
{
	switch (number) {
	case SIGCHLD:
		return; /* wakes us; sbn_job_reap_orphans() looks every time */
	case SIGUSR1:
	case SIGUSR2:
		/* not to the groups: a worker without a handler would die of it */
		sbn_job_signal_ranks(s->job, number);
		return;
	case SIGWINCH:
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

static void
on_signals(struct supervisor *s)
{
	int number;

	while ((number = sbn_signals_next(s->job->signal_fd)) != 0)
		on_signal(s, number);
}

/* A reader that has gone away ends us as it ends any tool; other failures are told. */
static void
on_output(struct supervisor *s)
{
	int error = sbn_output_hear(&s->job->output);

	if (error == EPIPE) {
		sbn_failure_set(&s->failure, 128 + SIGPIPE);
		if (s->phase < TERMINATING)
			terminate(s);
	} else if (error != 0) {
		fail_own(s, "cannot write the ranks' output", strerror(error));
	} else if (s->phase != DRAINING) {
		fail_own(s, "cannot write the ranks' output", "somebody killed syncbn-relay");
	}
}

static void
dispatch(struct supervisor *s, uint32_t source)
{
	if (source == FROM_SIGNALS)
		on_signals(s);
	else if (source == FROM_OUTPUT)
		on_output(s);
	else if (source >= FROM_MEMBERS)
		on_member(s, source - FROM_MEMBERS);
	else
		on_rank(s, source);
}

/* ---- what follows from it ---- */

static void
end_leftovers(struct supervisor *s)
{
	for (uint32_t rank = 0; rank < s->job->n_ranks; rank++)
		if (s->job->process[rank].group_lives)
			sbn_say("rank %u has ended and left processes in its group %d behind; "
				"ending them",
				rank, (int)s->job->process[rank].pid);
	if (sbn_strays_signal(s->job, 0) > 0)
		sbn_say("the ranks have ended and left processes in other groups behind; "
			"ending them");
	terminate(s);
}

/* Whether anything of the ranks is left when they themselves have ended; strays are told to go. */
static bool
leftovers(struct supervisor *s)
{
	int number = s->phase == KILLING ? SIGKILL : s->phase == TERMINATING ? SIGTERM : 0;
	bool strays = sbn_strays_signal(s->job, number) > 0;

	return sbn_job_any_group_lives(s->job) || strays;
}

static void
give_up(struct supervisor *s)
{
	for (uint32_t rank = 0; rank < s->job->n_ranks; rank++)
		if (s->job->process[rank].group_lives)
			sbn_say("processes in the group %d of rank %u do not end after SIGKILL "
				"(they hang in the kernel, or are another user's); look with "
				"ps -eo pid,pgid,stat,cmd",
				(int)s->job->process[rank].pid, rank);
	sbn_failure_set(&s->failure, 1);
	enter(s, OVER, 0);
}

static void
finish(struct supervisor *s)
{
	sbn_output_finish(&s->job->output);
	enter(s, s->job->output.socket >= 0 ? DRAINING : OVER, 0);
}

static void
advance(struct supervisor *s)
{
	bool ended = s->job->n_running == 0;
	bool late = s->deadline_ns != 0 && sbn_now_ns() >= s->deadline_ns;

	if (s->phase == DRAINING && s->job->output.socket < 0)
		enter(s, OVER, 0);
	if (s->phase >= DRAINING)
		return;
	if (ended && !leftovers(s))
		finish(s);
	else if (s->phase == RUNNING && ended)
		end_leftovers(s);
	else if (s->phase == LEAVING && (late || !sbn_failure_peers_remain(s->job)))
		terminate(s);
	else if (s->phase == TERMINATING && late)
		kill_all(s);
	else if (s->phase == KILLING && late)
		give_up(s);
}

/* ---- the loop ---- */

static int
wait_ms(const struct supervisor *s)
{
	uint64_t now_ns = sbn_now_ns();
	uint64_t until_ns = s->notice.next_look_ns;
	uint64_t ms;

	if (s->phase == DRAINING)
		return -1;
	if (s->deadline_ns != 0)
		until_ns = SBN_MIN(until_ns, s->deadline_ns);
	ms = until_ns <= now_ns ? 0 : sbn_ceil_div(until_ns - now_ns, SBN_NS_PER_MS);
	if (s->joins_to_come)
		ms = SBN_MIN(ms, JOIN_LOOK_MS);
	return (int)(s->job->n_running == 0 ? SBN_MIN(ms, LEFTOVER_LOOK_MS) : ms);
}

/* epoll gives descriptors in the order in which they became ready: the order of deaths. */
static void
wait_and_dispatch(struct supervisor *s)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(s->epoll_fd, events, MAX_EVENTS, wait_ms(s));

	for (int i = 0; i < n; i++)
		dispatch(s, events[i].data.u32);
	look_for_members(s);
	sbn_job_reap_orphans(s->job);
	sbn_notice_look(&s->notice, s->job);
	advance(s);
}

static syncbn_status_t
watch_all(struct supervisor *s)
{
	struct sbn_job *job = s->job;
	syncbn_status_t status;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "epoll_create1");
	status = watch(s, job->signal_fd, FROM_SIGNALS);
	if (status == SYNCBN_OK && job->output.socket >= 0)
		status = watch(s, job->output.socket, FROM_OUTPUT);
	for (uint32_t rank = 0; rank < job->n_ranks && status == SYNCBN_OK; rank++)
		status = watch(s, job->process[rank].pidfd, rank);
	return status;
}

int
sbn_supervise(struct sbn_job *job, int start_failure)
{
	struct supervisor s = { .job = job,
				.epoll_fd = -1,
				.failure = { .rank = -1, .waiter = -1 } };

	if (sbn_notice_open(job, &s.notice) != SYNCBN_OK || watch_all(&s) != SYNCBN_OK) {
		sbn_say("%s", sbn_last_error());
		sbn_failure_set(&s.failure, 1);
		enter(&s, OVER, 0); /* the guard kills the ranks */
	}
	if (start_failure != 0) {
		sbn_failure_set(&s.failure, start_failure);
		terminate(&s);
	}
	while (s.phase != OVER)
		wait_and_dispatch(&s);
	sbn_failure_unheeded(&s.failure, job);
	sbn_failure_table(&s.failure, job);
	sbn_notice_close(&s.notice);
	sbn_failure_free(&s.failure);
	if (s.epoll_fd >= 0)
		close(s.epoll_fd);
	return s.failure.exit_code;
}
