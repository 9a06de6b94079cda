/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --tag: each rank writes into two pipes; a relay, a process of its own, puts "[rank] " before
 * every line and writes it whole to our standard output or error. The relay may wait for a slow
 * terminal as long as that takes; the launcher never does.
 *
 * Relay and launcher share a socket. From the launcher, end of file: the ranks have ended, write
 * what is there and end. From the relay, an errno: our output cannot be written (what the ranks
 * write from then on is swallowed, so that they end by the launcher's hand); end of file: all is
 * written.
 */
#ifndef SBN_LAUNCH_OUTPUT_H
#define SBN_LAUNCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

struct sbn_output_pipes {
	int out, err; /* write ends */
};

struct sbn_output {
	pid_t relay;  /* 0: no tags, the ranks inherit our descriptors */
	int socket;   /* readable when the relay has something to say; -1: it has ended */
	uint32_t n_ranks;
	struct sbn_output_pipes *pipes; /* [n_ranks], until the ranks have them */
};

/* tag false: does nothing but say so in *output. */
syncbn_status_t sbn_output_start(bool tag, uint32_t n_ranks, struct sbn_output *output);

/* By the launcher, when all ranks have been forked: closes its copies of the write ends. */
void sbn_output_handed_over(struct sbn_output *output);

/* The socket is readable: 0, or the errno that the relay met; closes the socket at its end. */
int sbn_output_hear(struct sbn_output *output);

/* All ranks have ended: the relay shall write the rest. */
void sbn_output_finish(struct sbn_output *output);

/* Ends the relay, whatever it still has, and reaps it. */
void sbn_output_end(struct sbn_output *output);

#endif
