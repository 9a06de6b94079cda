/* SPDX-License-Identifier: Apache-2.0 */
/* A program that has OpenMP: this one, by functions of OpenMP's names that count what is asked. */
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/math.h"
#include "comm/process.h"
#include "platform/openmp.h"
#include "unit/world_of_one.h"

enum { MAX_THREADS = 4, MAX_INDICES = 3 * MAX_THREADS };

/* ---- OpenMP ---- */

void GOMP_parallel(void (*body)(void *), void *argument, unsigned n_threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);

static int regions, max_threads = 2, most_given = MAX_THREADS;
static _Thread_local int this_thread, n_threads_here;

struct start {
	void (*body)(void *);
	void *argument;
	int thread, n_threads, rounding;
};

static void *
run_thread(void *argument)
{
	struct start *start = argument;

	this_thread = start->thread, n_threads_here = start->n_threads;
	if (start->thread > 0)
		fesetround(FE_DOWNWARD);
	start->body(start->argument);
	start->rounding = fegetround();
	return NULL;
}

void
GOMP_parallel(void (*body)(void *), void *argument, unsigned n_threads, unsigned flags)
{
	const int n = SBN_MIN((int)n_threads, most_given);
	struct start start[MAX_THREADS];
	pthread_t id[MAX_THREADS];

	assert_int_equal(flags, 0);
	regions++;
	for (int i = 0; i < n; i++)
		start[i] = (struct start){ body, argument, i, n, 0 };
	for (int i = 1; i < n; i++)
		assert_int_equal(pthread_create(&id[i], NULL, run_thread, &start[i]), 0);
	run_thread(&start[0]);
	for (int i = 1; i < n; i++) {
		assert_int_equal(pthread_join(id[i], NULL), 0);
		assert_int_equal(start[i].rounding, FE_DOWNWARD);
	}
}

int
omp_get_thread_num(void)
{
	return this_thread;
}

int
omp_get_num_threads(void)
{
	return n_threads_here;
}

int
omp_get_max_threads(void)
{
	return max_threads;
}

/* ---- what runs there ---- */

struct log {
	int runs[MAX_INDICES + 1]; /* plain: the region's end orders them */
	int rounding[MAX_INDICES + 1];
};

static void
note(void *argument, int index)
{
	struct log *log = argument;

	log->runs[index]++;
	log->rounding[index] = fegetround();
}

static void
check_every_index_once(const syncbn_executor_t *executor, int n)
{
	struct log log = { 0 };

	executor->parallel_for(executor->context, n, note, &log);
	for (int i = 0; i <= MAX_INDICES; i++)
		assert_int_equal(log.runs[i], i < n);
}

static void
test_every_index_runs_once_however_many_threads_there_are(void **state)
{
	syncbn_executor_t executor;

	(void)state;
	for (int threads = 1; threads <= MAX_THREADS; threads++) {
		assert_true(sbn_openmp_find(threads, &executor));
		assert_int_equal(executor.threads, threads);
		for (most_given = 1; most_given <= MAX_THREADS; most_given++)
			for (int n = 0; n <= MAX_INDICES; n++)
				check_every_index_once(&executor, n);
	}
	most_given = MAX_THREADS;
}

static void
test_its_threads_round_as_the_caller_does_meanwhile(void **state)
{
	struct log log = { 0 };
	syncbn_executor_t executor;

	(void)state;
	assert_true(sbn_openmp_find(MAX_THREADS, &executor));
	fesetround(FE_UPWARD);
	executor.parallel_for(executor.context, MAX_INDICES, note, &log);
	assert_int_equal(fegetround(), FE_UPWARD);
	fesetround(FE_TONEAREST);
	for (int i = 0; i < MAX_INDICES; i++)
		assert_int_equal(log.rounding[i], FE_UPWARD);
}

static void
test_a_child_of_fork_has_none(void **state)
{
	syncbn_executor_t executor;
	int status = -1;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(sbn_openmp_find(2, &executor));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- who chooses it ---- */

/* Whether a world of so many threads runs on OpenMP's. */
static bool
is_chosen(int threads, const char *executor)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	struct log log = { 0 };
	syncbn_group_t *world;
	int before = regions;
	bool told;

	setenv("SYNCBN_EXECUTOR", executor, 1);
	config.threads = threads;
	assert_int_equal(syncbn_init(&config, &world), SYNCBN_OK);
	told = sbn_process_get()->on_openmp;
	assert_int_equal(syncbn_parallel_for(MAX_INDICES, note, &log), SYNCBN_OK);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
	unsetenv("SYNCBN_EXECUTOR");
	for (int i = 0; i < MAX_INDICES; i++)
		assert_int_equal(log.runs[i], 1);
	assert_int_equal(told && threads > 1, regions > before);
	return told;
}

static void
test_as_many_threads_as_openmp_has_are_its_own(void **state)
{
	(void)state;
	assert_true(is_chosen(2, "auto"));
	assert_true(is_chosen(2, ""));
	assert_false(is_chosen(3, "auto"));
	assert_false(is_chosen(1, "auto"));
}

static void
test_threads_that_sleep_at_once_are_in_nobodys_way(void **state)
{
	(void)state;
	setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
	assert_false(is_chosen(2, "auto"));
	setenv("OMP_WAIT_POLICY", "active", 1);
	assert_true(is_chosen(2, "auto"));
	unsetenv("OMP_WAIT_POLICY");
	setenv("GOMP_SPINCOUNT", "0", 1);
	assert_false(is_chosen(2, "auto"));
	setenv("GOMP_SPINCOUNT", "1000", 1);
	assert_true(is_chosen(2, "auto"));
	unsetenv("GOMP_SPINCOUNT");
	setenv("KMP_BLOCKTIME", "0", 1);
	assert_false(is_chosen(2, "auto"));
	unsetenv("KMP_BLOCKTIME");
}

static void
test_the_environment_overrides(void **state)
{
	syncbn_group_t *world;

	(void)state;
	assert_false(is_chosen(2, "team"));
	assert_true(is_chosen(3, "openmp"));
	assert_true(is_chosen(1, "openmp"));
	setenv("SYNCBN_EXECUTOR", "omp", 1);
	assert_invalid(syncbn_init(NULL, &world), "SYNCBN_EXECUTOR");
	unsetenv("SYNCBN_EXECUTOR");
}

static void
test_an_executor_of_the_callers_comes_first(void **state)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_executor_t executor;
	syncbn_group_t *world;

	(void)state;
	assert_true(sbn_openmp_find(3, &executor));
	config.executor = &executor;
	setenv("SYNCBN_EXECUTOR", "team", 1);
	assert_int_equal(syncbn_init(&config, &world), SYNCBN_OK);
	assert_int_equal(syncbn_threads(), 3);
	assert_false(sbn_process_get()->on_openmp);
	assert_int_equal(syncbn_finalize(world), SYNCBN_OK);
	unsetenv("SYNCBN_EXECUTOR");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_index_runs_once_however_many_threads_there_are),
		cmocka_unit_test(test_its_threads_round_as_the_caller_does_meanwhile),
		cmocka_unit_test(test_a_child_of_fork_has_none),
		cmocka_unit_test(test_as_many_threads_as_openmp_has_are_its_own),
		cmocka_unit_test(test_threads_that_sleep_at_once_are_in_nobodys_way),
		cmocka_unit_test(test_the_environment_overrides),
		cmocka_unit_test(test_an_executor_of_the_callers_comes_first),
	};

	forget_launchers();
	unsetenv("OMP_WAIT_POLICY"), unsetenv("GOMP_SPINCOUNT"), unsetenv("KMP_BLOCKTIME");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
