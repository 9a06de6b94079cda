/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"

enum { MOST_ROUNDS = 10 };

static void
kill_groups(const struct sbn_guard *guard)
{
	for (uint32_t rank = 0; rank < guard->n_ranks; rank++) {
		/* relaxed: the pipe's end of file orders it after every sbn_guard_add() */
		pid_t group =
			atomic_load_explicit(&guard->shared->groups[rank], memory_order_relaxed);

		if (group > 0)
			kill(-group, SIGKILL);
	}
}

/* Again while there are some: who is killed may have forked meanwhile. */
static void
kill_marked(const struct sbn_guard *guard, pid_t session)
{
	/* relaxed, as the mark: the pipe's end of file orders them */
	bool orderly = atomic_load_explicit(&guard->shared->orderly, memory_order_relaxed) != 0;

	if (orderly || guard->shared->mark.entry[0] == '\0')
		return;
	for (int i = 0; i < MOST_ROUNDS && sbn_marked_kill(&guard->shared->mark, session) > 0; i++)
		;
}

/* The guard's whole life. It keeps no descriptor but the pipe, so that nobody waits for its end. */
static _Noreturn void
watch(const struct sbn_guard *guard, int pipe_fd, int hold_fd)
{
	pid_t session = getsid(0);
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "syncbn-guard");
	close(hold_fd); /* close_range may be unknown, or refused by a container */
	if (dup2(pipe_fd, 0) < 0)
		_exit(1);
	close_range(1, UINT_MAX, 0);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	kill_groups(guard);
	kill_marked(guard, session);
	_exit(0);
}

static size_t
shared_bytes(uint32_t n_ranks)
{
	return sizeof(struct sbn_guarded) + n_ranks * sizeof(_Atomic int32_t);
}

syncbn_status_t
sbn_guard_start(uint32_t n_ranks, struct sbn_guard *guard)
{
	size_t bytes = shared_bytes(n_ranks);
	int fds[2];

	*guard = (struct sbn_guard){ .hold_fd = -1, .n_ranks = n_ranks };
	guard->shared =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guard->shared == MAP_FAILED)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "the guard's list: mmap");
	if (pipe2(fds, O_CLOEXEC) != 0) {
		sbn_fail(SYNCBN_ERR_SYSTEM, "the guard's pipe (ulimit -n limits the descriptors)");
		goto out_unmap;
	}
	guard->pid = fork();
	if (guard->pid < 0) {
		sbn_fail(SYNCBN_ERR_SYSTEM, "the guard's fork (ulimit -u limits the processes)");
		goto out_close;
	}
	if (guard->pid == 0)
		watch(guard, fds[0], fds[1]);
	close(fds[0]);
	guard->hold_fd = fds[1];
	return SYNCBN_OK;
out_close:
	close(fds[0]);
	close(fds[1]);
out_unmap:
	munmap(guard->shared, bytes);
	return SYNCBN_ERR_SYSTEM;
}

void
sbn_guard_mark(const struct sbn_guard *guard, const struct sbn_mark *mark)
{
	guard->shared->mark = *mark;
}

void
sbn_guard_add(const struct sbn_guard *guard, uint32_t rank, pid_t process_group)
{
	/* relaxed: closing the pipe by exec orders it before the guard's load */
	atomic_store_explicit(&guard->shared->groups[rank], process_group, memory_order_relaxed);
}

void
sbn_guard_forget(const struct sbn_guard *guard, uint32_t rank)
{
	/* relaxed: closing the pipe orders it before the guard's load */
	atomic_store_explicit(&guard->shared->groups[rank], 0, memory_order_relaxed);
}

void
sbn_guard_end(struct sbn_guard *guard, bool orderly)
{
	/* relaxed: closing the pipe orders it before the guard's load */
	atomic_store_explicit(&guard->shared->orderly, orderly, memory_order_relaxed);
	close(guard->hold_fd);
	/* fails when somebody killed the guard and it was reaped as any orphan is */
	if (waitpid(guard->pid, NULL, WNOHANG) == 0) {
		kill(guard->pid, SIGCONT); /* somebody may have stopped all that look like us */
		while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	munmap(guard->shared, shared_bytes(guard->n_ranks));
}
