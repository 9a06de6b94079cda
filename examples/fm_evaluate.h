/* SPDX-License-Identifier: Apache-2.0 */
/* How good the trained network is, and whether the ranks hold the same one. */
#ifndef FM_EVALUATE_H
#define FM_EVALUATE_H

#include "fm_data.h"
#include "fm_model.h"
#include "fm_report.h"

/*
 * Fills the results' checksums, one a rank, of gamma, beta and running statistics, then its
 * accuracies over all test images, each rank testing a part. Where each rank normalized alone,
 * the running statistics differ, so the test is made with rank 0's and again with their average,
 * and the better accuracy counts. Collective.
 */
syncbn_status_t fm_evaluate(syncbn_group_t *world, const struct fm_options *options,
			    const struct fm_data *test, struct fm_model *model,
			    struct fm_results *results);

#endif
