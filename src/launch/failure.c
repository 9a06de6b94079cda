/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/math.h"
#include "launch/say.h"

enum { MAX_ROWS = 64, ENDING_BYTES = 80, WAITER_BYTES = 200, CAUSE_BYTES = 320 };

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

static uint64_t
waits_since(const struct sbn_control *control, uint32_t rank)
{
	/* acquire: what the rank is in is read between two of these, and is that wait's if both
	 * give the same time */
	return atomic_load_explicit(&sbn_control_rank(control, rank)->now.since_ns,
				    memory_order_acquire);
}

/*
 * What everybody is in now; the peers leave it as soon as they hear of the failure. Of a program
 * that does not use the library there is nothing to tell.
 */
static void
remember(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank, int exit_code)
{
	const struct sbn_control *control = &job->segment.control;

	*failure = (struct sbn_failure){ .exit_code = exit_code, .rank = (int)rank, .waiter = -1 };
	if (!anybody_joined(control))
		return;
	failure->was_in = calloc(job->n_ranks, sizeof(*failure->was_in));
	for (uint32_t i = 0; failure->was_in != NULL && i < job->n_ranks; i++) {
		uint64_t since_ns = waits_since(control, i);

		sbn_control_describe(control, i, failure->was_in[i], SBN_FAILURE_TEXT);
		if (i != rank && failure->waiter < 0 && since_ns != 0 &&
		    since_ns == waits_since(control, i) &&
		    is_in_the_run(sbn_control_state(control, i)))
			failure->waiter = (int)i;
	}
}

/* For example " while rank 0 waits in forward of bn2, call 812", or "". */
static void
describe_waiter(const struct sbn_failure *failure, char *text, size_t bytes)
{
	text[0] = '\0';
	if (failure->waiter >= 0)
		snprintf(text, bytes, " while rank %d waits %s", failure->waiter,
			 failure->was_in[failure->waiter]);
}

/* What is to be said after the ending of the first failure; the report's table tells the rest. */
static void
describe_cause(const struct sbn_failure *failure, const struct sbn_job *job, enum sbn_end end,
	       char *text, size_t bytes)
{
	const struct sbn_member *member = &job->process[failure->rank].member;
	uint32_t state = sbn_control_state(&job->segment.control, (uint32_t)failure->rank);
	char waiter[WAITER_BYTES];

	describe_waiter(failure, waiter, sizeof(waiter));
	if (end == SBN_END_NOT_JOINED)
		snprintf(text, bytes, " without syncbn_init while other ranks wait for it");
	else if (end == SBN_END_EARLY && member->state == SBN_MEMBER_WATCHED)
		snprintf(text, bytes,
			 " before its process %d, which has joined the run%s: let it wait for that "
			 "process",
			 (int)member->pid, waiter);
	else if (end == SBN_END_EARLY)
		snprintf(text, bytes, " without syncbn_finalize%s: call it before the program ends",
			 waiter);
	else if (failure->was_in != NULL && (state & SBN_RANK_JOINED))
		snprintf(text, bytes, ", %s", failure->was_in[failure->rank]);
	else
		text[0] = '\0';
}

/* For example "rank 1 (pid 123, domain 0) was killed by signal 9 (Killed), in forward of bn2". */
static void
say_first(const struct sbn_failure *failure, const struct sbn_job *job, enum sbn_end end)
{
	uint32_t rank = (uint32_t)failure->rank;
	bool killed = WIFSIGNALED(job->process[rank].wait_status);
	char ending[ENDING_BYTES], cause[CAUSE_BYTES];

	sbn_control_ending(&job->segment.control, rank, ending, sizeof(ending));
	describe_cause(failure, job, end, cause, sizeof(cause));
	sbn_say("rank %u (pid %d, domain %u) %s%s%s", rank, (int)job->process[rank].pid,
		job->plan->rank[rank].domain, killed ? "was " : "ended with ", ending, cause);
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
	int wait_status = job->process[rank].wait_status;
	bool first = failure->exit_code == 0;
	enum sbn_end end;

	mark_gone(job, rank);
	end = sbn_end_judge(control, rank, wait_status);
	if (end == SBN_END_GOOD) {
		sbn_control_ring_all(control);
		return false;
	}
	if (first)
		remember(failure, job, rank, exit_code_of(wait_status));
	else if (failure->wrapped && failure->rank == (int)rank)
		failure->exit_code = exit_code_of(wait_status);
	sbn_control_abort(control, (struct sbn_abort){ SYNCBN_ERR_PEER_LOST, rank, rank });
	if (first)
		say_first(failure, job, end);
	return first;
}

bool
sbn_failure_member_ended(struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank)
{
	const struct sbn_control *control = &job->segment.control;
	const struct sbn_process *process = &job->process[rank];
	bool first = failure->exit_code == 0;
	char waiter[WAITER_BYTES];

	if (!process->running || (sbn_control_state(control, rank) & SBN_RANK_LEFT))
		return false;
	if (first)
		remember(failure, job, rank, 1);
	sbn_control_abort(control, (struct sbn_abort){ SYNCBN_ERR_PEER_LOST, rank, rank });
	if (!first)
		return false;
	failure->wrapped = true;
	describe_waiter(failure, waiter, sizeof(waiter));
	sbn_say("rank %u (pid %d, domain %u): its process %d, which had joined the run, has ended "
		"without syncbn_finalize%s; it was %s",
		rank, (int)process->pid, job->plan->rank[rank].domain, (int)process->member.pid,
		waiter, failure->was_in != NULL ? failure->was_in[rank] : "in the run");
	return true;
}

