/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/relay.h"

static void
close_pipes(struct sbn_output_pipes *pipes, uint32_t n_ranks)
{
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		if (pipes[rank].out >= 0)
			close(pipes[rank].out);
		if (pipes[rank].err >= 0)
			close(pipes[rank].err);
	}
	free(pipes);
}

static struct sbn_output_pipes *
new_pipes(uint32_t n_ranks)
{
	struct sbn_output_pipes *pipes = malloc(n_ranks * sizeof(*pipes));

	for (uint32_t rank = 0; pipes != NULL && rank < n_ranks; rank++)
		pipes[rank] = (struct sbn_output_pipes){ -1, -1 };
	return pipes;
}

/* Read ends and write ends of all ranks' pipes; what is open stays in them on failure. */
static syncbn_status_t
open_pipes(struct sbn_output_pipes *reads, struct sbn_output_pipes *writes, uint32_t n_ranks)
{
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		int out[2], err[2];

		if (pipe2(out, O_CLOEXEC) != 0)
			goto failed;
		reads[rank].out = out[0];
		writes[rank].out = out[1];
		if (pipe2(err, O_CLOEXEC) != 0)
			goto failed;
		reads[rank].err = err[0];
		writes[rank].err = err[1];
	}
	return SYNCBN_OK;
failed:
	return sbn_fail(SYNCBN_ERR_SYSTEM, "a pipe for --tag (ulimit -n limits the descriptors)");
}

/* The relay's life. It ends with its launcher. */
static _Noreturn void
be_relay(struct sbn_output *output, const struct sbn_output_pipes *reads, int socket, pid_t parent)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "syncbn-relay");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close_pipes(output->pipes, output->n_ranks);
	close(output->socket);
	_exit(sbn_relay(reads, output->n_ranks, socket));
}

static syncbn_status_t
fork_relay(struct sbn_output *output, const struct sbn_output_pipes *reads)
{
	pid_t parent = getpid();
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "socketpair for --tag");
	output->socket = sockets[0];
	output->relay = fork();
	if (output->relay == 0)
		be_relay(output, reads, sockets[1], parent);
	close(sockets[1]);
	if (output->relay > 0)
		return SYNCBN_OK;
	close(sockets[0]);
	return sbn_fail(SYNCBN_ERR_SYSTEM, "fork for --tag");
}

syncbn_status_t
sbn_output_start(bool tag, uint32_t n_ranks, struct sbn_output *output)
{
	struct sbn_output_pipes *reads;
	syncbn_status_t status;

	*output = (struct sbn_output){ .socket = -1, .n_ranks = n_ranks };
	if (!tag)
		return SYNCBN_OK;
	reads = new_pipes(n_ranks);
	output->pipes = new_pipes(n_ranks);
	if (reads == NULL || output->pipes == NULL) {
		free(reads);
		free(output->pipes);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the ranks' output");
	}
	status = open_pipes(reads, output->pipes, n_ranks);
	if (status == SYNCBN_OK)
		status = fork_relay(output, reads);
	close_pipes(reads, n_ranks);
	if (status != SYNCBN_OK)
		sbn_output_handed_over(output);
	return status;
}

void
sbn_output_handed_over(struct sbn_output *output)
{
	if (output->pipes == NULL)
		return;
	close_pipes(output->pipes, output->n_ranks);
	output->pipes = NULL;
}

int
sbn_output_hear(struct sbn_output *output)
{
	int error;

	if (recv(output->socket, &error, sizeof(error), 0) == sizeof(error))
		return error;
	close(output->socket);
	output->socket = -1;
	return 0;
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
