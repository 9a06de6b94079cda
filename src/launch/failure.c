/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/failure.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/math.h"
#include "base/reader.h"
#include "launch/ending.h"
#include "launch/say.h"
#include "launch/waits.h"

static bool
is_in_the_run(uint32_t state)
{
	return (state & SBN_RANK_JOINED) && !(state & (SBN_RANK_LEFT | SBN_RANK_GONE));
}

static bool
others_are_in_the_run(const struct sbn_control *control, uint32_t rank)
{
	for (uint32_t other = 0; other < control->world_size; other++)
		if (other != rank && is_in_the_run(sbn_control_state(control, other)))
			return true;
	return false;
}

enum sbn_end
sbn_end_judge(const struct sbn_control *control, uint32_t rank, int wait_status)
{
	uint32_t state = sbn_control_state(control, rank);

	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
		return SBN_END_BAD;
	if (state & SBN_RANK_LEFT)
		return SBN_END_GOOD;
	if (state & SBN_RANK_JOINED)
		return SBN_END_EARLY;
	return others_are_in_the_run(control, rank) ? SBN_END_NOT_JOINED : SBN_END_GOOD;
}

bool
sbn_failure_set(struct sbn_failure *failure, int exit_code)
{
	if (failure->exit_code != 0)
		return false;
	*failure = (struct sbn_failure){ .exit_code = exit_code, .rank = -1, .waiter = -1 };
	return true;
}

static int
exit_code_of(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	/* an early end with exit 0 is a failure all the same */
	return SBN_MAX(WEXITSTATUS(wait_status), 1);
}

static bool
anybody_joined(const struct sbn_control *control)
{
	for (uint32_t rank = 0; rank < control->world_size; rank++)
		if (sbn_control_state(control, rank) & SBN_RANK_JOINED)
			return true;
	return false;
}

/* "in no collective; last: forward of bn2, call 812", with "stopped, " before it if it is. */
static void
remember_rank(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank,
	      uint64_t now_ns)
{
	const char *stopped = sbn_waits_stop_word(sbn_waits_state(job, rank));
	char doing[SBN_DOING_BYTES];

	sbn_waits_describe(job, rank, now_ns, doing, sizeof(doing));
	snprintf(failure->was_in[rank], SBN_FAILURE_TEXT, "%s%s", stopped, doing);
}

/* The rank that has waited longest, who came last where it is, and who is not there. */
static void
remember_waiter(struct sbn_failure *failure, const struct sbn_job *job, uint32_t failed)
{
	const int waiter = sbn_waits_longest(job);
	struct sbn_waiting waiting;

	if (waiter < 0 || waiter == (int)failed) /* it lives on under a wrapper */
		return;
	waiting = sbn_waiting_of(job, (uint32_t)waiter);
	if (waiting.since_ns == 0) /* no longer */
		return;
	failure->waiter = waiter;
	sbn_control_describe_now(&job->segment.control, (uint32_t)waiter, waiting.now,
				 failure->waiter_in, sizeof(failure->waiter_in));
	sbn_text_append(&failure->missing, "rank %d waited longest", failure->waiter);
	sbn_waits_append_last(&failure->missing, job, (uint32_t)failure->waiter);
	sbn_waits_append_missing(&failure->missing, job, waiting.now);
}

/*
 * What everybody is in now; the peers leave it as soon as they hear of the failure. Of a program
 * that does not use the library there is nothing to tell.
 */
static void
remember(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank, int exit_code)
{
	const struct sbn_control *control = &job->segment.control;
	uint64_t now_ns = sbn_now_ns();

	*failure = (struct sbn_failure){ .exit_code = exit_code, .rank = (int)rank, .waiter = -1 };
	if (!anybody_joined(control))
		return;
	failure->was_in = calloc(job->n_ranks, sizeof(*failure->was_in));
	for (uint32_t i = 0; failure->was_in != NULL && i < job->n_ranks; i++)
		remember_rank(failure, job, i, now_ns);
	if (failure->was_in != NULL)
		remember_waiter(failure, job, rank);
}

static void
mark_gone(const struct sbn_job *job, uint32_t rank)
{
	const struct sbn_control *control = &job->segment.control;

	/* relaxed: C2, the state below, publishes it */
	atomic_store_explicit(&sbn_control_rank(control, rank)->life.wait_status,
			      job->process[rank].wait_status, memory_order_relaxed);
	sbn_control_set_state(control, rank, SBN_RANK_GONE);
	/* either a rank that joins sees GONE, or we see its JOINED in the judgement */
	atomic_thread_fence(memory_order_seq_cst);
}

/* The reader of our output, which ranks write to, has gone away: that ends any tool, quietly. */
static bool
is_unread(int wait_status)
{
	return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGPIPE &&
	       sbn_reader_is_gone(STDOUT_FILENO);
}

bool
sbn_failure_rank_ended(struct sbn_failure *failure, struct sbn_job *job, uint32_t rank)
{
	const struct sbn_control *control = &job->segment.control;
	int wait_status = job->process[rank].wait_status;
	bool first = failure->exit_code == 0;
	enum sbn_end end;

	sbn_ending_note(job, rank);
	mark_gone(job, rank);
	end = sbn_end_judge(control, rank, wait_status);
	if (end == SBN_END_GOOD) {
		sbn_control_ring_all(control);
		return false;
	}
	if (first && is_unread(wait_status))
		sbn_failure_set(failure, exit_code_of(wait_status));
	else if (first)
		remember(failure, job, rank, exit_code_of(wait_status));
	else if (failure->wrapped && failure->rank == (int)rank)
		failure->exit_code = exit_code_of(wait_status);
	sbn_control_abort(control, (struct sbn_abort){ SYNCBN_ERR_PEER_LOST, rank, rank });
	if (first && failure->rank >= 0)
		sbn_failure_say_first(failure, job, end);
	return first;
}

bool
sbn_failure_member_ended(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank)
{
	const struct sbn_control *control = &job->segment.control;
	const struct sbn_process *process = &job->process[rank];
	bool first = failure->exit_code == 0;

	if (!process->running || (sbn_control_state(control, rank) & SBN_RANK_LEFT))
		return false;
	if (first)
		remember(failure, job, rank, 1);
	sbn_control_abort(control, (struct sbn_abort){ SYNCBN_ERR_PEER_LOST, rank, rank });
	if (!first)
		return false;
	failure->wrapped = true;
	sbn_failure_say_member(failure, job);
	return true;
}

void
sbn_failure_unheeded(struct sbn_failure *failure, const struct sbn_job *job)
{
	struct sbn_abort abort = sbn_control_aborted(&job->segment.control);
	bool lost = abort.cause == SYNCBN_ERR_PEER_LOST;
	const char *cause = lost                              ? "peer lost" :
			    abort.cause == SYNCBN_ERR_TIMEOUT ? "timeout" :
								"mismatch";
	char who[48] = "";

	if (abort.cause == SYNCBN_OK || !sbn_failure_set(failure, 1))
		return;
	failure->unheeded = true;
	if (abort.rank < job->n_ranks)
		snprintf(who, sizeof(who), lost ? ": rank %u" : ", found by rank %u", abort.rank);
	sbn_say("the group failed (%s%s), but every rank ended with 0: the program ignores what "
		"syncbn's calls return; check every status",
		cause, who);
}

bool
sbn_failure_peers_remain(const struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		uint32_t state = sbn_control_state(&job->segment.control, rank);

		if ((state & SBN_RANK_JOINED) && !(state & SBN_RANK_GONE))
			return true;
	}
	return false;
}

void
sbn_failure_free(struct sbn_failure *failure)
{
	free(failure->was_in);
}
