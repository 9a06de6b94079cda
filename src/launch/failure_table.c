/* SPDX-License-Identifier: Apache-2.0 */
/* The table that follows a rank's failure. */
#include <stdlib.h>

#include "launch/ending.h"
#include "launch/failure.h"
#include "launch/say.h"
#include "launch/table.h"

void
sbn_failure_table(const struct sbn_failure *failure, const struct sbn_job *job)
{
	struct sbn_table_row *rows;

	if (failure->exit_code == 0 || failure->rank < 0 || job->n_ranks < 2)
		return;
	rows = calloc(job->n_ranks, sizeof(*rows));
	for (uint32_t rank = 0; rows != NULL && rank < job->n_ranks; rank++) {
		sbn_ending_describe(job, rank, rows[rank].state, sizeof(rows[rank].state));
		rows[rank].doing = failure->was_in == NULL ? NULL : failure->was_in[rank];
	}
	if (rows != NULL)
		sbn_table_say(job, "end", "at the first failure", (uint32_t)failure->rank, rows);
	if (failure->waiter >= 0)
		sbn_say("%s", failure->missing.data);
	free(rows);
}
