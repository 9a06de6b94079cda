/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"

syncbn_status_t
sbn_lines_open(sbn_line_fn emit, void *sink, struct sbn_lines *lines)
{
	*lines = (struct sbn_lines){ .emit = emit, .sink = sink };
	lines->held = malloc(SBN_LINES_LONGEST);
	if (lines->held == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "room for a line of output");
	return SYNCBN_OK;
}

static void
hold(struct sbn_lines *lines, const char *data, size_t bytes)
{
	memcpy(lines->held + lines->n_held, data, bytes);
	lines->n_held += bytes;
}

static void
release(struct sbn_lines *lines)
{
	lines->emit(lines->sink, lines->held, lines->n_held);
	lines->n_held = 0;
}

/* One line, a piece of one, or a beginning to hold; gives the bytes taken, newline included. */
static size_t
take(struct sbn_lines *lines, const char *data, size_t bytes)
{
	size_t room = SBN_LINES_LONGEST - lines->n_held;
	const char *newline = memchr(data, '\n', SBN_MIN(bytes, room + 1));
	size_t length = newline == NULL ? SBN_MIN(bytes, room) : (size_t)(newline - data);

	if (newline != NULL && lines->n_held == 0) {
		lines->emit(lines->sink, data, length);
		return length + 1;
	}
	hold(lines, data, length);
	/* a full line is kept until it is known whether its newline follows */
	if (newline != NULL || length < bytes)
		release(lines);
	return length + (newline != NULL);
}

void
sbn_lines_feed(struct sbn_lines *lines, const char *data, size_t bytes)
{
	while (bytes > 0) {
		size_t taken = take(lines, data, bytes);

		data += taken;
		bytes -= taken;
	}
}

void
sbn_lines_close(struct sbn_lines *lines)
{
	if (lines->n_held > 0)
		release(lines);
	free(lines->held);
	lines->held = NULL;
}
