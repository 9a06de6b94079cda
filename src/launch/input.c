/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "launch/channels.h"
#include "launch/output.h"

enum { PIECE_BYTES = 64 * 1024 };

/* ---- the feeder ---- */

static void
leave_out(struct pollfd *rank)
{
	close(rank->fd);
	rank->fd = -1;
}

/* Until one that is waited for can take more; who reads no more is left out. */
static void
await_readers(struct pollfd *ranks, uint32_t n_ranks)
{
	if (poll(ranks, n_ranks, -1) < 0)
		return;
	for (uint32_t rank = 0; rank < n_ranks; rank++)
		if (ranks[rank].fd >= 0 && (ranks[rank].revents & (POLLERR | POLLNVAL)))
			leave_out(&ranks[rank]);
}

/* Writes what the rank's pipe takes; true when it has the whole piece, or reads no more. */
static bool
feed_rank(struct pollfd *rank, size_t *done, const char *piece, size_t bytes)
{
	ssize_t written;

	if (rank->fd < 0 || *done == bytes)
		return true;
	written = write(rank->fd, piece + *done, bytes - *done);
	if (written > 0)
		*done += (size_t)written;
	else if (written < 0 && errno != EAGAIN && errno != EINTR)
		leave_out(rank);
	return rank->fd < 0 || *done == bytes;
}

/* Passes a piece to every rank that still reads; false when there is none. */
static bool
pass_on(struct pollfd *ranks, size_t *done, uint32_t n_ranks, const char *piece, size_t bytes)
{
	bool all, any = false;

	for (uint32_t rank = 0; rank < n_ranks; rank++)
		done[rank] = 0;
	do {
		all = true;
		for (uint32_t rank = 0; rank < n_ranks; rank++) {
			bool fed = feed_rank(&ranks[rank], &done[rank], piece, bytes);

			ranks[rank].events = fed ? 0 : POLLOUT;
			all &= fed;
		}
		if (!all)
			await_readers(ranks, n_ranks);
	} while (!all);
	for (uint32_t rank = 0; rank < n_ranks; rank++)
		any |= ranks[rank].fd >= 0;
	return any;
}

static _Noreturn void
feed(const int *writes, uint32_t n_ranks)
{
	struct pollfd *ranks = calloc(n_ranks, sizeof(*ranks));
	size_t *done = calloc(n_ranks, sizeof(*done));
	static char piece[PIECE_BYTES];
	ssize_t bytes;

	if (ranks == NULL || done == NULL)
		_exit(1);
	for (uint32_t rank = 0; rank < n_ranks; rank++)
		ranks[rank].fd = writes[rank];
	while ((bytes = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		/* EAGAIN: somebody made the caller's input non-blocking */
		if (bytes < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN }, 1, -1);
		else if (bytes < 0 && errno != EINTR)
			_exit(1);
		if (bytes > 0 && !pass_on(ranks, done, n_ranks, piece, (size_t)bytes))
			break;
	}
	_exit(0);
}

/* It ends with its launcher, and is stopped and ended with its group by the terminal. */
static _Noreturn void
be_feeder(struct sbn_input *input, const int *writes, const struct sbn_output *output, pid_t parent)
{
	struct sbn_output theirs = *output;
	sigset_t ours;

	/* reading a terminal from the background stops us, as it stops anybody */
	sigfillset(&ours);
	sigdelset(&ours, SIGTTIN);
	sigprocmask(SIG_SETMASK, &ours, NULL);
	prctl(PR_SET_NAME, "syncbn-feeder");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sbn_output_forget(&theirs);
	sbn_channels_close_fds(&input->reads, input->n_ranks);
	feed(writes, input->n_ranks);
}

static syncbn_status_t
open_pipes(uint32_t n_ranks, int *reads, int *writes)
{
	for (uint32_t rank = 0; rank < n_ranks; rank++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) != 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK) != 0)
			return sbn_fail(SYNCBN_ERR_SYSTEM, "a pipe for --stdin all (ulimit -n "
							   "limits the descriptors)");
		reads[rank] = fds[0];
		writes[rank] = fds[1];
	}
	return SYNCBN_OK;
}

static syncbn_status_t
start_feeder(struct sbn_input *input, const struct sbn_output *output)
{
	int *writes = sbn_channels_new_fds(input->n_ranks);
	pid_t parent = getpid();
	syncbn_status_t status = SYNCBN_OK;

	input->reads = sbn_channels_new_fds(input->n_ranks);
	if (writes == NULL || input->reads == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "--stdin all");
	if (status == SYNCBN_OK)
		status = open_pipes(input->n_ranks, input->reads, writes);
	if (status == SYNCBN_OK) {
		input->feeder = fork();
		if (input->feeder == 0)
			be_feeder(input, writes, output, parent);
		if (input->feeder < 0)
			status = sbn_fail(SYNCBN_ERR_SYSTEM,
					  "fork for --stdin all (ulimit -u limits the processes)");
	}
	sbn_channels_close_fds(&writes, input->n_ranks);
	if (status != SYNCBN_OK)
		sbn_input_handed_over(input);
	return status;
}

/* ---- the launcher and the ranks ---- */

syncbn_status_t
sbn_input_start(enum sbn_input_to to, uint32_t n_ranks, const struct sbn_output *output,
		struct sbn_input *input)
{
	*input = (struct sbn_input){ .to = to, .n_ranks = n_ranks };
	/* a terminal would stop the rank: its group is not in the foreground */
	if (to == SBN_INPUT_AUTO)
		input->to = isatty(STDIN_FILENO) ? SBN_INPUT_NONE : SBN_INPUT_FIRST;
	return to == SBN_INPUT_ALL ? start_feeder(input, output) : SYNCBN_OK;
}

syncbn_status_t
sbn_input_take(const struct sbn_input *input, uint32_t rank)
{
	int fd;

	if (input->to == SBN_INPUT_FIRST && rank == 0)
		return SYNCBN_OK;
	fd = input->to == SBN_INPUT_ALL ? input->reads[rank] :
					  open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "standard input");
	return SYNCBN_OK;
}

void
sbn_input_handed_over(struct sbn_input *input)
{
	sbn_channels_close_fds(&input->reads, input->n_ranks);
}

void
sbn_input_end(struct sbn_input *input)
{
	sbn_input_handed_over(input);
	if (input->feeder == 0)
		return;
	kill(input->feeder, SIGKILL);
	/* fails when it was reaped as any orphan is */
	while (waitpid(input->feeder, NULL, 0) < 0 && errno == EINTR)
		;
}
