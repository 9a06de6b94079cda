/* SPDX-License-Identifier: Apache-2.0 */
/* A line a rank: its number, pid and domain, a word on its state, and what it is in. */
#ifndef SBN_LAUNCH_TABLE_H
#define SBN_LAUNCH_TABLE_H

#include "launch/ending.h"
#include "launch/job.h"

struct sbn_table_row {
	char state[SBN_ENDING_BYTES];
	const char *doing; /* NULL in all rows: no such column */
};

/* Says the table on standard error, rank `first` first. rows: [n_ranks] */
void sbn_table_say(const struct sbn_job *job, const char *state_head, const char *doing_head,
		   uint32_t first, const struct sbn_table_row *rows);

#endif
