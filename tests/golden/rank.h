/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBN_GOLDEN_RANK_H
#define SBN_GOLDEN_RANK_H

/* replay as a rank: plays the wanted cases of the board behind the descriptor; the exit code. */
int golden_rank(int board_fd);

#endif
