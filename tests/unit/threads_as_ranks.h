/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads as ranks on one mapping: the only way in which a race detector can see both sides of the
 * ring. Each thread runs body(rank); all must return 0.
 */
#ifndef SBN_TESTS_UNIT_THREADS_AS_RANKS_H
#define SBN_TESTS_UNIT_THREADS_AS_RANKS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { MAX_THREAD_RANKS = 8 };

struct thread_rank {
	pthread_t thread;
	int rank;
	int (*body)(int rank, void *argument);
	void *argument;
	int code;
};

static void *
run_thread_rank(void *argument)
{
	struct thread_rank *self = argument;

	self->code = self->body(self->rank, self->argument);
	return NULL;
}

static inline int
run_thread_ranks(int n, int (*body)(int rank, void *argument), void *argument)
{
	struct thread_rank ranks[MAX_THREAD_RANKS];
	int failures = 0;

	for (int i = 0; i < n; i++) {
		ranks[i] = (struct thread_rank){ .rank = i, .body = body, .argument = argument };
		if (pthread_create(&ranks[i].thread, NULL, run_thread_rank, &ranks[i]) != 0)
			abort();
	}
	for (int i = 0; i < n; i++) {
		pthread_join(ranks[i].thread, NULL);
		failures += ranks[i].code != 0;
	}
	return failures;
}

#endif
