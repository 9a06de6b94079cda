/* SPDX-License-Identifier: Apache-2.0 */
/* How far results are from the formulas in double; shared with the peers. */
#ifndef SYNCBN_PERF_BN_ERRORS_H
#define SYNCBN_PERF_BN_ERRORS_H

#include "perf_bn_oracle.h"

enum perf_bn_error {
	PERF_BN_MEAN_ERROR, /* by the standard deviation, sqrt(var + eps) */
	PERF_BN_VAR_ERROR,  /* by var + eps */
	PERF_BN_Y_ERROR,    /* by the largest y */
	PERF_BN_DX_ERROR,   /* by the largest dx */
	PERF_BN_ERRORS
};

/*
 * The largest errors; mean and var: [channels], biased. Infinite where something is not a number
 * that should be one.
 */
void perf_bn_errors_of(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results,
		       const double *mean, const double *var, double errors[PERF_BN_ERRORS]);

#endif
