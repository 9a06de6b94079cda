/* SPDX-License-Identifier: Apache-2.0 */
/* Initial values of a layer's arrays, by the names of mindspore.common.initializer. */
#ifndef SBN_NN_INITIALIZER_H
#define SBN_NN_INITIALIZER_H

#include <stddef.h>

#include <syncbn/batch_norm_config.h>
#include <syncbn/status.h>

/* The rules of an initializer of `field`. INVALID. */
syncbn_status_t sbn_initializer_check(const char *field, const syncbn_initializer_t *init);

/*
 * Writes n values; `otherwise` where init is the default. The sequence of the random ones is
 * fixed by seed and `salt` alone.
 */
void sbn_initializer_fill(const syncbn_initializer_t *init, double otherwise, uint64_t salt,
			  double *values, size_t n);

#endif
