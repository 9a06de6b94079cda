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

/* Zeroed memory that forked ranks and their parent share; never freed. */
void *shared_memory(size_t bytes);

#endif
