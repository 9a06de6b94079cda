/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/openmp.h"

#include <dlfcn.h>
#include <fenv.h>
#include <stdlib.h>
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
run_share(void *argument)
{
	const struct region *region = argument;
	const int step = found.n_threads();
	fenv_t before;

	fegetenv(&before);
	fesetenv(&region->floating_point);
	for (int i = found.thread(); i < region->n; i += step)
		region->body(region->argument, i);
	fesetenv(&before);
}

static void
run_all(void *context, int n, syncbn_body_fn body, void *argument)
{
	struct region region = { .body = body, .argument = argument, .n = n };

	fegetenv(&region.floating_point);
	found.parallel(run_share, &region, (unsigned)*(const int *)context, 0);
}

/* POSIX: what dlsym gives may be called, though C knows no such conversion. */
static bool
find(const char *name, void *function)
{
	*(void **)function = dlsym(RTLD_DEFAULT, name);
	return *(void **)function != NULL;
}

bool
sbn_openmp_find(int n_threads, syncbn_executor_t *executor)
{
	static int wanted;

	if (getpid() != loaded_by || !find("GOMP_parallel", &found.parallel) ||
	    !find("omp_get_thread_num", &found.thread) ||
	    !find("omp_get_num_threads", &found.n_threads) ||
	    !find("omp_get_max_threads", &found.max_threads))
		return false;
	wanted = n_threads;
	*executor = (syncbn_executor_t){ run_all, &wanted, n_threads };
	return true;
}

bool
sbn_openmp_is_in_the_way(int n_threads)
{
	const char *policy = getenv("OMP_WAIT_POLICY");

	return (policy == NULL || strcasecmp(policy, "passive") != 0) &&
	       found.max_threads() == n_threads;
}
