/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison with the reference, by the tolerances of the format. */
#ifndef SBN_GOLDEN_JUDGE_H
#define SBN_GOLDEN_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "golden/board.h"
#include "golden/case.h"

/* What is being compared: one rank's arrays of one step under one configuration. */
struct golden_judge {
	const struct golden_case *c;
	const struct golden_step *step;
	const char *rules; /* of the configuration, for the reason */
	int rank;
	struct golden_mark *mark;
	unsigned char *loose; /* [C]: a sum that may hold the other side of a relu */
};

/*
 * The gradients depend on the sign of the activation's input. Where the reference's is so near to
 * zero that a rounding decides, the channel's sums are not compared.
 */
syncbn_status_t golden_judge_begin(struct golden_judge *j);

void golden_judge_end(struct golden_judge *j);

/* Element (n, channel, i) of the rank's batch: y, dx or dz. */
void golden_judge_element(const struct golden_judge *j, enum golden_array array, int64_t n,
			  int64_t channel, int64_t i, double got);

/* Gradients of gamma and beta: wanted is the reference by the configuration's mode. */
void golden_judge_gradient(const struct golden_judge *j, enum golden_array array, int64_t channel,
			   double got, double wanted);

/* The mean, and 1 / sqrt(var + eps), that normalized. */
void golden_judge_statistics(const struct golden_judge *j, int64_t channel, double mean,
			     double invstd);

/* The running statistics after the step. */
void golden_judge_running(const struct golden_judge *j, int64_t channel, enum golden_var mode,
			  double mean, double var);

/* A number that has no tolerance. */
void golden_judge_exact(const struct golden_judge *j, const char *what, double got, double wanted);

#endif
