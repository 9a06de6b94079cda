/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rank in every phase of its work, and every fault on it: the peers must be out in time, the
 * launcher's code must be right, the cause named, and nothing left.
 *
 *	[FAULT_RANKS=N] matrix RUN ACTOR DIR [PHASE...]
 *
 * Prints "ok CASE", "FAIL CASE: why", and for the table of doc/reliability.md lines
 * "row PHASE FAULT CASES WORST_MS". Times are of the last peer that left, from the fault or, where
 * only a deadline can tell, from the deadline.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/math.h"
#include "faults/hooks.h"
#include "faults/stage.h"

enum {
	OUT_MS = 1000, /* from the fault, or from the deadline */
	DEADLINE_MS = 3000,
	STOPPED_MS = 1000, /* how long a stopped rank is left so */
	LIMIT_MS = 20000   /* of all that should take a moment */
};

struct fault {
	const char *name;
	int code;
	const char *cause; /* a regular expression in which %d is the rank */
};

static const struct fault faults[] = {
	{ "exit", 3, "rank %d .*ended with exit 3" },
	{ "segv", 128 + SIGSEGV, "rank %d .*was killed by signal 11" },
	{ "kill", 128 + SIGKILL, "rank %d .*was killed by signal 9" },
	{ "memory", 128 + SIGABRT, "rank %d .*was killed by signal 6" },
	{ "loop", STAGE_TOLD, "rank %d has not come within 3000 ms" },
	{ "stop", 0, NULL }, /* by the driver: the rank waits for it in that phase */
};

enum { N_FAULTS = sizeof(faults) / sizeof(faults[0]) };

static const char *run, *actor, *dir;
static int n_ranks = 2;
static char mark[64];
static int n_failed;

/* One case. */
struct trial {
	enum phase phase;
	const struct fault *fault;
	int rank;
	struct stage *stage;
	pid_t launcher;
	int pidfd[STAGE_RANKS];
	int n_names;   /* in /dev/shm, before */
	double out_ms; /* when the last peer left */
};

static void
tell(const struct trial *t, const char *why)
{
	printf("%s %s of rank %d in %s%s%s\n", why == NULL ? "ok" : "FAIL", t->fault->name, t->rank,
	       phase_names[t->phase], why == NULL ? "" : ": ", why == NULL ? "" : why);
	fflush(stdout);
	n_failed += why != NULL;
}

static bool
is(const struct trial *t, const char *fault)
{
	return strcmp(t->fault->name, fault) == 0;
}

/* ---- the world outside ---- */

static void
path_of(const char *name, char path[4096])
{
	snprintf(path, 4096, "%s/%s", dir, name);
}

static int
count_names(void)
{
	DIR *shm = opendir("/dev/shm");
	struct dirent *entry;
	int n = 0;

	while (shm != NULL && (entry = readdir(shm)) != NULL)
		n += strncmp(entry->d_name, "syncbn", 6) == 0;
	if (shm != NULL)
		closedir(shm);
	return n;
}

/* Whether a living process has our mark in its environment; a zombie has none. */
static bool
is_marked(const char *pid)
{
	static char text[1 << 17];
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	return n > 0 && memmem(text, (size_t)n, mark, strlen(mark)) != NULL;
}

static int
count_processes(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL)
		n += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		     atoi(entry->d_name) != getpid() && is_marked(entry->d_name);
	if (proc != NULL)
		closedir(proc);
	return n;
}

