/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/notice.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "base/parse.h"
#include "launch/say.h"
#include "launch/waits.h"

enum { MAX_NAMED = 4, LOOKS_A_WAIT = 8 };

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

/* Takes all that wait in the same call as told; names the first few. */
static void
append_waiters(struct sbn_notice *notice, struct sbn_text *text, const struct sbn_job *job,
	       struct sbn_now now)
{
	unsigned n = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct sbn_waiting other = sbn_waiting_of(job, rank);

		if (other.since_ns == 0 || !sbn_same_call(now, other.now))
			continue;
		notice->told_since_ns[rank] = other.since_ns;
		if (n++ < MAX_NAMED)
			sbn_text_append(text, "%s%u", n == 1 ? "" : ", ", rank);
	}
	if (n > MAX_NAMED)
		sbn_text_append(text, " and %u more", n - MAX_NAMED);
}

static void
tell_wait(struct sbn_notice *notice, const struct sbn_job *job, uint32_t rank,
	  struct sbn_waiting waiting, uint64_t waited_ns)
{
	struct sbn_text text = { .used = 0 };
	char what[SBN_DOING_BYTES];

	sbn_control_describe(&job->segment.control, rank, what, sizeof(what));
	sbn_text_append(&text, "waiting for %.3g s %s: rank ",
			(double)waited_ns / (double)SBN_NS_PER_S, what);
	append_waiters(notice, &text, job, waiting.now);
	sbn_waits_append_missing(&text, job, waiting.now);
	sbn_say("%s", text.data);
	notice->told_since_ns[rank] = waiting.since_ns;
	notice->join_told |= waiting.now.op == SBN_OP_JOIN;
}

static void
look_at_waits(struct sbn_notice *notice, const struct sbn_job *job, uint64_t resumed_ns,
	      uint64_t now_ns)
{
	const struct sbn_patience patience = { notice->wait_ns, resumed_ns, notice->told_since_ns };

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		const struct sbn_waiting waiting = sbn_waiting_of(job, rank);
		const uint64_t waited_ns =
			sbn_waits_too_long(job, rank, &waiting, &patience, now_ns);

		if (waited_ns != 0)
			tell_wait(notice, job, rank, waiting, waited_ns);
	}
}

/* Ranks that have not come at all while others have, unless a wait in joining has told of them. */
static void
look_at_joins(struct sbn_notice *notice, const struct sbn_job *job, uint64_t resumed_ns,
	      uint64_t now_ns)
{
	struct sbn_text text = { .used = 0 };
	uint32_t n_joined = 0, n_named = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		if (sbn_control_state(&job->segment.control, rank) & SBN_RANK_JOINED) {
			n_joined++;
		} else if (n_named++ < MAX_NAMED) {
			sbn_text_append(&text, "%s", n_named == 1 ? "" : ", ");
			sbn_waits_append_absent(&text, job, rank);
		}
	}
	if (n_joined != 0 && notice->first_join_ns == 0)
		notice->first_join_ns = now_ns;
	if (n_joined == 0 || n_joined == job->n_ranks || notice->join_told ||
	    now_ns - SBN_MAX(notice->first_join_ns, resumed_ns) < notice->wait_ns)
		return;
	notice->join_told = true;
	sbn_say("%u of %u ranks have joined; not there: %s%s", n_joined, job->n_ranks, text.data,
		n_named > MAX_NAMED ? " and more" : "");
}

void
sbn_notice_look(struct sbn_notice *notice, const struct sbn_job *job,
		const struct sbn_clocks *clocks)
{
	uint64_t now_ns = sbn_now_ns();

	if (now_ns < notice->next_look_ns)
		return;
	notice->next_look_ns = now_ns + notice->wait_ns / LOOKS_A_WAIT;
	if (sbn_clocks_paused(clocks))
		return;
	look_at_waits(notice, job, clocks->resumed_ns, now_ns);
	look_at_joins(notice, job, clocks->resumed_ns, now_ns);
}

void
sbn_notice_close(struct sbn_notice *notice)
{
	free(notice->told_since_ns);
}
