/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline's steps over planes: channels-first tensors, a channel at a time. */
#ifndef SBN_NN_PLANES_H
#define SBN_NN_PLANES_H

#include "nn/pass.h"

/* The pass's operands from a position of channel c in an image on. */
void sbn_planes_at(struct sbn_operands *at, const struct sbn_pass *pass, uint32_t c, size_t image,
		   size_t position);

/* How far ahead kernels ask for what is summed of n rows of so many elements, in each. */
size_t sbn_planes_ahead_of_moments(size_t n, size_t spatial);
size_t sbn_planes_ahead_of_gradients(size_t n, size_t spatial);

/* The same for what is written; is_there: it is in the cache, if it has been summed. */
size_t sbn_planes_ahead_to_write(const struct sbn_pass *pass, bool is_there);

void sbn_planes_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
			    const struct sbn_sums *out);
void sbn_planes_normalize(const struct sbn_pass *pass, const struct sbn_range *range);
void sbn_planes_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
				  const struct sbn_sums *out, const struct sbn_range *range);
void sbn_planes_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			      const struct sbn_sums *out);
void sbn_planes_dx(const struct sbn_pass *pass, const struct sbn_range *range);
void sbn_planes_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
			   const struct sbn_sums *out, const struct sbn_range *range);

#endif
