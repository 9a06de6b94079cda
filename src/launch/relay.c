/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/math.h"
#include "launch/lines.h"

enum { READ_BYTES = 64 * 1024, SINK_BYTES = SBN_LINES_LONGEST + 64 * 1024 };

/* Whole lines on their way to one of our two outputs. */
struct sink {
	int fd;
	int socket;   /* where a failure is told */
	bool broken;  /* it has been told; swallow what comes */
	size_t used;
	char data[SINK_BYTES];
};

struct relay {
	struct sink out, err;
	struct sbn_lines *lines; /* [n_streams]: even a rank's output, odd its errors */
	struct pollfd *polls;    /* [n_streams + 1]: the last is the socket */
	unsigned n_streams;
	char data[READ_BYTES];
};

static void
break_sink(struct sink *sink)
{
	int error = errno;

	sink->broken = true;
	send(sink->socket, &error, sizeof(error), 0);
}

static void
flush(struct sink *sink)
{
	size_t done = 0;

	while (done < sink->used && !sink->broken) {
		ssize_t written = write(sink->fd, sink->data + done, sink->used - done);

		if (written >= 0)
			done += (size_t)written;
		else if (errno == EAGAIN) /* somebody made the caller's terminal non-blocking */
			poll(&(struct pollfd){ .fd = sink->fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			break_sink(sink);
	}
	sink->used = 0;
}

static void
add(struct sink *sink, const char *data, size_t bytes)
{
	memcpy(sink->data + sink->used, data, bytes);
	sink->used += bytes;
}

/* An sbn_line_fn. */
static void
add_line(void *context, const char *prefix, const char *text, size_t bytes)
{
	struct sink *sink = context;
	size_t prefix_bytes = strlen(prefix);

	if (sink->used + prefix_bytes + bytes + 1 > SINK_BYTES)
		flush(sink);
	add(sink, prefix, prefix_bytes);
	add(sink, text, bytes);
	add(sink, "\n", 1);
}

static void
end_stream(struct relay *relay, unsigned i)
{
	sbn_lines_close(&relay->lines[i]);
	close(relay->polls[i].fd);
	relay->polls[i].fd = -1; /* poll passes it over */
}

static void
read_stream(struct relay *relay, unsigned i, size_t at_most)
{
	ssize_t bytes = read(relay->polls[i].fd, relay->data, SBN_MIN(at_most, READ_BYTES));

	if (bytes > 0)
		sbn_lines_feed(&relay->lines[i], relay->data, (size_t)bytes);
	else if (bytes == 0 || errno != EINTR)
		end_stream(relay, i);
}

static void
flush_both(struct relay *relay)
{
	flush(&relay->out);
	flush(&relay->err);
}

/* What lies in the pipe now, and no more: what the rank left behind may write for ever. */
static void
drain_stream(struct relay *relay, unsigned i)
{
	int left = 0;

	ioctl(relay->polls[i].fd, FIONREAD, &left);
	while (left > 0 && relay->polls[i].fd >= 0) {
		read_stream(relay, i, (size_t)left);
		left -= SBN_MIN(left, READ_BYTES);
	}
	if (relay->polls[i].fd >= 0)
		end_stream(relay, i);
}

static void
drain(struct relay *relay)
{
	for (unsigned i = 0; i < relay->n_streams; i++)
		if (relay->polls[i].fd >= 0)
			drain_stream(relay, i);
	flush_both(relay);
}

static syncbn_status_t
open_streams(struct relay *relay, const struct sbn_output_pipes *reads)
{
	for (unsigned i = 0; i < relay->n_streams; i++) {
		char prefix[SBN_LINES_PREFIX];
		struct sink *sink = i % 2 == 0 ? &relay->out : &relay->err;
		syncbn_status_t status;

		snprintf(prefix, sizeof(prefix), "[%u] ", i / 2);
		status = sbn_lines_open(prefix, add_line, sink, &relay->lines[i]);
		if (status != SYNCBN_OK)
			return status;
		relay->polls[i] = (struct pollfd){
			.fd = i % 2 == 0 ? reads[i / 2].out : reads[i / 2].err,
			.events = POLLIN,
		};
	}
	return SYNCBN_OK;
}

/* Until the socket's peer has closed. */
static void
relay_streams(struct relay *relay)
{
	struct pollfd *socket_poll = &relay->polls[relay->n_streams];

	while (socket_poll->revents == 0) {
		if (poll(relay->polls, relay->n_streams + 1, -1) < 0)
			continue;
		for (unsigned i = 0; i < relay->n_streams; i++)
			if (relay->polls[i].revents != 0)
				read_stream(relay, i, READ_BYTES);
		flush_both(relay);
	}
}

int
sbn_relay(const struct sbn_output_pipes *reads, uint32_t n_ranks, int socket)
{
	/* the end of this process frees it all */
	struct relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL)
		return 1;
	relay->n_streams = 2 * n_ranks;
	relay->out.fd = STDOUT_FILENO;
	relay->err.fd = STDERR_FILENO;
	relay->out.socket = relay->err.socket = socket;
	relay->lines = calloc(relay->n_streams, sizeof(*relay->lines));
	relay->polls = calloc(relay->n_streams + 1, sizeof(*relay->polls));
	if (relay->lines == NULL || relay->polls == NULL ||
	    open_streams(relay, reads) != SYNCBN_OK)
		return 1;
	relay->polls[relay->n_streams] = (struct pollfd){ .fd = socket, .events = POLLIN };
	relay_streams(relay);
	drain(relay);
	return 0;
}
