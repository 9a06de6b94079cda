/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ranks' standard input. With --stdin all a feeder, a process of its own, copies ours into a
 * pipe for each rank; the slowest rank sets the pace, and one that closes its input is left out.
 */
#ifndef SBN_LAUNCH_INPUT_H
#define SBN_LAUNCH_INPUT_H

#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

#include "launch/options.h"

struct sbn_output;

struct sbn_input {
	enum sbn_input_to to; /* never AUTO */
	uint32_t n_ranks;
	pid_t feeder; /* 0: none */
	int *reads;   /* [n_ranks] the ranks' ends, until the ranks have them */
};

/* After the output, whose pipes the feeder must not keep open. */
syncbn_status_t sbn_input_start(enum sbn_input_to to, uint32_t n_ranks,
				const struct sbn_output *output, struct sbn_input *input);

/* By a rank's process: gives it its standard input. */
syncbn_status_t sbn_input_take(const struct sbn_input *input, uint32_t rank);

/* By the launcher, when all ranks have been forked. */
void sbn_input_handed_over(struct sbn_input *input);

/* Ends the feeder. */
void sbn_input_end(struct sbn_input *input);

#endif
