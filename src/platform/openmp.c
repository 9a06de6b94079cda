/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/openmp.h"

#include <dlfcn.h>
#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What gcc calls for "#pragma omp parallel", by name: the library itself has no need of OpenMP. */
struct openmp {
	void (*parallel)(void (*body)(void *), void *argument, unsigned n_threads, unsigned flags);
	int (*thread)(void);     /* omp_get_thread_num */
	int (*n_threads)(void);  /* omp_get_num_threads */
	int (*max_threads)(void); /* omp_get_max_threads */
};

static struct openmp found;
static pid_t loaded_by;

struct region {
	syncbn_body_fn body;
	void *argument;
	int n;
	fenv_t floating_point; /* its threads round as the caller does, for as long as this takes */
};

__attribute__((constructor)) static void
remember_process(void)
{
	loaded_by = getpid();
}

static void
run_indices(const struct region *region, int first)
{
	const int step = found.n_threads();

	for (int i = first; i < region->n; i += step)
		region->body(region->argument, i);
}

/* Thread 0 is the caller itself. */
static void
run_share(void *argument)
{
	const struct region *region = argument;
	const int thread = found.thread();
	fenv_t before;

	if (thread == 0) {
		run_indices(region, 0);
		return;
	}
	fegetenv(&before);
	fesetenv(&region->floating_point);
	run_indices(region, thread);
	fesetenv(&before);
}

static void
run_all(void *context, int n, syncbn_body_fn body, void *argument)
{
	struct region region = { .body = body, .argument = argument, .n = n };

	fegetenv(&region.floating_point);
	found.parallel(run_share, &region, (unsigned)*(const int *)context, 0);
}

/*
 * Of one library: another's threads have no numbers there. POSIX: what dlsym gives may be called,
 * though C knows no such conversion.
 */
static bool
find(const char *name, void *function, const void **library)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);
	Dl_info info;

	if (symbol == NULL || dladdr(symbol, &info) == 0)
		return false;
	if (*library != NULL && info.dli_fbase != *library)
		return false;
	*library = info.dli_fbase;
	*(void **)function = symbol;
	return true;
}

static bool
is_zero(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && strcmp(value, "0") == 0;
}

bool
sbn_openmp_find(int n_threads, syncbn_executor_t *executor)
{
	const void *library = NULL;
	static int wanted;

	if (getpid() != loaded_by || !find("GOMP_parallel", &found.parallel, &library) ||
	    !find("omp_get_thread_num", &found.thread, &library) ||
	    !find("omp_get_num_threads", &found.n_threads, &library) ||
	    !find("omp_get_max_threads", &found.max_threads, &library))
		return false;
	wanted = n_threads;
	*executor = (syncbn_executor_t){ run_all, &wanted, n_threads };
	return true;
}

bool
sbn_openmp_suits(int n_threads)
{
	const char *policy = getenv("OMP_WAIT_POLICY");
	bool spins = policy == NULL || strcasecmp(policy, "passive") != 0;

	spins = spins && !is_zero("GOMP_SPINCOUNT") && !is_zero("KMP_BLOCKTIME");
	return spins && found.max_threads() == n_threads;
}
