/* SPDX-License-Identifier: Apache-2.0 */
/* Batch norm by the book: one process, the whole batch, double, two passes. For channels-first. */
#ifndef SBN_TESTS_RANKS_ORACLE_H
#define SBN_TESTS_RANKS_ORACLE_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

struct oracle {
	size_t n, channels, spatial;
	double eps;
	const float *x, *dy;          /* [n, channels, spatial] */
	const float *gamma, *beta;    /* [channels] */
	double *y, *dx;               /* [n, channels, spatial] */
	double *mean, *var;           /* [channels], var biased */
	double *sum_dy, *sum_dy_xhat; /* [channels] */
	double *sum_abs;              /* [channels]: of |dy| * (1 + |xhat|), the sums' condition */
};

static inline size_t
oracle_at(const struct oracle *o, size_t n, size_t c, size_t s)
{
	return (n * o->channels + c) * o->spatial + s;
}

static inline void
oracle_statistics(const struct oracle *o, size_t c)
{
	double count = (double)(o->n * o->spatial);
	long double sum = 0, m2 = 0;

	for (size_t n = 0; n < o->n; n++)
		for (size_t s = 0; s < o->spatial; s++)
			sum += o->x[oracle_at(o, n, c, s)];
	o->mean[c] = (double)(sum / count);
	for (size_t n = 0; n < o->n; n++)
		for (size_t s = 0; s < o->spatial; s++) {
			long double d = o->x[oracle_at(o, n, c, s)] - sum / count;

			m2 += d * d;
		}
	o->var[c] = (double)(m2 / count);
}

static inline void
oracle_channel(const struct oracle *o, size_t c)
{
	double count = (double)(o->n * o->spatial);
	double invstd = 1 / sqrt(o->var[c] + o->eps);

	o->sum_dy[c] = o->sum_dy_xhat[c] = o->sum_abs[c] = 0;
	for (size_t n = 0; n < o->n; n++)
		for (size_t s = 0; s < o->spatial; s++) {
			size_t i = oracle_at(o, n, c, s);
			double xhat = ((double)o->x[i] - o->mean[c]) * invstd;

			o->y[i] = xhat * (double)o->gamma[c] + (double)o->beta[c];
			o->sum_dy[c] += (double)o->dy[i];
			o->sum_dy_xhat[c] += (double)o->dy[i] * xhat;
			o->sum_abs[c] += fabs((double)o->dy[i]) * (1 + fabs(xhat));
		}
	for (size_t n = 0; n < o->n; n++)
		for (size_t s = 0; s < o->spatial; s++) {
			size_t i = oracle_at(o, n, c, s);
			double xhat = ((double)o->x[i] - o->mean[c]) * invstd;

			o->dx[i] = ((double)o->dy[i] - o->sum_dy[c] / count -
				    xhat * o->sum_dy_xhat[c] / count) *
				   invstd * (double)o->gamma[c];
		}
}

static inline void
oracle_allocate(struct oracle *o)
{
	size_t elements = o->n * o->channels * o->spatial;

	o->y = calloc(elements + 1, sizeof(double));
	o->dx = calloc(elements + 1, sizeof(double));
	o->mean = calloc(o->channels, sizeof(double));
	o->var = calloc(o->channels, sizeof(double));
	o->sum_dy = calloc(o->channels, sizeof(double));
	o->sum_dy_xhat = calloc(o->channels, sizeof(double));
	o->sum_abs = calloc(o->channels, sizeof(double));
}

static inline void
oracle_run(const struct oracle *o)
{
	for (size_t c = 0; c < o->channels; c++) {
		oracle_statistics(o, c);
		oracle_channel(o, c);
	}
}

static inline void
oracle_free(struct oracle *o)
{
	free(o->y), free(o->dx), free(o->mean), free(o->var);
	free(o->sum_dy), free(o->sum_dy_xhat), free(o->sum_abs);
}

#endif
