/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the threads of a rank are: their stacks, or where they cannot be had what /proc says of
 * each thread and of what it waits for in the kernel.
 */
#ifndef SBN_LAUNCH_STACKS_H
#define SBN_LAUNCH_STACKS_H

#include "launch/job.h"
#include "launch/threads.h"

struct sbn_stacks {
	struct sbn_threads *held; /* [n_ranks] which could not be let go yet */
	uint32_t n_ranks;
	bool reason_told; /* why there are no stacks */
};

syncbn_status_t sbn_stacks_open(uint32_t n_ranks, struct sbn_stacks *stacks);

/*
 * Says them of all ranks that run. The clocks should stand still meanwhile. A rank that ends under
 * our hands is noted in the job, as if it had been reaped.
 */
void sbn_stacks_say(struct sbn_stacks *stacks, struct sbn_job *job);

/* Lets go what hung in the kernel when its stack was to be taken. */
void sbn_stacks_release(struct sbn_stacks *stacks, struct sbn_job *job);

void sbn_stacks_close(struct sbn_stacks *stacks);

#endif
