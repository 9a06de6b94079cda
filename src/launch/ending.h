/* SPDX-License-Identifier: Apache-2.0 */
/* How ranks ended, in words. */
#ifndef SBN_LAUNCH_ENDING_H
#define SBN_LAUNCH_ENDING_H

#include "launch/job.h"

enum { SBN_ENDING_BYTES = 112 };

/* The rank has been reaped: notes whether the kernel killed it for want of memory. */
void sbn_ending_note(struct sbn_job *job, uint32_t rank);

/* "exit 3", "killed by signal 11 (Segmentation fault), core dumped", "still runs" and the like. */
void sbn_ending_describe(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes);

/*
 * The same of the rank's own process, even if another process has joined as the rank; with a word
 * on the memory it had when it was killed for it.
 */
void sbn_ending_explain(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes);

#endif
