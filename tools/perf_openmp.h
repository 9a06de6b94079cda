/* SPDX-License-Identifier: Apache-2.0 */
/* What a program's own OpenMP does between our calls; compiled with OpenMP where there is one. */
#ifndef SYNCBN_PERF_OPENMP_H
#define SYNCBN_PERF_OPENMP_H

#include <stdbool.h>

bool perf_openmp_is_there(void);

/* A parallel region of so many threads, each some 100 us busy in its own cache. */
void perf_openmp_region(int n_threads);

#endif
