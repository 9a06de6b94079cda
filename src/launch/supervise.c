/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/supervise.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "launch/say.h"
#include "launch/supervisor.h"
#include "launch/terminal.h"

enum {
	LEFTOVER_LOOK_MS = 20, /* nothing tells of the end of a process that is not our child */
	JOIN_LOOK_MS = 100,    /* nor of a rank's joining */
	MAX_EVENTS = 64
};

/* What an event is about: a rank's number, one of these, or FROM_MEMBERS and a rank's number. */
enum source { FROM_SIGNALS = SBN_MAX_RANKS, FROM_OUTPUT, FROM_MEMBERS };

/* ---- what happens ---- */

static syncbn_status_t
watch(const struct sbn_supervisor *s, int fd, uint32_t source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "epoll_ctl");
	return SYNCBN_OK;
}

static void
on_member(struct sbn_supervisor *s, uint32_t rank)
{
	sbn_member_unwatch(&s->job->process[rank].member, SBN_MEMBER_ENDED);
	if (sbn_failure_member_ended(&s->failure, s->job, rank))
		sbn_phase_leave(s);
}

static void
look_for_member(struct sbn_supervisor *s, uint32_t rank)
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
look_for_members(struct sbn_supervisor *s)
{
	s->joins_to_come = false;
	for (uint32_t rank = 0; rank < s->job->n_ranks; rank++)
		look_for_member(s, rank);
}

static void
on_rank(struct sbn_supervisor *s, uint32_t rank)
{
	look_for_member(s, rank);
	if (!sbn_job_reap(s->job, rank))
		return;
	if (sbn_failure_rank_ended(&s->failure, s->job, rank))
		sbn_phase_leave(s);
}

/* For example "out/rank-1.log: No space left on device". */
static void
fail_output(struct sbn_supervisor *s, const struct sbn_relay_news *news)
{
	char what[PATH_MAX + 64] = "cannot write the ranks' output";

	if (news->rank >= 0)
		snprintf(what, sizeof(what), "cannot write %s/rank-%d.log", s->job->options->output,
			 news->rank);
	sbn_phase_fail_own(s, what, strerror(news->error));
}

/* A reader that has gone away ends us as it ends any tool; other failures are told. */
static void
on_output(struct sbn_supervisor *s)
{
	struct sbn_relay_news news;

	if (!sbn_output_hear(&s->job->output, &news)) {
		if (s->phase != SBN_DRAINING)
			sbn_phase_fail_own(s, "cannot write the ranks' output",
					   "somebody killed syncbn-relay");
	} else if (news.error == EPIPE) {
		sbn_failure_set(&s->failure, 128 + SIGPIPE);
		if (s->phase < SBN_TERMINATING)
			sbn_phase_terminate(s);
	} else {
		fail_output(s, &news);
	}
}

static void
dispatch(struct sbn_supervisor *s, uint32_t source)
{
	if (source == FROM_SIGNALS)
		sbn_answer_signals(s);
	else if (source == FROM_OUTPUT)
		on_output(s);
	else if (source >= FROM_MEMBERS)
		on_member(s, source - FROM_MEMBERS);
	else
		on_rank(s, source);
}

/* ---- the loop ---- */

static int
wait_ms(const struct sbn_supervisor *s)
{
	uint64_t now_ns = sbn_now_ns();
	uint64_t until_ns = s->notice.next_look_ns;
	uint64_t ms;

	if (s->phase == SBN_DRAINING)
		return -1;
	until_ns = SBN_MIN(until_ns, SBN_MIN(s->clocks.next_look_ns, s->hang.next_look_ns));
	if (s->deadline_ns != 0)
		until_ns = SBN_MIN(until_ns, s->deadline_ns);
	ms = until_ns <= now_ns ? 0 : sbn_ceil_div(until_ns - now_ns, SBN_NS_PER_MS);
	if (s->joins_to_come)
		ms = SBN_MIN(ms, JOIN_LOOK_MS);
	return (int)(s->job->n_running == 0 ? SBN_MIN(ms, LEFTOVER_LOOK_MS) : ms);
}

/* epoll gives descriptors in the order in which they became ready: the order of deaths. */
static void
wait_and_dispatch(struct sbn_supervisor *s)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(s->epoll_fd, events, MAX_EVENTS, wait_ms(s));

	if (s->phase < SBN_TERMINATING)
		sbn_hang_look_for_timeout(&s->hang, s->job, &s->clocks);
	for (int i = 0; i < n; i++)
		dispatch(s, events[i].data.u32);
	look_for_members(s);
	sbn_job_reap_orphans(s->job);
	sbn_clocks_look(&s->clocks, s->job);
	sbn_notice_look(&s->notice, s->job, &s->clocks);
	sbn_hang_look(&s->hang, s->job, &s->clocks);
	sbn_phase_advance(s);
}

static syncbn_status_t
watch_all(struct sbn_supervisor *s)
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

static struct sbn_outcome
outcome_of(const struct sbn_supervisor *s)
{
	struct sbn_outcome outcome = { .exit_code = s->failure.exit_code };

	outcome.again = !s->unwanted && sbn_failure_reason(&s->failure, s->job, outcome.reason,
							   sizeof(outcome.reason));
	return outcome;
}

struct sbn_outcome
sbn_supervise(struct sbn_job *job, int start_failure)
{
	struct sbn_supervisor s = { .job = job,
				    .epoll_fd = -1,
				    .failure = { .rank = -1, .waiter = -1 } };
	struct sbn_outcome outcome;

	if (sbn_notice_open(job, &s.notice) != SYNCBN_OK ||
	    sbn_hang_open(job, &s.hang) != SYNCBN_OK || watch_all(&s) != SYNCBN_OK) {
		sbn_say("%s", sbn_last_error());
		sbn_failure_set(&s.failure, 1);
		sbn_phase_enter(&s, SBN_OVER, 0); /* the guard kills the ranks */
	}
	if (start_failure != 0 && s.phase != SBN_OVER) {
		sbn_failure_set(&s.failure, start_failure);
		sbn_phase_terminate(&s);
	}
	while (s.phase != SBN_OVER)
		wait_and_dispatch(&s);
	sbn_failure_unheeded(&s.failure, job);
	sbn_failure_table(&s.failure, job);
	sbn_terminal_take(job);
	outcome = outcome_of(&s);
	sbn_notice_close(&s.notice);
	sbn_hang_close(&s.hang);
	sbn_failure_free(&s.failure);
	if (s.epoll_fd >= 0)
		close(s.epoll_fd);
	return outcome;
}
