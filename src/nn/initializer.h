/* SPDX-License-Identifier: Apache-2.0 */
/* Initial values of a layer's arrays, by the names of mindspore.common.initializer. */
#ifndef SBN_NN_INITIALIZER_H
#define SBN_NN_INITIALIZER_H

#include <stdbool.h>
#include <stddef.h>

#include <syncbn/batch_norm_config.h>
#include <syncbn/status.h>

/* The array that is to be initialized. */
struct sbn_initialized {
	const char *field; /* of the config, for errors */
	size_t n;
	double least, largest; /* what its numbers may be */
};

/* Whether init is all default: a seed alone chooses nothing. */
bool sbn_initializer_is_default(const syncbn_initializer_t *init);

/* The rules of an initializer of the array. INVALID. */
syncbn_status_t sbn_initializer_check(const struct sbn_initialized *array,
				      const syncbn_initializer_t *init);

/*
 * Writes n values; `otherwise` where init is the default. The sequence of the random ones is
 * fixed by seed and `salt` alone.
 */
void sbn_initializer_fill(const syncbn_initializer_t *init, double otherwise, uint64_t salt,
			  double *values, size_t n);

#endif
