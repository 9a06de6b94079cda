/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/hang.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "launch/proc.h"
#include "launch/say.h"
#include "launch/table.h"
#include "launch/waits.h"

enum { LOOKS_A_WAIT = 8 };

syncbn_status_t
sbn_hang_open(const struct sbn_job *job, struct sbn_hang *hang)
{
	double patience_s = job->options->hang_report_s;

	*hang = (struct sbn_hang){ .next_look_ns = UINT64_MAX };
	if (patience_s > 0) {
		hang->patience_ns = (uint64_t)(patience_s * (double)SBN_NS_PER_S);
		hang->next_look_ns = 0;
	}
	hang->told_since_ns = calloc(job->n_ranks, sizeof(*hang->told_since_ns));
	if (hang->told_since_ns == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the watch over %u ranks", job->n_ranks);
	return sbn_stacks_open(job->n_ranks, &hang->stacks);
}

static void
describe_state(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes)
{
	if (job->process[rank].running)
		snprintf(text, bytes, "%s", sbn_proc_state_word(sbn_waits_state(job, rank)));
	else
		sbn_ending_describe(job, rank, text, bytes);
}

static void
say_table(const struct sbn_job *job, uint32_t first)
{
	struct sbn_table_row *rows = calloc(job->n_ranks, sizeof(*rows));
	char(*doing)[SBN_DOING_BYTES] = calloc(job->n_ranks, sizeof(*doing));
	uint64_t now_ns = sbn_now_ns();

	if (rows == NULL || doing == NULL)
		goto out;
	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		describe_state(job, rank, rows[rank].state, sizeof(rows[rank].state));
		sbn_waits_describe(job, rank, now_ns, doing[rank], sizeof(doing[rank]));
		rows[rank].doing = doing[rank];
	}
	sbn_table_say(job, "state", "is", first, rows);
out:
	free(rows);
	free(doing);
}

/* Ranks are held for their stacks, so the clocks are, too. */
static void
say_all(struct sbn_hang *hang, struct sbn_job *job, struct sbn_clocks *clocks, uint32_t first)
{
	say_table(job, first);
	sbn_clocks_hold(job);
	sbn_stacks_say(&hang->stacks, job);
	sbn_clocks_release(clocks, job);
}

static void
report_wait(struct sbn_hang *hang, struct sbn_job *job, struct sbn_clocks *clocks, uint32_t rank,
	    uint64_t now_ns)
{
	struct sbn_text text = { .used = 0 };
	char doing[SBN_DOING_BYTES];

	sbn_waits_describe(job, rank, now_ns, doing, sizeof(doing));
	sbn_text_append(&text, "hang report: rank %u is %s", rank, doing);
	sbn_waits_append_last(&text, job, rank);
	sbn_waits_append_missing(&text, job, sbn_waiting_of(job, rank).now);
	sbn_say("%s", text.data);
	for (uint32_t each = 0; each < job->n_ranks; each++)
		hang->told_since_ns[each] = sbn_waiting_of(job, each).since_ns;
	say_all(hang, job, clocks, rank);
}

/* A rank that has waited too long in a wait that was not told yet; or -1. */
static int
find_late(const struct sbn_hang *hang, const struct sbn_job *job, uint64_t resumed_ns,
	  uint64_t now_ns)
{
	const struct sbn_patience patience = { hang->patience_ns, resumed_ns, hang->told_since_ns };

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		const struct sbn_waiting waiting = sbn_waiting_of(job, rank);

		if (sbn_waits_too_long(job, rank, &waiting, &patience, now_ns) != 0)
			return (int)rank;
	}
	return -1;
}

void
sbn_hang_look(struct sbn_hang *hang, struct sbn_job *job, struct sbn_clocks *clocks)
{
	uint64_t now_ns = sbn_now_ns();
	int late;

	sbn_stacks_release(&hang->stacks, job);
	if (now_ns < hang->next_look_ns)
		return;
	hang->next_look_ns = now_ns + hang->patience_ns / LOOKS_A_WAIT;
	if (sbn_clocks_paused(clocks))
		return;
	late = find_late(hang, job, clocks->resumed_ns, now_ns);
	if (late >= 0)
		report_wait(hang, job, clocks, (uint32_t)late, now_ns);
}

void
sbn_hang_look_for_timeout(struct sbn_hang *hang, struct sbn_job *job, struct sbn_clocks *clocks)
{
	struct sbn_abort abort = sbn_control_aborted(&job->segment.control);
	struct sbn_text text = { .used = 0 };

	/* other processes' words are no ranks before they are checked */
	if (hang->timeout_told || abort.cause != SYNCBN_ERR_TIMEOUT || abort.rank >= job->n_ranks ||
	    abort.other >= job->n_ranks)
		return;
	hang->timeout_told = true;
	sbn_text_append(&text, "timeout: rank %u has given up waiting for ", abort.rank);
	sbn_waits_append_absent(&text, job, abort.other);
	sbn_say("%s", text.data);
	say_all(hang, job, clocks, abort.other);
}

void
sbn_hang_close(struct sbn_hang *hang)
{
	free(hang->told_since_ns);
	sbn_stacks_close(&hang->stacks);
}
