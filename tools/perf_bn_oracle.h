/* SPDX-License-Identifier: Apache-2.0 */
/* Batch norm by its formulas, in double, over numbers that need no memory. */
#ifndef SYNCBN_PERF_BN_ORACLE_H
#define SYNCBN_PERF_BN_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf_bn_data.h"

/* [channels] each: over the images first .. first + count. */
struct perf_bn_oracle {
	const struct perf_bn_batch *batch;
	double *mean, *var, *invstd;
	double *sum_g, *sum_gx; /* of g = dy behind the activation, and of g * xhat */
	double *abs_g, *abs_gx; /* the same of absolute values: what rounding is measured by */
	size_t first, count;
};

/* What a pass has given for the images first .. first + count; NULL: not to be checked. */
struct perf_bn_outputs {
	size_t first, count;
	const void *y, *dx, *dz;
	const float *dgamma, *dbeta; /* over these images alone; double in a float64 batch */
};

/* backward: the gradients' sums, too, which dx needs. 0, or -1 without memory. */
int perf_bn_oracle_make(const struct perf_bn_batch *batch, size_t first, size_t count,
			bool backward, struct perf_bn_oracle *oracle);
void perf_bn_oracle_free(struct perf_bn_oracle *oracle);

/*
 * The statistics of eval: running_mean 0 and running_var 1, as a new layer has them, instead of
 * the batch's.
 */
void perf_bn_oracle_eval(struct perf_bn_oracle *oracle);

/* y, dx and dz at one place. */
struct perf_bn_values {
	double v; /* before the activation */
	double y, dx, dz;
};

struct perf_bn_values perf_bn_oracle_at(const struct perf_bn_oracle *oracle, size_t n, size_t c,
					size_t s);

/* How many elements are not the oracle's, but for rounding; dgamma's and dbeta's among them. */
uint64_t perf_bn_wrong(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results);

#endif
