/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunk pipeline: how a pass walks over the channels. Lanes split the channels; each lane sums
 * its chunks ahead of the one it finishes, publishes each, and finishes a chunk when everybody's
 * sums of it have come. No lane waits for another thread of its own rank, unless threads share
 * channels: nn/share.h.
 */
#ifndef SBN_NN_PIPELINE_H
#define SBN_NN_PIPELINE_H

#include "nn/pass.h"

syncbn_status_t sbn_pipeline_run(struct sbn_pass *pass);

#endif
