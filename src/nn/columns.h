/* SPDX-License-Identifier: Apache-2.0 */
/* Moments of several channels that have as many samples each: what depends on counts is one. */
#ifndef SBN_NN_COLUMNS_H
#define SBN_NN_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernels.h"

enum { SBN_COLUMNS = 64 };

struct sbn_columns {
	double count;
	double mean[SBN_COLUMNS], m2[SBN_COLUMNS], low[SBN_COLUMNS];
};

/*
 * Merges a part into the first n channels, by sbn_moments_merge or, with wide, its form for
 * float64: the same bits. low is only read with wide.
 */
void sbn_columns_add(struct sbn_columns *into, double count, const double *mean, const double *m2,
		     const double *low, size_t n, bool wide);

static inline struct sbn_moments
sbn_columns_get(const struct sbn_columns *columns, size_t i)
{
	return (struct sbn_moments){ columns->count, columns->mean[i], columns->m2[i],
				     columns->low[i] };
}

#endif
