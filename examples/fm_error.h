/* SPDX-License-Identifier: Apache-2.0 */
/* How the example ends and what it says then: one line on stderr with what, why and what to do. */
#ifndef FM_ERROR_H
#define FM_ERROR_H

#include <stddef.h>

#include <syncbn/syncbn.h>

enum fm_exit {
	FM_DONE = 0,
	FM_FAILED = 1, /* a call of the library failed */
	FM_REFUSED = 2 /* a wrong option, or data that is not there or not good */
};

/* Something refused that the ranks must first agree on, or "" while nothing is. */
struct fm_refusal {
	char text[512];
};

/* From now on errors name the rank, unless it is alone. */
void fm_error_set_rank(int rank, int world_size);

void fm_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* FM_DONE, or FM_FAILED after printing what the library says about it. */
enum fm_exit fm_library(const char *what, syncbn_status_t status);

void fm_refuse(struct fm_refusal *refusal, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * FM_REFUSED on every rank as soon as one of them refuses, so that none waits for another. Only
 * the lowest of these says why: a directory that lacks the data gives one line, not one a rank.
 */
enum fm_exit fm_agree(syncbn_group_t *world, const struct fm_refusal *refusal);

#endif
