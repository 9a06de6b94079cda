/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the ranks' output. As a rule they have the launcher's own standard output and
 * error. Where lines are to be marked, written to files or not shown, each rank writes into two
 * pipes (or pseudo terminals, see pty.h); a relay, a process of its own, cuts the streams into
 * lines and writes each whole. The relay may wait for a slow terminal as long as that takes; the
 * launcher never does.
 *
 * Relay and launcher share a socket. From the launcher, end of file: the ranks have ended, write
 * what is there and end. From the relay, news: something cannot be written (what the ranks write
 * there from then on is swallowed, so that they end by the launcher's hand); end of file: all is
 * written.
 */
#ifndef SBN_LAUNCH_OUTPUT_H
#define SBN_LAUNCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <syncbn/status.h>

#include "launch/options.h"
#include "launch/relay.h"

struct sbn_output {
	pid_t relay; /* 0: none, the ranks have our descriptors */
	int socket;  /* readable when the relay has something to say; -1: it has ended */
	uint32_t n_ranks;
	int *writes;    /* [2 * n_ranks] the ranks' ends, out and err, until the ranks have them */
	int *terminals; /* [2 * n_ranks] our ends of pseudo terminals, to be resized; else -1 */
};

/*
 * Starts the relay if one of the options needs it. `again`: files of an earlier start go on.
 * INVALID: a rank that is not there, a directory that cannot be written.
 */
syncbn_status_t sbn_output_start(const struct sbn_options *options, uint32_t n_ranks, bool again,
				 struct sbn_output *output);

/* By the launcher, when all ranks have been forked: closes its copies of the write ends. */
void sbn_output_handed_over(struct sbn_output *output);

/*
 * By another process that the launcher has forked: closes all of its copies. With one left, the
 * socket would never come to its end in the launcher's epoll.
 */
void sbn_output_forget(struct sbn_output *output);

/*
 * The socket is readable: true when the relay tells of a failure; else the socket has come to its
 * end and is closed.
 */
bool sbn_output_hear(struct sbn_output *output, struct sbn_relay_news *news);

/* Our terminal's size has changed. */
void sbn_output_resize(const struct sbn_output *output);

/* All ranks have ended: the relay shall write the rest. */
void sbn_output_finish(struct sbn_output *output);

/* Ends the relay, whatever it still has, and reaps it. */
void sbn_output_end(struct sbn_output *output);

#endif
