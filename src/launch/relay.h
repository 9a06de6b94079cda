/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay of output.h does: the ranks' streams in, whole lines out. */
#ifndef SBN_LAUNCH_RELAY_H
#define SBN_LAUNCH_RELAY_H

#include <stdbool.h>
#include <stdint.h>

struct sbn_relay_plan {
	uint32_t n_ranks;
	const int *streams; /* [2 * n_ranks] even a rank's output, odd its errors */
	const bool *shown;  /* [n_ranks] on our standard output and error */
	const int *files;   /* [n_ranks], or NULL: none */
	bool tag, timestamps;
	bool color[2]; /* of tags on standard output, and error */
	int socket;
};

/* What it sends when something cannot be written. */
struct sbn_relay_news {
	int error; /* an errno */
	int rank;  /* whose file; -1: our standard output or error */
};

/* Returns the process's exit code, when the socket's peer has closed and all is written. */
int sbn_relay(const struct sbn_relay_plan *plan);

/* ---- pure ---- */

/* Writes "[3] ", with the rank's color if it is wanted. */
enum { SBN_RELAY_PREFIX = 64 };
void sbn_relay_tag(uint32_t rank, bool color, char text[SBN_RELAY_PREFIX]);

/* Writes "2025-11-26 04:20:28.123 ", local time. */
void sbn_relay_time(int64_t seconds, long nanoseconds, char text[SBN_RELAY_PREFIX]);

#endif
