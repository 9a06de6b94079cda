/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: what a training needs to go on as if nothing had been. In the directory lie
 *
 *	step-40-bn.safetensors	the batch norms, which torch and numpy read, too;
 *				with --bn local step-40-bn-rank-0.safetensors and so on
 *	step-40-training	all parameters, the optimizer's velocity, the losses so far
 *	latest			"40": written last, so what it names is whole
 *
 * Which images come next follows from the number of steps. A checkpoint takes the place of the one
 * before; when it cannot be written, that one stays.
 */
#ifndef FM_CHECKPOINT_H
#define FM_CHECKPOINT_H

#include <syncbn/syncbn.h>

#include "fm_error.h"
#include "fm_model.h"
#include "fm_options.h"
#include "fm_report.h"

/*
 * Makes the directory if it is not there. Refuses one that cannot be written, and without --resume
 * auto one with a checkpoint, which would be lost.
 */
void fm_checkpoint_probe(const struct fm_options *options, struct fm_refusal *refusal);

/*
 * With --resume auto reads the latest checkpoint, if there is one, into model and results; *step is
 * then how many steps it has behind it, else 0. Refuses one of another training. Collective.
 */
enum fm_exit fm_checkpoint_load(syncbn_group_t *world, const struct fm_options *options,
				struct fm_model *model, struct fm_results *results, long *step);

/* Writes a checkpoint of the first `step` steps. Collective. */
enum fm_exit fm_checkpoint_save(syncbn_group_t *world, const struct fm_options *options,
				const struct fm_model *model, const struct fm_results *results,
				long step);

#endif
