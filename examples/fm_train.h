/* SPDX-License-Identifier: Apache-2.0 */
/* Stochastic gradient descent with momentum, weight decay and a rate that falls along a cosine. */
#ifndef FM_TRAIN_H
#define FM_TRAIN_H

#include "fm_data.h"
#include "fm_model.h"
#include "fm_report.h"

/*
 * Trains up to step options->steps on this rank's part of each batch, from the checkpoint on if
 * there is one and it is asked for, and keeps a checkpoint; fills the losses (whose memory the
 * caller brings), times and counts of the results. norms: the batch norms' group. Collective over
 * the world. Says what fails, such as a batch that is too small for a layer.
 */
enum fm_exit fm_train(syncbn_group_t *world, syncbn_group_t *norms,
		      const struct fm_options *options, const struct fm_data *data,
		      struct fm_model *model, struct fm_results *results);

#endif
