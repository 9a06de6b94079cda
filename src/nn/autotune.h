/* SPDX-License-Identifier: Apache-2.0 */
/* Which ways a call takes, and what its time says of them. */
#ifndef SBN_NN_AUTOTUNE_H
#define SBN_NN_AUTOTUNE_H

#include "nn/pass.h"

/* Sets the call's ways; the trial that it belongs to, or NULL. */
struct sbn_trial *sbn_autotune_take(struct sbn_pass *pass);

/* The call took so long; `trial` is what sbn_autotune_take returned. */
void sbn_autotune_took(const struct sbn_pass *pass, struct sbn_trial *trial, uint64_t ticks);

#endif
