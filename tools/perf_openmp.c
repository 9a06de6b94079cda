/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_openmp.h"

#ifdef _OPENMP
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
#endif
