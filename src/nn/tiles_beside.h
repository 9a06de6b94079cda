/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk's tiles are written while the next one's are summed, a row of either in turn. No operand
 * is copied.
 */
#ifndef SBN_NN_TILES_BESIDE_H
#define SBN_NN_TILES_BESIDE_H

#include "nn/pass.h"

/*
 * Forward y of range's channels and the moments of next's; backward dx, or dz, or both, and the
 * sums of g.
 */
void sbn_tiles_map_beside(const struct sbn_pass *pass, const struct sbn_range *next,
			  const struct sbn_sums *out, const struct sbn_range *range);

#endif
