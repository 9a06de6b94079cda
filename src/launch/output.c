/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/output.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/channels.h"
#include "launch/pty.h"

/* The relay's life. It ends with its launcher. */
static _Noreturn void
be_relay(const struct sbn_options *options, struct sbn_channels *channels, int socket, pid_t parent)
{
	struct sbn_relay_plan plan = {
		.n_ranks = channels->n_ranks,
		.streams = channels->reads,
		.shown = channels->shown,
		.files = channels->files,
		.tag = options->tag,
		.timestamps = options->timestamps,
		.color = { sbn_channels_color(STDOUT_FILENO), sbn_channels_color(STDERR_FILENO) },
		.socket = socket,
	};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "syncbn-relay");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* else the streams would never end, nor a terminal's side */
	sbn_channels_close_fds(&channels->writes, 2 * channels->n_ranks);
	sbn_channels_close_fds(&channels->terminals, 2 * channels->n_ranks);
	_exit(sbn_relay(&plan));
}

static syncbn_status_t
fork_relay(const struct sbn_options *options, struct sbn_channels *channels,
	   struct sbn_output *output)
{
	pid_t parent = getpid();
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "socketpair for the ranks' output");
	output->socket = sockets[0];
	output->relay = fork();
	if (output->relay == 0) {
		close(sockets[0]);
		be_relay(options, channels, sockets[1], parent);
	}
	close(sockets[1]);
	if (output->relay > 0)
		return SYNCBN_OK;
	close(sockets[0]);
	return sbn_fail(SYNCBN_ERR_SYSTEM,
			"fork for the ranks' output (ulimit -u limits the processes)");
}

syncbn_status_t
sbn_output_start(const struct sbn_options *options, uint32_t n_ranks, bool again,
		 struct sbn_output *output)
{
	struct sbn_channels channels;
	syncbn_status_t status;

	*output = (struct sbn_output){ .socket = -1, .n_ranks = n_ranks };
	if (!sbn_channels_needed(options))
		return SYNCBN_OK;
	status = sbn_channels_open(options, n_ranks, again, &channels);
	if (status != SYNCBN_OK)
		return status;
	status = fork_relay(options, &channels, output);
	if (status == SYNCBN_OK) {
		output->writes = channels.writes;
		output->terminals = channels.terminals;
		channels.writes = channels.terminals = NULL;
	}
	sbn_channels_close(&channels);
	return status;
}

void
sbn_output_handed_over(struct sbn_output *output)
{
	sbn_channels_close_fds(&output->writes, 2 * output->n_ranks);
}

void
sbn_output_forget(struct sbn_output *output)
{
	sbn_output_handed_over(output);
	sbn_channels_close_fds(&output->terminals, 2 * output->n_ranks);
	if (output->socket >= 0)
		close(output->socket);
	output->socket = -1;
}

bool
sbn_output_hear(struct sbn_output *output, struct sbn_relay_news *news)
{
	if (recv(output->socket, news, sizeof(*news), 0) == sizeof(*news))
		return true;
	close(output->socket);
	output->socket = -1;
	return false;
}

void
sbn_output_resize(const struct sbn_output *output)
{
	for (uint32_t i = 0; output->terminals != NULL && i < 2 * output->n_ranks; i++)
		if (output->terminals[i] >= 0)
			sbn_pty_resize(i % 2 == 0 ? STDOUT_FILENO : STDERR_FILENO,
				       output->terminals[i]);
}

void
sbn_output_finish(struct sbn_output *output)
{
	if (output->socket < 0)
		return;
	shutdown(output->socket, SHUT_WR);
	kill(output->relay, SIGCONT); /* somebody may have stopped all that look like us */
}

void
sbn_output_end(struct sbn_output *output)
{
	sbn_output_handed_over(output);
	sbn_channels_close_fds(&output->terminals, 2 * output->n_ranks);
	if (output->relay == 0)
		return;
	if (output->socket >= 0) {
		kill(output->relay, SIGKILL);
		close(output->socket);
	}
	/* fails when it was reaped as any orphan is */
	while (waitpid(output->relay, NULL, 0) < 0 && errno == EINTR)
		;
}
