/* SPDX-License-Identifier: Apache-2.0 */
/* One line on standard error when ranks have waited long: who waits in what, and for whom. */
#ifndef SBN_LAUNCH_NOTICE_H
#define SBN_LAUNCH_NOTICE_H

#include "launch/clocks.h"
#include "launch/job.h"

struct sbn_notice {
	uint64_t wait_ns; /* how long is long; SYNCBN_RUN_NOTICE_MS shortens it for tests */
	uint64_t next_look_ns;
	uint64_t first_join_ns; /* when a joined rank was first seen; 0: none yet */
	bool join_told;
	uint64_t *told_since_ns; /* [n_ranks] the beginning of the wait that was told last */
};

syncbn_status_t sbn_notice_open(const struct sbn_job *job, struct sbn_notice *notice);

/* Looks at the ranks if it is time to. */
void sbn_notice_look(struct sbn_notice *notice, const struct sbn_job *job,
		     const struct sbn_clocks *clocks);

void sbn_notice_close(struct sbn_notice *notice);

#endif
