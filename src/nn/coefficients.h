/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer knows of channels begin..end-1, as the numbers that kernels apply to them. */
#ifndef SBN_NN_COEFFICIENTS_H
#define SBN_NN_COEFFICIENTS_H

#include <stdint.h>

#include "nn/pass.h"

/*
 * mean_hi, mean_lo, scale and shift, from what is saved, gamma and beta; with x_is_y beta stands
 * for the mean.
 */
void sbn_set_normalize(const struct sbn_pass *pass, uint32_t begin, uint32_t end);

/* Of sums that were never made: dy_hi, dy_lo, slope and slope_lo are 0. */
void sbn_set_no_slopes(const struct sbn_pass *pass, uint32_t begin, uint32_t end);

/*
 * Saves a batch's statistics and sets what normalizes by them, and if the pass says so moves the
 * running ones. batch: of all ranks, elements 0 .. of mean and m2; count: of samples a channel.
 */
void sbn_use_batch(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		   const struct sbn_sums *batch, double count);

/* The same of the running statistics, which stay. */
void sbn_use_running(const struct sbn_pass *pass, uint32_t begin, uint32_t end);

/*
 * dgamma and dbeta by the layer's mode, and what dx needs of the means of gradients; own, all:
 * elements 0 .. of this rank's sums, and of the group's.
 */
void sbn_use_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		       const struct sbn_pair *own, const struct sbn_pair *all,
		       double group_divisor);

#endif
