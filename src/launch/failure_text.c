/* SPDX-License-Identifier: Apache-2.0 */
/* The first failure in words. */
#include <stdio.h>
#include <sys/wait.h>

#include "launch/ending.h"
#include "launch/failure.h"
#include "launch/say.h"
#include "launch/text.h"
#include "launch/waits.h"

enum { WAITER_BYTES = 320, CAUSE_BYTES = SBN_TEXT_BYTES, EXPLAINED_BYTES = 320 };

/* For example " while rank 0 waits in forward of bn2, call 812", or "". */
static void
describe_waiter(const struct sbn_failure *failure, char *text, size_t bytes)
{
	text[0] = '\0';
	if (failure->waiter >= 0)
		snprintf(text, bytes, " while rank %d waits %s", failure->waiter,
			 failure->waiter_in);
}

/* The rank has heard of a failure that ranks have found; false: they have found none. */
static bool
describe_found(const struct sbn_job *job, char *text, size_t bytes)
{
	struct sbn_abort abort = sbn_control_aborted(&job->segment.control);
	bool timeout = abort.cause == SYNCBN_ERR_TIMEOUT;
	struct sbn_text line = { .used = 0 };

	if ((!timeout && abort.cause != SYNCBN_ERR_MISMATCH) || abort.rank >= job->n_ranks ||
	    abort.other >= job->n_ranks)
		return false;
	sbn_text_append(&line,
			timeout ? ", after rank %u had given up waiting for " :
				  ", after rank %u had found itself in another call than ",
			abort.rank);
	sbn_waits_append_absent(&line, job, abort.other);
	snprintf(text, bytes, "%s", line.data);
	return true;
}

/* What is to be said after the ending of the first failure; the table tells the rest. */
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
		snprintf(text, bytes,
			 " without syncbn_finalize%s: call that before the program ends", waiter);
	else if (describe_found(job, text, bytes))
		return;
	else if (failure->was_in != NULL && (state & SBN_RANK_JOINED))
		snprintf(text, bytes, ", %s", failure->was_in[failure->rank]);
	else
		text[0] = '\0';
}

/* For example "rank 1 (pid 123, domain 0) was killed by signal 9 (Killed), in forward of bn2". */
void
sbn_failure_say_first(const struct sbn_failure *failure, const struct sbn_job *job,
		      enum sbn_end end)
{
	uint32_t rank = (uint32_t)failure->rank;
	bool killed = WIFSIGNALED(job->process[rank].wait_status);
	char ending[EXPLAINED_BYTES], cause[CAUSE_BYTES];

	sbn_ending_explain(job, rank, ending, sizeof(ending));
	describe_cause(failure, job, end, cause, sizeof(cause));
	sbn_say("rank %u (pid %d, domain %u) %s%s%s", rank, (int)job->process[rank].pid,
		job->plan->rank[rank].domain, killed ? "was " : "ended with ", ending, cause);
}

void
sbn_failure_say_member(const struct sbn_failure *failure, const struct sbn_job *job)
{
	uint32_t rank = (uint32_t)failure->rank;
	const struct sbn_process *process = &job->process[rank];
	char waiter[WAITER_BYTES];

	describe_waiter(failure, waiter, sizeof(waiter));
	sbn_say("rank %u (pid %d, domain %u): its process %d, which had joined the run, has ended "
		"without syncbn_finalize%s; it was %s",
		rank, (int)process->pid, job->plan->rank[rank].domain, (int)process->member.pid,
		waiter, failure->was_in != NULL ? failure->was_in[rank] : "in the run");
}

bool
sbn_failure_reason(const struct sbn_failure *failure, const struct sbn_job *job, char *text,
		   size_t bytes)
{
	char ending[SBN_ENDING_BYTES];

	if (failure->unheeded) {
		snprintf(text, bytes, "the group failed");
	} else if (failure->rank >= 0) {
		sbn_ending_describe(job, (uint32_t)failure->rank, ending, sizeof(ending));
		snprintf(text, bytes, "rank %d: %s", failure->rank, ending);
	}
	return failure->unheeded || failure->rank >= 0;
}
