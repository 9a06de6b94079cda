/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "perf_peer_exec.h"

enum { ANSWER_S = 120, END_S = 10, LOOK_MS = 100, HEARD_BYTES = 64 * 1024 };

const char *const perf_peer_names[PERF_PEERS] = { "openmpi",        "mpich", "gloo",      "onednn",
						  "onednn-blocked", "torch", "torch-gloo" };

/* A pipe in the folder; read and write, so that opening it waits for nobody. */
static int
make_pipe(const char *folder, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mkfifo(path, 0600) != 0)
		return -1;
	return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static void
remove_folder(const struct perf_peer *peer, const char *folder)
{
	char path[128];

	for (uint32_t rank = 0; rank < peer->n_ranks; rank++) {
		snprintf(path, sizeof(path), "%s/%u", folder, rank);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/out", folder);
	unlink(path);
	rmdir(folder);
}

static syncbn_status_t
make_pipes(struct perf_peer *peer, const char *folder)
{
	peer->from = make_pipe(folder, "out");
	for (uint32_t rank = 0; rank < peer->n_ranks; rank++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", rank);
		peer->to[rank] = make_pipe(folder, name);
		if (peer->to[rank] < 0 || peer->from < 0)
			return sbn_fail(SYNCBN_ERR_SYSTEM, "a pipe in %s", folder);
	}
	return SYNCBN_OK;
}

static bool
has_ended(struct perf_peer *peer)
{
	if (peer->pid > 0 && waitpid(peer->pid, NULL, WNOHANG) == peer->pid)
		peer->pid = 0;
	return peer->pid == 0;
}

/* Waits for more bytes and adds them to those that were heard. */
static syncbn_status_t
hear(struct perf_peer *peer, uint64_t end_ns)
{
	struct pollfd from = { .fd = peer->from, .events = POLLIN };
	const char *name = perf_peer_names[peer->number];
	ssize_t bytes;

	while (poll(&from, 1, LOOK_MS) <= 0) {
		if (has_ended(peer))
			return sbn_fail(SYNCBN_ERR_PEER_LOST, "%s has ended too early", name);
		if (sbn_now_ns() > end_ns)
			return sbn_fail(SYNCBN_ERR_TIMEOUT, "%s gave no answer in %d s", name,
					ANSWER_S);
	}
	bytes = read(peer->from, peer->heard + peer->n_heard, HEARD_BYTES - 1 - peer->n_heard);
	if (bytes <= 0 && errno != EAGAIN && errno != EINTR)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "reading %s's answer", name);
	peer->n_heard += bytes > 0 ? (size_t)bytes : 0;
	peer->heard[peer->n_heard] = '\0';
	return SYNCBN_OK;
}

/* The next line without its newline; a line that fills all room is no line of ours. */
static syncbn_status_t
read_line(struct perf_peer *peer, char *line, size_t room)
{
	uint64_t end_ns = sbn_now_ns() + ANSWER_S * SBN_NS_PER_S;
	char *newline;
	size_t used;

	while ((newline = memchr(peer->heard, '\n', peer->n_heard)) == NULL) {
		syncbn_status_t status = peer->n_heard < room ?
						 hear(peer, end_ns) :
						 sbn_fail(SYNCBN_ERR_MISMATCH, "%s babbles",
							  perf_peer_names[peer->number]);

		if (status != SYNCBN_OK)
			return status;
	}
	*newline = '\0';
	snprintf(line, room, "%s", peer->heard);
	used = (size_t)(newline - peer->heard) + 1;
	memmove(peer->heard, newline + 1, peer->n_heard - used);
	peer->n_heard -= used;
	return SYNCBN_OK;
}

static syncbn_status_t
fail_answer(const struct perf_peer *peer, const char *line)
{
	return sbn_fail(SYNCBN_ERR_MISMATCH, "%s answered \"%s\"", perf_peer_names[peer->number],
			line);
}

