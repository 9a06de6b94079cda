/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of a board, through the launcher's code. */
#ifndef SBN_GOLDEN_RUN_H
#define SBN_GOLDEN_RUN_H

#include "golden/board.h"

/*
 * Runs every wanted entry: the cases of one world in one run, and, when a case has ended it, those
 * behind it in a fresh one. What fails is in the marks; the status is for what keeps all from
 * running. *interrupted: a signal to this process ended a run.
 */
syncbn_status_t golden_run(struct golden_board *board, int board_fd, bool *interrupted);

#endif
