/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports on ranks that wait too long: --hang-report, after which all goes on, and the one on a
 * rank's TIMEOUT, after which the run ends. Each says the table and the stacks.
 */
#ifndef SBN_LAUNCH_HANG_H
#define SBN_LAUNCH_HANG_H

#include "launch/clocks.h"
#include "launch/job.h"
#include "launch/stacks.h"

struct sbn_hang {
	uint64_t patience_ns;    /* of --hang-report; 0: not given */
	uint64_t next_look_ns;   /* UINT64_MAX without it */
	uint64_t *told_since_ns; /* [n_ranks] the beginning of the wait that was told last */
	bool timeout_told;
	struct sbn_stacks stacks;
};

syncbn_status_t sbn_hang_open(const struct sbn_job *job, struct sbn_hang *hang);

/* Looks at the ranks if it is time to. */
void sbn_hang_look(struct sbn_hang *hang, struct sbn_job *job, struct sbn_clocks *clocks);

/* Reports once when a rank has given up waiting; before its end is dealt with. */
void sbn_hang_look_for_timeout(struct sbn_hang *hang, struct sbn_job *job,
			       struct sbn_clocks *clocks);

void sbn_hang_close(struct sbn_hang *hang);

#endif
