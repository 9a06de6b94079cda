/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline's steps over rows: (N, C) and channels-last tensors. Threads split blocks of rows,
 * whose partial sums are merged in block order, so the bits do not depend on the threads.
 */
#ifndef SBN_NN_ROWS_H
#define SBN_NN_ROWS_H

#include "nn/pass.h"

/* Room for the blocks' partial sums. NO_MEMORY. */
syncbn_status_t sbn_rows_prepare(const struct sbn_pass *pass);

/*
 * Whether rows are of a length that some CPUs want to be asked for far ahead of what is read: so
 * they are unless pass->fetch_lines.
 */
bool sbn_rows_may_ask_far(const struct sbn_pass *pass);

/* before: the blocks' sums; sum: their merge in block order. */
void sbn_rows_block_moments(const struct sbn_pass *pass, int threads);
void sbn_rows_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
			  const struct sbn_sums *out);
void sbn_rows_block_gradients(const struct sbn_pass *pass, int threads);
void sbn_rows_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			    const struct sbn_sums *out);

/* after */
void sbn_rows_normalize(const struct sbn_pass *pass, int threads);
void sbn_rows_dx(const struct sbn_pass *pass, int threads);

#endif
