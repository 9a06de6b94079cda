/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/math.h"
#include "launch/say.h"

enum { MAX_ROWS = 64, ENDING_BYTES = 80 };

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
	if ((state & SBN_RANK_LEFT) || !others_are_in_the_run(control, rank))
		return SBN_END_GOOD;
	return state & SBN_RANK_JOINED ? SBN_END_EARLY : SBN_END_NOT_JOINED;
}

bool
sbn_failure_set(struct sbn_failure *failure, int exit_code)
{
	if (failure->exit_code != 0)
		return false;
	*failure = (struct sbn_failure){ .exit_code = exit_code, .rank = -1 };
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

/*
 * What everybody is in now; the peers leave it as soon as they hear of the failure. Of a program
 * that does not use the library there is nothing to tell.
 */
static void
remember(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank)
{
	failure->exit_code = exit_code_of(job->process[rank].wait_status);
	failure->rank = (int)rank;
	if (!anybody_joined(&job->segment.control))
		return;
	failure->was_in = calloc(job->n_ranks, sizeof(*failure->was_in));
	for (uint32_t i = 0; failure->was_in != NULL && i < job->n_ranks; i++)
		sbn_control_describe(&job->segment.control, i, failure->was_in[i],
				     SBN_FAILURE_TEXT);
}

/* For example "rank 1 (pid 123, domain 0) was killed by signal 9 (Killed), in forward of bn2". */
static void
say_first(const struct sbn_failure *failure, const struct sbn_job *job, enum sbn_end end)
{
	uint32_t rank = (uint32_t)failure->rank;
	bool joined = sbn_control_state(&job->segment.control, rank) & SBN_RANK_JOINED;
	bool killed = WIFSIGNALED(job->process[rank].wait_status);
	const char *was_in = failure->was_in != NULL && joined ? failure->was_in[rank] : "";
	const char *more = "";
	char ending[ENDING_BYTES];

	sbn_control_ending(&job->segment.control, rank, ending, sizeof(ending));
	if (end == SBN_END_EARLY)
		more = " without syncbn_finalize while other ranks need it";
	else if (end == SBN_END_NOT_JOINED)
		more = " without syncbn_init while other ranks wait for it";
	sbn_say("rank %u (pid %d, domain %u) %s%s%s%s%s", rank, (int)job->process[rank].pid,
		job->plan->rank[rank].domain, killed ? "was " : "ended with ", ending, more,
		*was_in != '\0' ? ", " : "", was_in);
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

bool
sbn_failure_rank_ended(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank)
{
	const struct sbn_control *control = &job->segment.control;
	bool first = failure->exit_code == 0;
	enum sbn_end end;

	mark_gone(job, rank);
	end = sbn_end_judge(control, rank, job->process[rank].wait_status);
	if (end == SBN_END_GOOD) {
		sbn_control_ring_all(control);
		return false;
	}
	if (first)
		remember(failure, job, rank);
	sbn_control_abort(control, SYNCBN_ERR_PEER_LOST, rank);
	if (first)
		say_first(failure, job, end);
	return first;
}

bool
sbn_failure_peers_remain(const struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (is_in_the_run(sbn_control_state(&job->segment.control, rank)))
			return true;
	return false;
}

static void
print_row(const struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank)
{
	const char *was_in = failure->was_in != NULL ? failure->was_in[rank] : "";
	char ending[ENDING_BYTES];

	sbn_control_ending(&job->segment.control, rank, ending, sizeof(ending));
	sbn_say("%4u  %8d  %6u  %-31s  %s", rank, (int)job->process[rank].pid,
		job->plan->rank[rank].domain, ending, was_in);
}

void
sbn_failure_table(const struct sbn_failure *failure, const struct sbn_job *job)
{
	uint32_t n_rows = SBN_MIN(job->n_ranks, MAX_ROWS);

	if (failure->exit_code == 0 || failure->rank < 0 || job->n_ranks < 2)
		return;
	sbn_say("rank       pid  domain  %-31s%s", "end",
		failure->was_in != NULL ? "  at the first failure" : "");
	print_row(failure, job, (uint32_t)failure->rank);
	for (uint32_t rank = 0; rank < n_rows; rank++)
		if (rank != (uint32_t)failure->rank)
			print_row(failure, job, rank);
	if (n_rows < job->n_ranks)
		sbn_say("and %u more ranks", job->n_ranks - n_rows);
}

void
sbn_failure_free(struct sbn_failure *failure)
{
	free(failure->was_in);
}
