/* SPDX-License-Identifier: Apache-2.0 */
/* Which end of a rank is a failure, and what is told of the first one. */
#ifndef SBN_LAUNCH_FAILURE_H
#define SBN_LAUNCH_FAILURE_H

#include "launch/job.h"
#include "launch/text.h"

enum { SBN_FAILURE_TEXT = 256 };

/* The first cause. Whatever fails later is its consequence, or comes too late to matter. */
struct sbn_failure {
	int exit_code; /* 0: nothing has failed */
	int rank;      /* -1: a signal to the launcher, or its own failure */
	bool wrapped;  /* a wrapper lives on, whose own code will count if it is not 0 */
	bool unheeded; /* all ranks ended with 0, and yet syncbn's calls failed in them */
	int waiter;    /* the rank that had waited longest when the first rank failed, or -1 */
	char waiter_in[SBN_FAILURE_TEXT]; /* in what: it leaves it as soon as it hears of it */
	struct sbn_text missing;          /* who came last where it waited, and who did not */
	char (*was_in)[SBN_FAILURE_TEXT]; /* [n_ranks] when the first rank failed, or NULL */
};

enum sbn_end {
	SBN_END_GOOD,      /* nobody needs it any more */
	SBN_END_BAD,       /* a signal or an exit code */
	SBN_END_EARLY,     /* exit 0 without syncbn_finalize after syncbn_init */
	SBN_END_NOT_JOINED /* exit 0 without syncbn_init while another rank is in the run */
};

/* How the end of a rank is to be seen; its state and the others' as the segment says. */
enum sbn_end sbn_end_judge(const struct sbn_control *control, uint32_t rank, int wait_status);

/*
 * A rank has been reaped: tells its peers through the segment, and the user if it is the first
 * failure. True when it is that.
 */
bool sbn_failure_rank_ended(struct sbn_failure *failure, struct sbn_job *job, uint32_t rank);

/*
 * The same when the process that has joined as a rank has ended, and the rank's own process, a
 * wrapper, lives on. False also when it has left the run before.
 */
bool sbn_failure_member_ended(struct sbn_failure *failure, const struct sbn_job *job,
			      uint32_t rank);

/* failure_text.c: says of the first failure what is to be known at once. */
void sbn_failure_say_first(const struct sbn_failure *failure, const struct sbn_job *job,
			   enum sbn_end end);
void sbn_failure_say_member(const struct sbn_failure *failure, const struct sbn_job *job);

/* At the end: syncbn's calls have failed in the ranks, and yet all have ended with 0. */
void sbn_failure_unheeded(struct sbn_failure *failure, const struct sbn_job *job);

/*
 * Writes who failed and how in a few words ("rank 1: killed by signal 9 (Killed)"). False when
 * it was no rank's doing.
 */
bool sbn_failure_reason(const struct sbn_failure *failure, const struct sbn_job *job, char *text,
			size_t bytes);

/* Anything else that ends the run; false when something came before. */
bool sbn_failure_set(struct sbn_failure *failure, int exit_code);

/*
 * Whether a rank that has joined still runs: it may see the failure and leave by itself, or it has
 * left and ends what it does.
 */
bool sbn_failure_peers_remain(const struct sbn_job *job);

/*
 * failure_table.c: how every rank ended, what it was in, and who came last. After a rank's failure,
 * when all have ended.
 */
void sbn_failure_table(const struct sbn_failure *failure, const struct sbn_job *job);

void sbn_failure_free(struct sbn_failure *failure);

#endif
