/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

enum { PATIENCE_MS = 250 };

void
sbn_threads_list(pid_t pid, struct sbn_threads *threads)
{
	struct dirent *entry;
	char path[48];
	DIR *tasks;

	*threads = (struct sbn_threads){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%d/task", (int)threads->pid);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (threads->n == SBN_THREADS_MAX)
			threads->n_more++;
		else
			threads->thread[threads->n++].id = atoi(entry->d_name);
	}
	if (tasks != NULL)
		closedir(tasks);
}

/* Seized, not attached to: no signal is sent, and a stopped process stays stopped. */
static void
seize(struct sbn_threads *threads, struct sbn_thread *thread)
{
	if (ptrace(PTRACE_SEIZE, thread->id, NULL, NULL) == 0) {
		thread->held = true;
		ptrace(PTRACE_INTERRUPT, thread->id, NULL, NULL);
	} else if (errno != ESRCH) {
		threads->error = errno;
	}
}

/* Looks whether the thread stands by now, or is no more. */
static void
look_at(struct sbn_threads *threads, struct sbn_thread *thread)
{
	int status;
	pid_t found = waitpid(thread->id, &status, __WALL | WNOHANG);

	if (found == 0 || (found < 0 && errno == EINTR))
		return;
	if (found > 0 && WIFSTOPPED(status)) {
		thread->stopped = true;
		/* our stop, or its group's, carries an event; else a signal was on its way */
		thread->signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
		return;
	}
	thread->held = false;
	if (found == threads->pid) {
		threads->ended = true;
		threads->wait_status = status;
	}
}

/* How many are held and do not stand yet. */
static size_t
look_at_all(struct sbn_threads *threads)
{
	size_t n = 0;

	for (size_t i = 0; i < threads->n; i++) {
		struct sbn_thread *thread = &threads->thread[i];

		if (thread->held && !thread->stopped)
			look_at(threads, thread);
		n += thread->held && !thread->stopped;
	}
	return n;
}

void
sbn_threads_stop(pid_t pid, struct sbn_threads *threads)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	uint64_t end_ns = sbn_now_ns() + PATIENCE_MS * SBN_NS_PER_MS;

	sbn_threads_list(pid, threads);
	for (size_t i = 0; i < threads->n; i++)
		seize(threads, &threads->thread[i]);
	while (look_at_all(threads) > 0 && sbn_now_ns() < end_ns)
		nanosleep(&pause, NULL);
}

bool
sbn_threads_release(struct sbn_threads *threads)
{
	size_t n_left = look_at_all(threads);

	for (size_t i = 0; i < threads->n; i++) {
		struct sbn_thread *thread = &threads->thread[i];

		if (!thread->held || !thread->stopped)
			continue;
		/* fails when it was killed meanwhile; what is left of it then is its parent's */
		ptrace(PTRACE_DETACH, thread->id, NULL, (void *)(long)thread->signal);
		thread->held = thread->stopped = false;
	}
	return n_left == 0;
}
