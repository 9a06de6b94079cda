/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenMP of the program that we are in, if it has one: its threads spin for tens of
 * milliseconds behind each region, and a second set of threads would have half a CPU meanwhile.
 */
#ifndef SBN_PLATFORM_OPENMP_H
#define SBN_PLATFORM_OPENMP_H

#include <stdbool.h>

#include <syncbn/parallel.h>

/*
 * An executor of so many of its threads. False where the program has no OpenMP (GNU's, or LLVM's,
 * which has GNU's entry points too) in the scope of all, or this is a child of fork, where its
 * threads are gone; a child that has loaded this library itself cannot tell.
 */
bool sbn_openmp_find(int n_threads, syncbn_executor_t *executor);

/*
 * After it was found: whether one set of threads is better than two. OpenMP's are as many, and do
 * not sleep as soon as they are idle (OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=0, KMP_BLOCKTIME=0).
 */
bool sbn_openmp_suits(int n_threads);

#endif
