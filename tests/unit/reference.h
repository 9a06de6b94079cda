/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer by the book: one process, the whole batch, double, two passes; any activation, a
 * residual, batch or running statistics. Arrays are in the order N, C, spatial. No cmocka, so that
 * forked ranks can use it.
 */
#ifndef SBN_TESTS_UNIT_REFERENCE_H
#define SBN_TESTS_UNIT_REFERENCE_H

#include <stdbool.h>
#include <stdlib.h>

#include <syncbn/batch_norm_config.h>

#include "unit/elements.h"

struct reference {
	size_t n, channels, spatial;
	double eps;
	syncbn_activation_t activation;
	double negative_slope;
	bool by_running;            /* mean and var are given, not computed */
	const double *gamma, *beta; /* [channels] */
	const double *x, *dy;       /* [n, channels, spatial] */
	const double *z;            /* NULL: none */
	double *v, *y, *g, *dx;     /* [n, channels, spatial]; v before the activation; g is dz */
	double *mean, *var;         /* [channels], biased */
	double *dgamma, *dbeta;     /* [channels] */
	double *terms;              /* [channels]: of |g| * (1 + |xhat|), the sums' condition */
};

static inline size_t
reference_elements(const struct reference *r)
{
	return r->n * r->channels * r->spatial;
}

/* Gives the outputs memory; the caller fills in the inputs. */
static inline void
reference_new(struct reference *r)
{
	size_t elements = reference_elements(r);
	double *block = calloc(4 * elements + 5 * r->channels + 1, sizeof(double));

	if (block == NULL)
		abort();
	r->v = block;
	r->y = r->v + elements;
	r->g = r->y + elements;
	r->dx = r->g + elements;
	r->mean = r->dx + elements;
	r->var = r->mean + r->channels;
	r->dgamma = r->var + r->channels;
	r->dbeta = r->dgamma + r->channels;
	r->terms = r->dbeta + r->channels;
}

static inline void
reference_free(struct reference *r)
{
	free(r->v);
}

/* Where value i of channel c stands, i below n * spatial. */
static inline size_t
reference_at(const struct reference *r, size_t c, size_t i)
{
	return (i / r->spatial * r->channels + c) * r->spatial + i % r->spatial;
}

static inline double
reference_invstd(const struct reference *r, size_t c)
{
	return r->var[c] + r->eps == 0 ? 0 : 1 / sqrt(r->var[c] + r->eps);
}

static inline void
reference_statistics(const struct reference *r, size_t c)
{
	size_t count = r->n * r->spatial;
	long double sum = 0, m2 = 0;

	for (size_t i = 0; i < count; i++)
		sum += (long double)r->x[reference_at(r, c, i)];
	for (size_t i = 0; i < count; i++) {
		long double d = (long double)r->x[reference_at(r, c, i)] - sum / (long double)count;

		m2 += d * d;
	}
	r->mean[c] = (double)(sum / (long double)count);
	r->var[c] = (double)(m2 / (long double)count);
}

/* f(a) where v did not get through, a where it did. */
static inline double
reference_let(const struct reference *r, double v, double a)
{
	if (r->activation == SYNCBN_ACTIVATION_NONE || !(v <= 0))
		return a;
	return r->activation == SYNCBN_ACTIVATION_RELU ? 0 : r->negative_slope * a;
}

static inline void
reference_forward(const struct reference *r, size_t c)
{
	double scale = reference_invstd(r, c) * r->gamma[c];

	for (size_t i = 0; i < r->n * r->spatial; i++) {
		size_t at = reference_at(r, c, i);

		r->v[at] = (r->x[at] - r->mean[c]) * scale + r->beta[c];
		if (r->z != NULL)
			r->v[at] += r->z[at];
		r->y[at] = reference_let(r, r->v[at], r->v[at]);
		r->g[at] = reference_let(r, r->v[at], r->dy[at]);
	}
}

static inline void
reference_backward(const struct reference *r, size_t c)
{
	double invstd = reference_invstd(r, c), count = (double)(r->n * r->spatial);
	double weight = r->by_running ? 0 : 1 / count;

	for (size_t i = 0; i < r->n * r->spatial; i++) {
		size_t at = reference_at(r, c, i);
		double xhat = (r->x[at] - r->mean[c]) * invstd;

		r->dgamma[c] += r->g[at] * xhat;
		r->dbeta[c] += r->g[at];
		r->terms[c] += fabs(r->g[at]) * (1 + fabs(xhat));
	}
	for (size_t i = 0; i < r->n * r->spatial; i++) {
		size_t at = reference_at(r, c, i);
		double xhat = (r->x[at] - r->mean[c]) * invstd;

		r->dx[at] = (r->g[at] - weight * (r->dbeta[c] + xhat * r->dgamma[c])) * invstd *
			    r->gamma[c];
	}
}

static inline void
reference_run(struct reference *r)
{
	for (size_t c = 0; c < r->channels; c++) {
		r->dgamma[c] = r->dbeta[c] = r->terms[c] = 0;
		if (!r->by_running)
			reference_statistics(r, c);
		reference_forward(r, c);
		reference_backward(r, c);
	}
}

#endif
