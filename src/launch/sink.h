/* SPDX-License-Identifier: Apache-2.0 */
/* Whole lines on their way to a descriptor: our standard output or error, or a rank's file. */
#ifndef SBN_LAUNCH_SINK_H
#define SBN_LAUNCH_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/lines.h"

enum { SBN_SINK_BYTES = SBN_LINES_LONGEST + 64 * 1024 };

struct sbn_sink {
	int fd;
	int error; /* an errno: it cannot be written, and swallows what comes; 0: it can */
	size_t used;
	char data[SBN_SINK_BYTES];
};

/* Adds a line; writes what is there first, when it does not fit. */
void sbn_sink_add(struct sbn_sink *sink, const char *prefix, const char *text, size_t bytes);

/* Writes all that is there, as long as that takes. */
void sbn_sink_flush(struct sbn_sink *sink);

#endif
