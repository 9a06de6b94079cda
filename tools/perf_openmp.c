/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_openmp.h"

#ifdef _OPENMP
#include <omp.h>

enum { STEPS = 100 * 1000 };

bool
perf_openmp_is_there(void)
{
	return true;
}

/* A chain of sums, which takes as long in any memory and at any width. */
static double
work(double x)
{
	for (int i = 0; i < STEPS; i++)
		x = x * 0.999 + 1;
	return x;
}

void
perf_openmp_region(int n_threads)
{
	double sum = 0;

#pragma omp parallel for num_threads(n_threads) schedule(static) reduction(+ : sum)
	for (int i = 0; i < n_threads; i++)
		sum += work(i);
	__asm__ volatile("" : : "m"(sum)); /* what is computed must not look unused */
}

static void
run_all(void *context, int n, syncbn_body_fn body, void *argument)
{
	const int *n_threads = context;

#pragma omp parallel for num_threads(*n_threads) schedule(static, 1)
	for (int i = 0; i < n; i++)
		body(argument, i);
}

syncbn_executor_t
perf_openmp_executor(int n_threads)
{
	static int threads;

	threads = n_threads > 0 ? n_threads : omp_get_max_threads();
	return (syncbn_executor_t){ run_all, &threads, threads };
}
#else
bool
perf_openmp_is_there(void)
{
	return false;
}

void
perf_openmp_region(int n_threads)
{
	(void)n_threads;
}

syncbn_executor_t
perf_openmp_executor(int n_threads)
{
	(void)n_threads;
	return (syncbn_executor_t){ NULL, NULL, 1 };
}
#endif
