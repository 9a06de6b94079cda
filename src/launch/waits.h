/* SPDX-License-Identifier: Apache-2.0 */
/* What ranks wait in and for whom, as the segment and /proc say; read only. */
#ifndef SBN_LAUNCH_WAITS_H
#define SBN_LAUNCH_WAITS_H

#include "launch/job.h"
#include "launch/text.h"

enum { SBN_DOING_BYTES = 240 };

struct sbn_waiting {
	uint64_t since_ns; /* 0: it does not wait */
	struct sbn_now now;
	uint32_t peer;       /* for whom it waits */
	uint32_t first, end; /* the items that it needs of that rank */
};

struct sbn_waiting sbn_waiting_of(const struct sbn_job *job, uint32_t rank);

/* Whether two ranks are in the same call of the same group. */
bool sbn_same_call(struct sbn_now a, struct sbn_now b);

/* The rank that has waited longest, or -1. */
int sbn_waits_longest(const struct sbn_job *job);

/*
 * What a rank is in, and when it waits for what, how long and for whom:
 *	in forward of bn2, call 812, channels 0-63: waits 3.2 s for rank 1
 * `now_ns` is the time until which it has waited.
 */
void sbn_waits_describe(const struct sbn_job *job, uint32_t rank, uint64_t now_ns, char *text,
			size_t bytes);

/* A letter of /proc/PID/stat: 'T' stopped, 't' by a debugger; 0: there is no such process. */
char sbn_waits_state(const struct sbn_job *job, uint32_t rank);

/* "stopped, ", "in a debugger, " or "". */
const char *sbn_waits_stop_word(char state);

bool sbn_waits_is_stopped(const struct sbn_job *job, uint32_t rank);

/* How long a rank may wait until it is told of, once for each wait. */
struct sbn_patience {
	uint64_t ns;
	uint64_t resumed_ns;           /* when the clocks went on; what was before does not count */
	const uint64_t *told_since_ns; /* [n_ranks] when the waits began that were told of */
};

/*
 * How long the rank, which waits so, has waited if that is longer, in ns; 0: it is not. A stopped
 * rank waits for nobody: the others wait for it.
 */
uint64_t sbn_waits_too_long(const struct sbn_job *job, uint32_t rank,
			    const struct sbn_waiting *waiting, const struct sbn_patience *patience,
			    uint64_t now_ns);

/*
 * "; rank 3 came last, 1.2 s later": who of those that wait in the call of `first`, which waits
 * there longest, began to wait last; "; still at work there: rank 2": who is in it and does not
 * wait.
 */
void sbn_waits_append_last(struct sbn_text *text, const struct sbn_job *job, uint32_t first);

/*
 * "; not there: rank 1 (stopped, in no collective ...)": who of the ranks is not in that call; and
 * one of them for a text that is about it, "rank 1 (has ended: exit 3)".
 */
void sbn_waits_append_missing(struct sbn_text *text, const struct sbn_job *job, struct sbn_now now);
void sbn_waits_append_absent(struct sbn_text *text, const struct sbn_job *job, uint32_t rank);

#endif
