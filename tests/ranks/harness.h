/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real ranks for tests: forked processes that join one segment, as the launcher's do. A child never
 * uses cmocka; it returns 0 or, through EXPECT, says what failed and returns 1.
 */
#ifndef SBN_TESTS_RANKS_HARNESS_H
#define SBN_TESTS_RANKS_HARNESS_H

#include <stdio.h>

#include <syncbn/syncbn.h>

enum { MAX_TEST_RANKS = 16 };

#define EXPECT(condition)                                                                  \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: %s; last error: %s\n", __FILE__, __LINE__, \
				#condition, syncbn_last_error());                          \
			return 1;                                                          \
		}                                                                          \
	} while (0)

typedef int (*rank_body_fn)(int rank, void *argument);

/* How the ranks ended, as waitpid says. */
struct endings {
	int status[MAX_TEST_RANKS];
};

/*
 * Forks n ranks, each running body; tells the others when one is lost, as the launcher does; waits
 * for all.
 */
void run_ranks(int n, rank_body_fn body, void *argument, struct endings *endings);

/* The number of ranks that did not end with 0. */
int run_ranks_failures(int n, rank_body_fn body, void *argument);

/* A rank's first step: syncbn_init with one thread; 0, or 1 as EXPECT. */
int join_run(syncbn_group_t **world, int timeout_ms);

/* Whether the last error has `part` in it; says so where it has not. */
int says(const char *part);

/* Waits for a flag that another process sets; not for ever, should that one have failed. */
int comes_true(volatile int *flag);

/* Zeroed memory that forked ranks and their parent share; never freed. */
void *shared_memory(size_t bytes);

#endif
