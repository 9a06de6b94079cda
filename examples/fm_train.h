/* SPDX-License-Identifier: Apache-2.0 */
/* Stochastic gradient descent with momentum, weight decay and a rate that falls along a cosine. */
#ifndef FM_TRAIN_H
#define FM_TRAIN_H

#include "fm_data.h"
#include "fm_model.h"
#include "fm_report.h"

/*
 * Trains for options->steps steps on this rank's part of each batch; fills the losses (whose
 * memory the caller brings), times and counts of the results. norms: the batch norms' group.
 * Collective over the world. With a batch that is too small for a layer: INVALID.
 */
syncbn_status_t fm_train(syncbn_group_t *world, syncbn_group_t *norms,
			 const struct fm_options *options, const struct fm_data *data,
			 struct fm_model *model, struct fm_results *results);

#endif
