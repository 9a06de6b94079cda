/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_peer_exec.h"

#include <fcntl.h>
#include <limits.h>
#include <numaif.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fail.h"
#include "perf_peer.h"
#include "platform/nodes.h"

enum { MAX_WORDS = 32, NUMBER_BYTES = 16 };

static const struct peer_program {
	const char *name;     /* peer-NAME; several peers may share one */
	const char *launcher; /* found by configure; "": none is needed, or there was none */
	bool needs_launcher;
	const char *package;
} programs[PERF_PEERS] = {
	[PERF_OPENMPI] = { "openmpi", MPIRUN_OPENMPI, true, "libopenmpi-dev openmpi-bin" },
	[PERF_MPICH] = { "mpich", MPIRUN_MPICH, true, "libmpich-dev mpich" },
	[PERF_GLOO] = { "gloo", "", false, "python3-torch" },
	[PERF_ONEDNN] = { "onednn", "", false, "libdnnl-dev" },
	[PERF_ONEDNN_BLOCKED] = { "onednn", "", false, "libdnnl-dev" },
	[PERF_TORCH] = { "gloo", "", false, "python3-torch" },
	[PERF_TORCH_GLOO] = { "gloo", "", false, "python3-torch" },
};

/*
 * Where the peers of this program are: its own, not those of another version that is installed,
 * be it by symbolic links. "": unknown.
 */
static void
peers_folder(char path[PATH_MAX])
{
	char own[PATH_MAX], installed[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, PATH_MAX - 1);

	own[length > 0 ? length : 0] = '\0';
	if (realpath(BIN_DIR "/syncbn-perf", installed) != NULL && strcmp(own, installed) == 0)
		snprintf(path, PATH_MAX, "%s", PEERS_DIR);
	else if (strrchr(own, '/') == NULL ||
		 snprintf(path, PATH_MAX, "%.*s/peers", (int)(strrchr(own, '/') - own), own) >=
			 PATH_MAX)
		path[0] = '\0';
}

/* false: path is where it would be. */
static bool
find_program(int number, char path[PATH_MAX])
{
	char folder[PATH_MAX];

	peers_folder(folder);
	if (snprintf(path, PATH_MAX, "%s/peer-%s", folder, programs[number].name) >= PATH_MAX)
		folder[0] = '\0';
	return folder[0] != '\0' && access(path, X_OK) == 0;
}

syncbn_status_t
perf_peer_find(int number)
{
	const struct peer_program *program = &programs[number];
	char path[PATH_MAX];

	if (!find_program(number, path))
		return sbn_fail(
			SYNCBN_ERR_UNSUPPORTED,
			"there is no program %s; install %s (Debian's names), then configure and "
			"build, or make install",
			path, program->package);
	if (program->needs_launcher && program->launcher[0] == '\0')
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"configure found no mpirun of it; install %s (Debian's names), "
				"then configure and build, or make install",
				program->package);
	if (program->needs_launcher && access(program->launcher, X_OK) != 0)
		return sbn_fail(SYNCBN_ERR_UNSUPPORTED,
				"%s is missing; install %s (Debian's names)", program->launcher,
				program->package);
	return SYNCBN_OK;
}

struct words {
	const char *word[MAX_WORDS];
	size_t n;
};

static void
add(struct words *words, const char *word)
{
	words->word[words->n++] = word;
}

static void
add_all(struct words *words, const char *const *more)
{
	while (*more != NULL)
		add(words, *more++);
}

/* The ranks bind themselves: the launchers know nothing of our places. */
static void
add_launcher(struct words *words, const struct perf_peer_exec *wanted, const char *n_ranks)
{
	static const char *const openmpi[] = { "--allow-run-as-root",
					       "--oversubscribe",
					       "--bind-to",
					       "none",
					       "--mca",
					       "pml",
					       "ob1",
					       "--mca",
					       "btl",
					       "self,vader",
					       "--mca",
					       "mpi_yield_when_idle",
					       NULL };
	static const char *const mpich[] = { "-launcher", "fork", "-bind-to", "none", NULL };

	if (!programs[wanted->number].needs_launcher)
		return;
	add(words, programs[wanted->number].launcher);
	add_all(words, wanted->number == PERF_OPENMPI ? openmpi : mpich);
	if (wanted->number == PERF_OPENMPI)
		add(words, wanted->oversubscribed ? "1" : "0");
	add(words, "-n");
	add(words, n_ranks);
}

static void
add_cpus(const char *places, cpu_set_t *set, size_t bytes)
{
	CPU_ZERO_S(bytes, set);
	for (const char *at = places; *at != '\0'; at += strspn(at, "/,")) {
		char *end;
		unsigned long cpu = strtoul(at, &end, 10);

		if (end == at)
			return;
		CPU_SET_S(cpu, bytes, set);
		at = end;
	}
}

/* All the ranks' CPUs and no memory policy: what rank 0 has of both would be inherited. */
static void
free_of_rank_0(const struct perf_peer_exec *wanted)
{
	size_t bytes = CPU_ALLOC_SIZE(SBN_MAX_CPUS);
	cpu_set_t *set = CPU_ALLOC(SBN_MAX_CPUS);

	if (set == NULL)
		return;
	add_cpus(wanted->places, set, bytes);
	sched_setaffinity(0, bytes, set);
	CPU_FREE(set);
	set_mempolicy(MPOL_DEFAULT, NULL, 0);
}

/* What the libraries find in their environment; what the user has set stays. */
static void
set_environment(const struct perf_peer_exec *wanted)
{
	char number[NUMBER_BYTES];

	/* MPICH over UCX: shared memory alone is its quickest */
	setenv("UCX_TLS", "self,posix,cma", 0);
	if (wanted->number < PERF_MESSAGE_PEERS)
		return;
	snprintf(number, sizeof(number), "%d", wanted->n_threads);
	setenv("OMP_NUM_THREADS", number, 1); /* the launcher has set that of our ranks */
	/* tensors from memory that is kept: fresh pages would cost several times the batch norm */
	setenv("MALLOC_MMAP_MAX_", "0", 0);
	setenv("MALLOC_TRIM_THRESHOLD_", "17179869184", 0);
	setenv("MALLOC_TOP_PAD_", "268435456", 0);
	setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0); /* huge pages, as ours has them */
}

static _Noreturn void
become(const struct perf_peer_exec *wanted, pid_t parent)
{
	char path[PATH_MAX], n_ranks[NUMBER_BYTES];
	struct words words = { .n = 0 };
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || null < 0 || !find_program(wanted->number, path))
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is the table's alone */
	free_of_rank_0(wanted);
	set_environment(wanted);
	snprintf(n_ranks, sizeof(n_ranks), "%u", wanted->n_ranks);
	add_launcher(&words, wanted, n_ranks);
	add(&words, path);
	add(&words, wanted->folder);
	add(&words, wanted->places);
	add(&words, NULL);
	execv(words.word[0], (char *const *)words.word);
	_exit(127);
}

syncbn_status_t
perf_peer_fork(const struct perf_peer_exec *wanted, pid_t *pid)
{
	pid_t parent = getpid();

	*pid = fork();
	if (*pid < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "fork of %s", perf_peer_names[wanted->number]);
	if (*pid == 0)
		become(wanted, parent);
	return SYNCBN_OK;
}
