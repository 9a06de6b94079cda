/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/notice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "base/parse.h"
#include "launch/proc.h"
#include "launch/say.h"

enum { MAX_NAMED = 4, TEXT_BYTES = 1024, LOOKS_A_WAIT = 8 };

struct text {
	char data[TEXT_BYTES];
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) append(struct text *text, const char *format, ...)
{
	size_t room = TEXT_BYTES - text->used;
	va_list args;
	int wanted;

	va_start(args, format);
	wanted = vsnprintf(text->data + text->used, room, format, args);
	va_end(args);
	if (wanted > 0)
		text->used += SBN_MIN((size_t)wanted, room - 1);
}

syncbn_status_t
sbn_notice_open(const struct sbn_job *job, struct sbn_notice *notice)
{
	int64_t wait_ms = 30000;
	syncbn_status_t status = sbn_env_int("SYNCBN_RUN_NOTICE_MS", 1, INT32_MAX, &wait_ms);

	*notice = (struct sbn_notice){ .wait_ns = (uint64_t)wait_ms * SBN_NS_PER_MS };
	if (status != SYNCBN_OK)
		return status;
	notice->told_since_ns = calloc(job->n_ranks, sizeof(*notice->told_since_ns));
	if (notice->told_since_ns == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the watch over %u ranks", job->n_ranks);
	return SYNCBN_OK;
}

/* What a rank waits in, and since when; since 0: it does not wait. */
struct waiting {
	uint64_t since_ns;
	struct sbn_now now;
};

static struct waiting
waiting_of(const struct sbn_job *job, uint32_t rank)
{
	struct sbn_rank_now *now = &sbn_control_rank(&job->segment.control, rank)->now;
	/* acquire: the word is read after the time, and the time again after the word, so a word
	 * between two equal times belongs to that wait */
	uint64_t since = atomic_load_explicit(&now->since_ns, memory_order_acquire);
	uint64_t word = atomic_load_explicit(&now->op, memory_order_acquire);
	/* relaxed: the acquire above keeps it behind */
	uint64_t again = atomic_load_explicit(&now->since_ns, memory_order_relaxed);

	if (since != again || !job->process[rank].running)
		since = 0;
	return (struct waiting){ .since_ns = since, .now = sbn_now_unpack(word) };
}

static bool
same_call(struct sbn_now a, struct sbn_now b)
{
	/* not the layer: it is an index into each rank's own table */
	return a.inside && b.inside && a.op == b.op && a.group == b.group && a.call == b.call;
}

static bool
is_stopped(pid_t pid)
{
	struct sbn_proc_stat stat;

	return sbn_proc_stat(pid, &stat) && (stat.state == 'T' || stat.state == 't');
}

static void
append_absent(struct text *text, const struct sbn_job *job, uint32_t rank)
{
	char what[160], ending[80];

	if (!job->process[rank].running) {
		sbn_control_ending(&job->segment.control, rank, ending, sizeof(ending));
		append(text, "rank %u (has ended: %s)", rank, ending);
		return;
	}
	sbn_control_describe(&job->segment.control, rank, what, sizeof(what));
	append(text, "rank %u (%s%s)", rank, is_stopped(job->process[rank].pid) ? "stopped, " : "",
	       what);
}

/* Takes all that wait in the same call as told; names the first few. */
static void
append_waiters(struct sbn_notice *notice, struct text *text, const struct sbn_job *job,
	       struct sbn_now now)
{
	unsigned n = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct waiting other = waiting_of(job, rank);

		if (other.since_ns == 0 || !same_call(now, other.now))
			continue;
		notice->told_since_ns[rank] = other.since_ns;
		if (n++ < MAX_NAMED)
			append(text, "%s%u", n == 1 ? "" : ", ", rank);
	}
	if (n > MAX_NAMED)
		append(text, " and %u more", n - MAX_NAMED);
}

static void
append_missing(struct text *text, const struct sbn_job *job, struct sbn_now now)
{
	/* who is in a sub group is not known here */
	const char *first = now.group == 0 ? "; not there: " : "; elsewhere: ";
	unsigned n = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		if (job->process[rank].running && same_call(now, waiting_of(job, rank).now) &&
		    !is_stopped(job->process[rank].pid))
			continue;
		if (n++ < MAX_NAMED) {
			append(text, "%s", n == 1 ? first : ", ");
			append_absent(text, job, rank);
		}
	}
	if (n > MAX_NAMED)
		append(text, " and %u more", n - MAX_NAMED);
}

static void
tell_wait(struct sbn_notice *notice, const struct sbn_job *job, uint32_t rank,
	  struct waiting waiting, uint64_t waited_ns)
{
	struct text text = { .used = 0 };
	char what[160];

	sbn_control_describe(&job->segment.control, rank, what, sizeof(what));
	append(&text, "waiting for %.3g s %s: rank ", (double)waited_ns / (double)SBN_NS_PER_S,
	       what);
	append_waiters(notice, &text, job, waiting.now);
	append_missing(&text, job, waiting.now);
	sbn_say("%s", text.data);
	notice->told_since_ns[rank] = waiting.since_ns;
	notice->join_told |= waiting.now.op == SBN_OP_JOIN;
}

static void
look_at_waits(struct sbn_notice *notice, const struct sbn_job *job, uint64_t now_ns)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct waiting waiting = waiting_of(job, rank);
		uint64_t since = SBN_MAX(waiting.since_ns, notice->resumed_ns);

		/* a stopped rank waits for nobody: the others wait for it */
		if (waiting.since_ns != 0 && waiting.since_ns != notice->told_since_ns[rank] &&
		    now_ns > since && now_ns - since >= notice->wait_ns &&
		    !is_stopped(job->process[rank].pid))
			tell_wait(notice, job, rank, waiting, now_ns - since);
	}
}

/* Ranks that have not come at all while others have, unless a wait in joining has told of them. */
static void
look_at_joins(struct sbn_notice *notice, const struct sbn_job *job, uint64_t now_ns)
{
	struct text text = { .used = 0 };
	uint32_t n_joined = 0, n_named = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		if (sbn_control_state(&job->segment.control, rank) & SBN_RANK_JOINED) {
			n_joined++;
		} else if (n_named++ < MAX_NAMED) {
			append(&text, "%s", n_named == 1 ? "" : ", ");
			append_absent(&text, job, rank);
		}
	}
	if (n_joined != 0 && notice->first_join_ns == 0)
		notice->first_join_ns = now_ns;
	if (n_joined == 0 || n_joined == job->n_ranks || notice->join_told ||
	    now_ns - SBN_MAX(notice->first_join_ns, notice->resumed_ns) < notice->wait_ns)
		return;
	notice->join_told = true;
	sbn_say("%u of %u ranks have joined; not there: %s%s", n_joined, job->n_ranks, text.data,
		n_named > MAX_NAMED ? " and more" : "");
}

void
sbn_notice_look(struct sbn_notice *notice, const struct sbn_job *job)
{
	uint64_t now_ns = sbn_now_ns();

	if (now_ns < notice->next_look_ns)
		return;
	notice->next_look_ns = now_ns + notice->wait_ns / LOOKS_A_WAIT;
	look_at_waits(notice, job, now_ns);
	look_at_joins(notice, job, now_ns);
}

void
sbn_notice_resumed(struct sbn_notice *notice)
{
	notice->resumed_ns = sbn_now_ns();
}

void
sbn_notice_close(struct sbn_notice *notice)
{
	free(notice->told_since_ns);
}