static const char *
read_errors(void)
{
	static char text[65536];
	char path[4096];
	ssize_t n = 0;
	int fd;

	path_of("err", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[SBN_MAX(n, 0)] = '\0';
	return text;
}

static bool
is_told(const struct trial *t)
{
	char pattern[160];
	regex_t compiled;
	bool found;

	snprintf(pattern, sizeof(pattern), t->fault->cause, t->rank);
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
		abort();
	found = regexec(&compiled, read_errors(), 0, NULL, 0) == 0;
	regfree(&compiled);
	return found;
}

/* ---- the course of a case ---- */

static _Noreturn void
become_launcher(const struct trial *t)
{
	char rank[16], n[16], path[4096];
	int err;

	path_of("err", path);
	err = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(err, STDERR_FILENO);
	dup2(err, STDOUT_FILENO);
	path_of("stage", path);
	setenv("FAULT_STAGE", path, 1);
	snprintf(rank, sizeof(rank), "%d", t->rank);
	snprintf(n, sizeof(n), "%d", n_ranks);
	execl(run, run, "-n", n, "--oversubscribe", "--grace", "0.5", "--timeout", "3", "--", actor,
	      phase_names[t->phase], t->fault->name, rank, dir, (char *)NULL);
	_exit(127);
}

enum { LOOK_MS = 100 }; /* at a launcher that may have ended without waking anybody */

/* Until *flag is set, or the launcher has ended. */
static bool
comes(const struct trial *t, _Atomic int *flag)
{
	uint64_t end = sbn_now_ns() + LIMIT_MS * SBN_NS_PER_MS;
	siginfo_t ended = { .si_pid = 0 };

	while (!stage_await(flag, LOOK_MS))
		if (sbn_now_ns() > end ||
		    (waitid(P_PID, (id_t)t->launcher, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		     ended.si_pid != 0))
			return false;
	return true;
}

static bool
begin(struct trial *t)
{
	char path[4096];

	path_of("stage", path);
	unlink(path);
	t->stage = stage_open(path);
	t->n_names = count_names();
	t->launcher = fork();
	if (t->launcher == 0)
		become_launcher(t);
	if (!comes(t, &t->stage->arrived))
		return false;
	for (int rank = 0; rank < n_ranks; rank++)
		t->pidfd[rank] = (int)syscall(SYS_pidfd_open, atomic_load(&t->stage->pid[rank]), 0);
	if (is(t, "stop")) /* it waits for `go`, and goes no further */
		kill(atomic_load(&t->stage->pid[t->rank]), SIGSTOP);
	stage_set(&t->stage->go, 1);
	return true;
}

/* Milliseconds until all peers have ended, at most limit_ms; -1: some have not. */
static double
await_peers(const struct trial *t, int limit_ms)
{
	uint64_t start = sbn_now_ns(), end = start + (uint64_t)limit_ms * SBN_NS_PER_MS;

	for (int rank = 0; rank < n_ranks; rank++) {
		struct pollfd poll_fd = { .fd = t->pidfd[rank], .events = POLLIN };
		uint64_t now = sbn_now_ns();

		/* a descriptor that could not be had: it had ended before */
		if (rank == t->rank || poll_fd.fd < 0)
			continue;
		if (poll(&poll_fd, 1, now < end ? (int)((end - now) / SBN_NS_PER_MS) : 0) <= 0)
			return -1;
	}
	return (double)(sbn_now_ns() - start) / (double)SBN_NS_PER_MS;
}

/* The launcher's exit code; it is killed when it does not end. */
static int
await_launcher(const struct trial *t)
{
	struct pollfd ends = { .fd = (int)syscall(SYS_pidfd_open, t->launcher, 0),
			       .events = POLLIN };
	bool in_time = poll(&ends, 1, LIMIT_MS) > 0;
	int status = 0;

	close(ends.fd);
	if (!in_time)
		kill(t->launcher, SIGKILL);
	waitpid(t->launcher, &status, 0);
	if (!in_time)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Nobody leaves while a rank is stopped; then it goes on. */
static const char *
sit_out_a_stop(struct trial *t)
{
	if (t->phase != EXIT && await_peers(t, STOPPED_MS) >= 0)
		return "a peer left although the deadline had not come";
	kill(atomic_load(&t->stage->pid[t->rank]), SIGCONT);
	t->out_ms = await_peers(t, LIMIT_MS);
	return t->out_ms < 0 ? "the run did not go on after SIGCONT" : NULL;
}

/* A rank that runs for ever is found by a peer's deadline; after syncbn_finalize by nobody. */
static const char *
sit_out_a_loop(struct trial *t)
{
	double ms = await_peers(t, DEADLINE_MS + OUT_MS);

	if (ms < 0)
		return "a peer was not out a second after the deadline";
	if (t->phase == EXIT) {
		kill(t->launcher, SIGTERM);
		return NULL;
	}
	/* it began to wait before the fault came */
	if (ms < DEADLINE_MS / 2.0)
		return "a peer left before the deadline";
	t->out_ms = SBN_MAX(ms - DEADLINE_MS, 0.0);
	return NULL;
}

static const char *
sit_out(struct trial *t)
{
	if (is(t, "stop"))
		return sit_out_a_stop(t);
	if (is(t, "loop"))
		return sit_out_a_loop(t);
	t->out_ms = await_peers(t, OUT_MS);
	return t->out_ms < 0 ? "a peer was not out within a second" : NULL;
}

static const char *
check_end(const struct trial *t, int code)
{
	static char why[512];
	bool ended_by_us = is(t, "loop") && t->phase == EXIT;
	int expected = ended_by_us ? 128 + SIGTERM : t->fault->code;

	if (code != expected)
		snprintf(why, sizeof(why), "exit code %d instead of %d", code, expected);
	else if (t->fault->cause != NULL && !ended_by_us && !is_told(t))
		snprintf(why, sizeof(why), "the cause is not told: %.400s", read_errors());
	else if (count_processes() != 0)
		snprintf(why, sizeof(why), "%d processes are left", count_processes());
	else if (count_names() != t->n_names)
		snprintf(why, sizeof(why), "%d names in /dev/shm instead of %d", count_names(),
			 t->n_names);
	else
		return NULL;
	return why;
}

/* What a rank wrote last before it died takes its place whole, or not at all. */
static const char *
check_checkpoint(const struct trial *t)
{
	char path[4200];
	int status;
	pid_t child;

	if (t->phase != CHECKPOINT)
		return NULL;
	snprintf(path, sizeof(path), "%s/rank-%d.safetensors", dir, t->rank);
	child = fork();
	if (child == 0) {
		execl(actor, actor, "verify", path, (char *)NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return status == 0 ? NULL : "the old checkpoint is not intact";
}

static const char *
try(struct trial *t)
{
	const char *why, *at_the_end;

	if (!begin(t)) {
		await_launcher(t);
		return "the phase was not reached";
	}
	why = sit_out(t);
	at_the_end = check_end(t, await_launcher(t));
	for (int rank = 0; rank < n_ranks; rank++)
		if (t->pidfd[rank] >= 0)
			close(t->pidfd[rank]);
	munmap(t->stage, sizeof(*t->stage));
	if (why == NULL)
		why = at_the_end;
	return why != NULL ? why : check_checkpoint(t);
}

static void
try_fault(enum phase phase, const struct fault *fault)
{
	double worst_ms = 0;

	for (int rank = 0; rank < n_ranks; rank++) {
		struct trial t = { .phase = phase, .fault = fault, .rank = rank };

		tell(&t, try(&t));
		worst_ms = SBN_MAX(worst_ms, t.out_ms);
	}
	printf("row %s %s %d %.0f\n", phase_names[phase], fault->name, n_ranks, worst_ms);
}

int
main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	run = argv[1];
	actor = argv[2];
	dir = argv[3];
	snprintf(mark, sizeof(mark), "SBN_TEST_MARK=matrix-%d", (int)getpid());
	putenv(mark);
	setenv("SYNCBN_JOIN_TIMEOUT", "3", 1);
	if (getenv("FAULT_RANKS") != NULL)
		n_ranks = SBN_MIN(SBN_MAX(atoi(getenv("FAULT_RANKS")), 2), (int)STAGE_RANKS);
	for (int phase = 0; phase < N_PHASES; phase++) {
		bool wanted = argc == 4;

		for (int i = 4; i < argc; i++)
			wanted |= strcmp(argv[i], phase_names[phase]) == 0;
		for (int fault = 0; wanted && fault < N_FAULTS; fault++)
			try_fault((enum phase)phase, &faults[fault]);
	}
	return n_failed != 0;
}
