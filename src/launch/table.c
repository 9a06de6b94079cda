/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/table.h"

#include <string.h>

#include "base/math.h"
#include "launch/say.h"

enum { MAX_ROWS = 64 };

static void
say_row(const struct sbn_job *job, uint32_t rank, int width, const struct sbn_table_row *row)
{
	if (row->doing == NULL)
		sbn_say("%4u  %8d  %6u  %s", rank, (int)job->process[rank].pid,
			job->plan->rank[rank].domain, row->state);
	else
		sbn_say("%4u  %8d  %6u  %-*s  %s", rank, (int)job->process[rank].pid,
			job->plan->rank[rank].domain, width, row->state, row->doing);
}

void
sbn_table_say(const struct sbn_job *job, const char *state_head, const char *doing_head,
	      uint32_t first, const struct sbn_table_row *rows)
{
	uint32_t n_rows = SBN_MIN(job->n_ranks, MAX_ROWS);
	size_t width = SBN_MAX(strlen(state_head), strlen(rows[first].state));

	for (uint32_t rank = 0; rank < n_rows; rank++)
		width = SBN_MAX(width, strlen(rows[rank].state));
	if (rows[first].doing == NULL)
		sbn_say("rank       pid  domain  %s", state_head);
	else
		sbn_say("rank       pid  domain  %-*s  %s", (int)width, state_head, doing_head);
	say_row(job, first, (int)width, &rows[first]);
	for (uint32_t rank = 0; rank < n_rows; rank++)
		if (rank != first)
			say_row(job, rank, (int)width, &rows[rank]);
	if (n_rows < job->n_ranks)
		sbn_say("and %u more ranks", job->n_ranks - n_rows);
}