static const char *
cause_name(syncbn_status_t cause)
{
	if (cause == SYNCBN_ERR_TIMEOUT)
		return "timeout";
	return cause == SYNCBN_ERR_MISMATCH ? "mismatch" : "peer lost";
}

void
sbn_failure_unheeded(struct sbn_failure *failure, const struct sbn_job *job)
{
	struct sbn_abort abort = sbn_control_aborted(&job->segment.control);
	bool lost = abort.cause == SYNCBN_ERR_PEER_LOST;
	char who[48] = "";

	if (abort.cause == SYNCBN_OK || !sbn_failure_set(failure, 1))
		return;
	failure->unheeded = true;
	if (abort.rank < job->n_ranks)
		snprintf(who, sizeof(who), lost ? ": rank %u" : ", found by rank %u", abort.rank);
	sbn_say("the group failed (%s%s), but every rank ended with 0: the program ignores what "
		"syncbn's calls return; check every status",
		cause_name(abort.cause), who);
}

bool
sbn_failure_reason(const struct sbn_failure *failure, const struct sbn_job *job, char *text,
		   size_t bytes)
{
	char ending[ENDING_BYTES];

	if (failure->unheeded)
		snprintf(text, bytes, "the group failed");
	else if (failure->rank >= 0 && job->process[failure->rank].member.state == SBN_MEMBER_ENDED)
		snprintf(text, bytes, "the process of rank %d has ended", failure->rank);
	else if (failure->rank >= 0) {
		sbn_control_ending(&job->segment.control, (uint32_t)failure->rank, ending,
				   sizeof(ending));
		snprintf(text, bytes, "rank %d: %s", failure->rank, ending);
	}
	return failure->unheeded || failure->rank >= 0;
}

bool
sbn_failure_peers_remain(const struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (is_in_the_run(sbn_control_state(&job->segment.control, rank)))
			return true;
	return false;
}

/* How the rank ended; of a wrapper that had to be ended, or hid it, how its process did. */
static void
describe_end(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes)
{
	const struct sbn_control *control = &job->segment.control;
	const struct sbn_process *process = &job->process[rank];
	bool left = sbn_control_state(control, rank) & SBN_RANK_LEFT;
	bool telling = WIFEXITED(process->wait_status) && WEXITSTATUS(process->wait_status) != 0;

	if (process->member.state == SBN_MEMBER_ENDED && !left && !telling)
		snprintf(text, bytes, "the rank's process %d has ended", (int)process->member.pid);
	else if (process->running)
		snprintf(text, bytes, "still runs");
	else
		sbn_control_ending(control, rank, text, bytes);
}

static void
print_row(const struct sbn_failure *failure, const struct sbn_job *job, uint32_t rank, int width)
{
	char ending[ENDING_BYTES];

	describe_end(job, rank, ending, sizeof(ending));
	if (failure->was_in == NULL)
		sbn_say("%4u  %8d  %6u  %s", rank, (int)job->process[rank].pid,
			job->plan->rank[rank].domain, ending);
	else
		sbn_say("%4u  %8d  %6u  %-*s  %s", rank, (int)job->process[rank].pid,
			job->plan->rank[rank].domain, width, ending, failure->was_in[rank]);
}

/* Of the column "end". */
static int
measure_ends(const struct sbn_job *job, uint32_t first, uint32_t n_rows)
{
	char ending[ENDING_BYTES];
	size_t width;

	describe_end(job, first, ending, sizeof(ending));
	width = strlen(ending);
	for (uint32_t rank = 0; rank < n_rows; rank++) {
		describe_end(job, rank, ending, sizeof(ending));
		width = SBN_MAX(width, strlen(ending));
	}
	return (int)width;
}

void
sbn_failure_table(const struct sbn_failure *failure, const struct sbn_job *job)
{
	uint32_t n_rows = SBN_MIN(job->n_ranks, MAX_ROWS);
	int width;

	if (failure->exit_code == 0 || failure->rank < 0 || job->n_ranks < 2)
		return;
	width = measure_ends(job, (uint32_t)failure->rank, n_rows);
	if (failure->was_in != NULL)
		sbn_say("rank       pid  domain  %-*s  at the first failure", width, "end");
	else
		sbn_say("rank       pid  domain  end");
	print_row(failure, job, (uint32_t)failure->rank, width);
	for (uint32_t rank = 0; rank < n_rows; rank++)
		if (rank != (uint32_t)failure->rank)
			print_row(failure, job, rank, width);
	if (n_rows < job->n_ranks)
		sbn_say("and %u more ranks", job->n_ranks - n_rows);
}

void
sbn_failure_free(struct sbn_failure *failure)
{
	free(failure->was_in);
}
