/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/math.h"
#include "launch/lines.h"
#include "launch/sink.h"

enum {
	READ_BYTES = 64 * 1024,
	TERMINAL_HOLDS = 128 * 1024, /* more than the kernel keeps for a pseudo terminal's reader */
	COLORS = 6
};

struct relay;

/* What a rank writes on one descriptor. */
struct stream {
	const struct relay *relay;
	struct sbn_lines lines;
	struct sbn_sink *shown; /* NULL: not shown */
	struct sbn_sink *file;  /* NULL: no file */
	char tag[SBN_RELAY_PREFIX];
};

struct relay {
	const struct sbn_relay_plan *plan;
	struct sbn_sink *sinks; /* [2 + n_files]: standard output, standard error, files */
	uint32_t n_sinks;
	bool *told; /* [n_sinks] that it cannot be written */
	struct stream *streams;
	struct pollfd *polls; /* [n_streams + 1]: the last is the socket */
	unsigned n_streams;
	char data[READ_BYTES];
};

void
sbn_relay_tag(uint32_t rank, bool color, char text[SBN_RELAY_PREFIX])
{
	if (color)
		snprintf(text, SBN_RELAY_PREFIX, "\033[3%um[%u]\033[0m ", 1 + rank % COLORS, rank);
	else
		snprintf(text, SBN_RELAY_PREFIX, "[%u] ", rank);
}

void
sbn_relay_time(int64_t seconds, long nanoseconds, char text[SBN_RELAY_PREFIX])
{
	time_t time = (time_t)seconds;
	struct tm local;
	size_t used;

	localtime_r(&time, &local);
	used = strftime(text, SBN_RELAY_PREFIX, "%F %T", &local);
	snprintf(text + used, SBN_RELAY_PREFIX - used, ".%03ld ", nanoseconds / 1000000);
}

/* ---- lines ---- */

/* An sbn_line_fn. */
static void
take_line(void *context, const char *text, size_t bytes)
{
	const struct stream *stream = context;
	char time[SBN_RELAY_PREFIX] = "", prefix[2 * SBN_RELAY_PREFIX];
	struct timespec now;

	if (stream->relay->plan->timestamps) {
		clock_gettime(CLOCK_REALTIME, &now);
		sbn_relay_time(now.tv_sec, now.tv_nsec, time);
	}
	snprintf(prefix, sizeof(prefix), "%s%s", time, stream->tag);
	if (stream->shown != NULL)
		sbn_sink_add(stream->shown, prefix, text, bytes);
	if (stream->file != NULL)
		sbn_sink_add(stream->file, time, text, bytes);
}

static void
end_stream(struct relay *relay, unsigned i)
{
	sbn_lines_close(&relay->streams[i].lines);
	close(relay->polls[i].fd);
	relay->polls[i].fd = -1; /* poll passes it over */
}

/*
 * How much it has read. A pseudo terminal that nobody has open any more gives EIO where a pipe
 * gives its end.
 */
static size_t
read_stream(struct relay *relay, unsigned i, size_t at_most)
{
	ssize_t bytes = read(relay->polls[i].fd, relay->data, SBN_MIN(at_most, READ_BYTES));

	if (bytes > 0)
		sbn_lines_feed(&relay->streams[i].lines, relay->data, (size_t)bytes);
	else if (bytes == 0 || errno != EINTR)
		end_stream(relay, i);
	return bytes > 0 ? (size_t)bytes : 0;
}

static void
tell(struct relay *relay, uint32_t sink)
{
	struct sbn_relay_news news = { .error = relay->sinks[sink].error,
				       .rank = sink < 2 ? -1 : (int)sink - 2 };

	relay->told[sink] = true;
	send(relay->plan->socket, &news, sizeof(news), MSG_NOSIGNAL);
}

static void
flush_all(struct relay *relay)
{
	for (uint32_t i = 0; i < relay->n_sinks; i++) {
		sbn_sink_flush(&relay->sinks[i]);
		if (relay->sinks[i].error != 0 && !relay->told[i])
			tell(relay, i);
	}
}

static bool
has_input(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) > 0;
}

/*
 * What is there now, and no more: what the rank left behind may write for ever. A pipe says how
 * much that is. A pseudo terminal counts only what has reached its reader's 4 KiB; the rest comes
 * after it, when this has been read and poll looks for more.
 */
static void
drain_stream(struct relay *relay, unsigned i)
{
	int *fd = &relay->polls[i].fd;
	size_t left = TERMINAL_HOLDS;
	int waiting = 0;

	if (!isatty(*fd)) {
		ioctl(*fd, FIONREAD, &waiting);
		left = (size_t)waiting;
	}
	while (left > 0 && *fd >= 0 && has_input(*fd))
		left -= read_stream(relay, i, left);
	if (*fd >= 0)
		end_stream(relay, i);
}

static void
drain(struct relay *relay)
{
	for (unsigned i = 0; i < relay->n_streams; i++)
		if (relay->polls[i].fd >= 0)
			drain_stream(relay, i);
	flush_all(relay);
}

/* ---- the process ---- */

static void
open_sinks(struct relay *relay)
{
	relay->sinks[0].fd = STDOUT_FILENO;
	relay->sinks[1].fd = STDERR_FILENO;
	for (uint32_t i = 2; i < relay->n_sinks; i++)
		relay->sinks[i].fd = relay->plan->files[i - 2];
}

static syncbn_status_t
open_streams(struct relay *relay)
{
	const struct sbn_relay_plan *plan = relay->plan;

	for (unsigned i = 0; i < relay->n_streams; i++) {
		struct stream *stream = &relay->streams[i];
		uint32_t rank = i / 2;

		stream->relay = relay;
		stream->shown = plan->shown[rank] ? &relay->sinks[i % 2] : NULL;
		stream->file = plan->files != NULL ? &relay->sinks[2 + rank] : NULL;
		if (plan->tag)
			sbn_relay_tag(rank, plan->color[i % 2], stream->tag);
		relay->polls[i] = (struct pollfd){ .fd = plan->streams[i], .events = POLLIN };
		if (sbn_lines_open(take_line, stream, &stream->lines) != SYNCBN_OK)
			return SYNCBN_ERR_NO_MEMORY;
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
		flush_all(relay);
	}
}

int
sbn_relay(const struct sbn_relay_plan *plan)
{
	/* the end of this process frees it all */
	struct relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL)
		return 1;
	relay->plan = plan;
	relay->n_streams = 2 * plan->n_ranks;
	relay->n_sinks = 2 + (plan->files != NULL ? plan->n_ranks : 0);
	relay->sinks = calloc(relay->n_sinks, sizeof(*relay->sinks));
	relay->told = calloc(relay->n_sinks, sizeof(*relay->told));
	relay->streams = calloc(relay->n_streams, sizeof(*relay->streams));
	relay->polls = calloc(relay->n_streams + 1, sizeof(*relay->polls));
	if (relay->sinks == NULL || relay->told == NULL || relay->streams == NULL ||
	    relay->polls == NULL || open_streams(relay) != SYNCBN_OK)
		return 1;
	open_sinks(relay);
	relay->polls[relay->n_streams] = (struct pollfd){ .fd = plan->socket, .events = POLLIN };
	relay_streams(relay);
	drain(relay);
	return 0;
}
