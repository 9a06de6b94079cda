/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stream of bytes into lines that are written whole. */
#ifndef SBN_LAUNCH_LINES_H
#define SBN_LAUNCH_LINES_H

#include <stddef.h>

#include <syncbn/status.h>

enum { SBN_LINES_LONGEST = 64 * 1024 };

/* Receives the text of one line, without its newline. */
typedef void (*sbn_line_fn)(void *sink, const char *text, size_t bytes);

struct sbn_lines {
	char *held; /* the beginning of a line whose end has not come */
	size_t n_held;
	sbn_line_fn emit;
	void *sink;
};

syncbn_status_t sbn_lines_open(sbn_line_fn emit, void *sink, struct sbn_lines *lines);

/* A line longer than LONGEST comes in pieces of that length, each a line of its own. */
void sbn_lines_feed(struct sbn_lines *lines, const char *data, size_t bytes);

/* Emits the last line, if it had no end, and frees. */
void sbn_lines_close(struct sbn_lines *lines);

#endif
