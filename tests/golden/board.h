/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What replay and its ranks share: the cases to run, and what each rank measured. A rank writes
 * its own marks only, and replay reads them when the ranks have ended.
 */
#ifndef SBN_GOLDEN_BOARD_H
#define SBN_GOLDEN_BOARD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <syncbn/syncbn.h>

#include "golden/case.h"

enum golden_array {
	GOLDEN_Y,
	GOLDEN_DX,
	GOLDEN_DZ,
	GOLDEN_GW,
	GOLDEN_GB,
	GOLDEN_MEAN,
	GOLDEN_VAR,
	GOLDEN_RM,
	GOLDEN_RV,
	GOLDEN_ARRAYS
};

extern const char *const golden_array_names[GOLDEN_ARRAYS];

enum { GOLDEN_REASON = 240 };

/* What one rank has to say of one case. */
struct golden_mark {
	bool begun, finished, failed;
	double worst[GOLDEN_ARRAYS]; /* -1: not compared */
	char reason[GOLDEN_REASON];  /* of the first failure */
};

struct golden_entry {
	char path[PATH_MAX];
	char name[GOLDEN_NAME];
	int world;
	bool wanted; /* in this run */
	struct golden_mark mark[GOLDEN_RANKS];
};

struct golden_board {
	syncbn_layout_t layout;
	char transport[16]; /* "": any */
	uint32_t n;
	struct golden_entry entry[];
};

/* A board of n entries in memory that ranks inherit as a descriptor. */
syncbn_status_t golden_board_new(uint32_t n, struct golden_board **board, int *fd);

syncbn_status_t golden_board_attach(int fd, struct golden_board **board);

/* A case failed: keeps the first reason. */
void golden_mark_fail(struct golden_mark *mark, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