static void
tell(const struct perf_peer *peer, const char *line)
{
	for (uint32_t rank = 0; rank < peer->n_ranks; rank++)
		/* a peer that reads no more is seen when it gives no answer */
		if (write(peer->to[rank], line, strlen(line)) < 0)
			return;
}

static syncbn_status_t
start_in(struct perf_peer *peer, const char *folder, const struct perf_peer_exec *wanted)
{
	syncbn_status_t status = make_pipes(peer, folder);
	char line[128];

	if (status == SYNCBN_OK)
		status = perf_peer_fork(wanted, &peer->pid);
	if (status == SYNCBN_OK)
		status = read_line(peer, line, sizeof(line));
	if (status == SYNCBN_OK && strcmp(line, "ready") != 0)
		status = fail_answer(peer, line);
	return status;
}

syncbn_status_t
perf_peer_start(int number, uint32_t n_ranks, const char *places, bool oversubscribed,
		int n_threads, struct perf_peer *peer)
{
	const char *tmp = getenv("TMPDIR");
	char folder[96];
	struct perf_peer_exec wanted = {
		.number = number,
		.n_ranks = n_ranks,
		.places = places,
		.oversubscribed = oversubscribed,
		.n_threads = n_threads,
		.folder = folder,
	};
	syncbn_status_t status = perf_peer_find(number);

	if (status != SYNCBN_OK)
		return status;
	*peer = (struct perf_peer){ .number = number, .n_ranks = n_ranks, .from = -1 };
	snprintf(folder, sizeof(folder), "%s/syncbn-perf-XXXXXX",
		 tmp != NULL && strlen(tmp) < 64 ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "a folder %s", folder);
	peer->to = calloc(n_ranks, sizeof(*peer->to));
	peer->heard = malloc(HEARD_BYTES);
	for (uint32_t rank = 0; peer->to != NULL && rank < n_ranks; rank++)
		peer->to[rank] = -1;
	if (peer->to == NULL || peer->heard == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "peer");
	else
		status = start_in(peer, folder, &wanted);
	remove_folder(peer, folder); /* all have opened it */
	if (status != SYNCBN_OK)
		perf_peer_stop(peer);
	return status;
}

syncbn_status_t
perf_peer_run(struct perf_peer *peer, const char *line, size_t n_samples, uint64_t *wrong,
	      double *us)
{
	unsigned long long n_wrong = 0, n_told = 0;
	char answer[PERF_PEER_LINE];
	syncbn_status_t status;

	tell(peer, line);
	status = read_line(peer, answer, sizeof(answer));
	if (status != SYNCBN_OK)
		return status;
	if (strncmp(answer, "cannot ", 7) == 0)
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED, "it cannot do %s", answer + 7);
	if (sscanf(answer, "result %llu %llu", &n_wrong, &n_told) != 2 || n_told != n_samples)
		return fail_answer(peer, answer);
	*wrong = SBN_MAX(*wrong, n_wrong);
	for (size_t i = 0; i < n_samples && status == SYNCBN_OK; i++) {
		status = read_line(peer, answer, sizeof(answer));
		if (status == SYNCBN_OK && sscanf(answer, "%lf", &us[i]) != 1)
			status = fail_answer(peer, answer);
	}
	return status;
}

static void
await_end(struct perf_peer *peer)
{
	for (int looks = 0; !has_ended(peer) && looks < END_S * 1000 / LOOK_MS; looks++)
		poll(NULL, 0, LOOK_MS);
	if (peer->pid == 0)
		return;
	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, NULL, 0);
}

void
perf_peer_stop(struct perf_peer *peer)
{
	if (peer->pid > 0)
		tell(peer, "end\n");
	if (peer->from >= 0)
		close(peer->from);
	for (uint32_t rank = 0; peer->to != NULL && rank < peer->n_ranks; rank++)
		if (peer->to[rank] >= 0)
			close(peer->to[rank]); /* end of file: who did not hear it ends now */
	if (peer->pid > 0)
		await_end(peer);
	free(peer->to);
	free(peer->heard);
	*peer = (struct perf_peer){ .from = -1 };
}
