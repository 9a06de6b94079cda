/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PARALLEL_H
#define SYNCBN_PARALLEL_H

#include <stddef.h>

#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One share of a parallel loop: index runs from 0 to n - 1. */
typedef void (*syncbn_body_fn)(void *argument, int index);

/*
 * The caller's own threads (OpenMP, oneDNN, torch). parallel_for runs body(argument, i) once for
 * every i in 0..n-1, starts them in ascending order and returns when all have ended. It may run
 * them on any threads, or all on the calling one. Their stacks have 256 KiB or more.
 */
typedef struct syncbn_executor {
	void (*parallel_for)(void *context, int n, syncbn_body_fn body, void *argument);
	void *context; /* handed to parallel_for */
	int threads;   /* how many bodies can run at once, at least 1 */
} syncbn_executor_t;

/*
 * Runs body(argument, i) for every i in 0..n-1 on this process's worker team (or the executor that
 * syncbn_init was given, or OpenMP's threads: SYNCBN_EXECUTOR) and returns when all have ended.
 * While another thread holds the team, or before syncbn_init, all run on the calling thread.
 * Local.
 *
 * INVALID: n < 0, no body, a forked child.
 */
syncbn_status_t syncbn_parallel_for(int n, syncbn_body_fn body, void *argument);

/* How many bodies of syncbn_parallel_for run at once; 1 before syncbn_init. Local. */
int syncbn_threads(void);

#ifdef __cplusplus
}
#endif
#endif
