/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/sink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void
sbn_sink_flush(struct sbn_sink *sink)
{
	size_t done = 0;

	while (done < sink->used && sink->error == 0) {
		ssize_t written = write(sink->fd, sink->data + done, sink->used - done);

		if (written >= 0)
			done += (size_t)written;
		else if (errno == EAGAIN) /* somebody made the caller's terminal non-blocking */
			poll(&(struct pollfd){ .fd = sink->fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			sink->error = errno;
	}
	sink->used = 0;
}

static void
add(struct sbn_sink *sink, const char *data, size_t bytes)
{
	memcpy(sink->data + sink->used, data, bytes);
	sink->used += bytes;
}

void
sbn_sink_add(struct sbn_sink *sink, const char *prefix, const char *text, size_t bytes)
{
	size_t prefix_bytes = strlen(prefix);

	if (sink->used + prefix_bytes + bytes + 1 > SBN_SINK_BYTES)
		sbn_sink_flush(sink);
	add(sink, prefix, prefix_bytes);
	add(sink, text, bytes);
	add(sink, "\n", 1);
}
