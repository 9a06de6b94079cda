/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/collective.h"

void
sbn_reduce_rows(const struct syncbn_group *group, const struct sbn_rows *rows, size_t count,
		syncbn_dtype_t dtype)
{
	const struct sbn_kernels *kernels = group->process->kernels;

	if (dtype == SYNCBN_FLOAT64)
		kernels->sum_f64((double *const *)rows->dst, rows->n_dst,
				 (const double *const *)rows->src, rows->n_src, count,
				 rows->divisor);
	else if (dtype == SYNCBN_BFLOAT16)
		kernels->sum_bf16((uint16_t *const *)rows->dst, rows->n_dst,
				  (const uint16_t *const *)rows->src, rows->n_src, count,
				  (float)rows->divisor);
	else
		kernels->sum_f32((float *const *)rows->dst, rows->n_dst,
				 (const float *const *)rows->src, rows->n_src, count,
				 (float)rows->divisor);
}
