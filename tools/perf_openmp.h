/* SPDX-License-Identifier: Apache-2.0 */
/* What a program's own OpenMP does between our calls; compiled with OpenMP where there is one. */
#ifndef SYNCBN_PERF_OPENMP_H
#define SYNCBN_PERF_OPENMP_H

#include <stdbool.h>

#include <syncbn/parallel.h>

bool perf_openmp_is_there(void);

/* A parallel region of so many threads, each some 100 us busy in its own cache. */
void perf_openmp_region(int n_threads);

/* OpenMP's own threads as an executor: n_threads of them, 0 for as many as OpenMP would take. */
syncbn_executor_t perf_openmp_executor(int n_threads);

#endif
