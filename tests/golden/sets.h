/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of sets, on a board. */
#ifndef SBN_GOLDEN_SETS_H
#define SBN_GOLDEN_SETS_H

#include "golden/board.h"

/*
 * One entry a case, in the order of names within a set. A directory with a case.txt is a case
 * itself. Malformed cases are entries that have failed. INVALID: a set that cannot be read, or
 * holds nothing.
 */
syncbn_status_t golden_sets_open(char *const *directories, struct golden_board **board, int *fd);

#endif
