/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAYS = 7 };

/* ---- statistics ---- */

static double
mean_of(const struct perf_bn_oracle *oracle, size_t c)
{
	const struct perf_bn_batch *batch = oracle->batch;
	/* about the first number: nothing is lost where the mean is far from 0 */
	double about = perf_bn_number(batch, PERF_BN_X, oracle->first, c, 0), sum = 0;

	for (size_t n = 0; n < oracle->count; n++)
		for (size_t s = 0; s < batch->spatial; s++)
			sum += perf_bn_number(batch, PERF_BN_X, oracle->first + n, c, s) - about;
	return about + sum / (double)(oracle->count * batch->spatial);
}

static void
take_moments(struct perf_bn_oracle *oracle, size_t c)
{
	const struct perf_bn_batch *batch = oracle->batch;
	double mean = mean_of(oracle, c), m2 = 0;

	for (size_t n = 0; n < oracle->count; n++)
		for (size_t s = 0; s < batch->spatial; s++) {
			double x = perf_bn_number(batch, PERF_BN_X, oracle->first + n, c, s);

			m2 += (x - mean) * (x - mean);
		}
	oracle->mean[c] = mean;
	oracle->var[c] = m2 / (double)(oracle->count * batch->spatial);
	oracle->invstd[c] = 1 / sqrt(oracle->var[c] + PERF_BN_EPS);
}

static double
xhat_at(const struct perf_bn_oracle *oracle, size_t n, size_t c, size_t s)
{
	return (perf_bn_number(oracle->batch, PERF_BN_X, n, c, s) - oracle->mean[c]) *
	       oracle->invstd[c];
}

static double
before_act(const struct perf_bn_oracle *oracle, double xhat, size_t n, size_t c, size_t s)
{
	double v = xhat * perf_bn_gamma(c) + perf_bn_beta(c);

	if (oracle->batch->act == PERF_BN_ADD_RELU)
		v += perf_bn_number(oracle->batch, PERF_BN_Z, n, c, s);
	return v;
}

/* What the activation makes of v, and of a gradient there. */
static double
slope_at(const struct perf_bn_batch *batch, double v)
{
	if (batch->act == PERF_BN_NONE || v > 0)
		return 1;
	return batch->act == PERF_BN_LEAKY_RELU ? PERF_BN_SLOPE : 0;
}

static void
take_gradients(struct perf_bn_oracle *oracle, size_t c)
{
	const struct perf_bn_batch *batch = oracle->batch;

	for (size_t i = 0; i < oracle->count; i++)
		for (size_t s = 0; s < batch->spatial; s++) {
			size_t n = oracle->first + i;
			double xhat = xhat_at(oracle, n, c, s);
			double v = before_act(oracle, xhat, n, c, s);
			double g = perf_bn_number(batch, PERF_BN_DY, n, c, s) * slope_at(batch, v);
			double gx = g * xhat;

			oracle->sum_g[c] += g;
			oracle->sum_gx[c] += gx;
			oracle->abs_g[c] += fabs(g);
			oracle->abs_gx[c] += fabs(gx);
		}
}

int
perf_bn_oracle_make(const struct perf_bn_batch *batch, size_t first, size_t count, bool backward,
		    struct perf_bn_oracle *oracle)
{
	double *all = calloc(ARRAYS * batch->channels, sizeof(*all));

	if (all == NULL)
		return -1;
	*oracle = (struct perf_bn_oracle){
		.batch = batch,
		.mean = all,
		.var = all + batch->channels,
		.invstd = all + 2 * batch->channels,
		.sum_g = all + 3 * batch->channels,
		.sum_gx = all + 4 * batch->channels,
		.abs_g = all + 5 * batch->channels,
		.abs_gx = all + 6 * batch->channels,
		.first = first,
		.count = count,
	};
	for (size_t c = 0; c < batch->channels && count > 0; c++) {
		take_moments(oracle, c);
		if (backward)
			take_gradients(oracle, c);
	}
	return 0;
}

void
perf_bn_oracle_free(struct perf_bn_oracle *oracle)
{
	free(oracle->mean);
	oracle->mean = NULL;
}

void
perf_bn_oracle_eval(struct perf_bn_oracle *oracle)
{
	for (size_t c = 0; c < oracle->batch->channels; c++) {
		oracle->mean[c] = 0;
		oracle->var[c] = 1;
		oracle->invstd[c] = 1 / sqrt(1 + PERF_BN_EPS);
	}
}

/* ---- results ---- */

struct perf_bn_values
perf_bn_oracle_at(const struct perf_bn_oracle *oracle, size_t n, size_t c, size_t s)
{
	const struct perf_bn_batch *batch = oracle->batch;
	double m = (double)(oracle->count * batch->spatial);
	double xhat = xhat_at(oracle, n, c, s), v = before_act(oracle, xhat, n, c, s);
	double slope = slope_at(batch, v), g = perf_bn_number(batch, PERF_BN_DY, n, c, s) * slope;

	return (struct perf_bn_values){
		.v = v,
		.y = v * slope,
		.dz = g,
		.dx = (g - oracle->sum_g[c] / m - xhat * oracle->sum_gx[c] / m) *
		      oracle->invstd[c] * perf_bn_gamma(c),
	};
}

static double
tolerance(syncbn_dtype_t dtype)
{
	switch (dtype) {
	case SYNCBN_FLOAT64:
		return 1e-11;
	case SYNCBN_BFLOAT16:
		return 0x1p-7;
	case SYNCBN_FLOAT16:
		return 0x1p-10;
	default:
		return 2e-5;
	}
}

/* Written so that NaN differs. */
static bool
differs(double got, double wanted, double size, double relative)
{
	return !(fabs(got - wanted) <= relative * (size + fabs(wanted)));
}

static uint64_t
wrong_at(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results, size_t n,
	 size_t c, size_t s)
{
	const struct perf_bn_batch *batch = oracle->batch;
	struct perf_bn_values wanted = perf_bn_oracle_at(oracle, results->first + n, c, s);
	size_t at = perf_bn_index(batch, n, c, s);
	double relative = tolerance(batch->dtype);
	/* beside the activation's step either side is right; sums hardly feel it */
	bool either = batch->act != PERF_BN_NONE && fabs(wanted.v) < 1e-5 * (1 + oracle->invstd[c]);
	double size = fmax(1, oracle->invstd[c]);
	uint64_t wrong = 0;

	if (results->y != NULL)
		wrong += differs(perf_bn_element(batch->dtype, results->y, at), wanted.y, 1,
				 relative);
	if (results->dx != NULL && !either)
		wrong += differs(perf_bn_element(batch->dtype, results->dx, at), wanted.dx, size,
				 relative);
	if (results->dz != NULL && !either)
		wrong += differs(perf_bn_element(batch->dtype, results->dz, at), wanted.dz, 1,
				 relative);
	return wrong;
}

static uint64_t
wrong_elements(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results)
{
	uint64_t wrong = 0;

	for (size_t n = 0; n < results->count; n++)
		for (size_t c = 0; c < oracle->batch->channels; c++)
			for (size_t s = 0; s < oracle->batch->spatial; s++)
				wrong += wrong_at(oracle, results, n, c, s);
	return wrong;
}

/* The sums over these images, with the statistics of all. */
static uint64_t
wrong_gradients(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results)
{
	const struct perf_bn_batch *batch = oracle->batch;
	syncbn_dtype_t dtype = batch->dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;
	struct perf_bn_oracle part = *oracle;
	double *all = calloc(4 * batch->channels, sizeof(*all));
	uint64_t wrong = 0;

	if (all == NULL)
		return 2 * batch->channels;
	part.sum_g = all;
	part.sum_gx = all + batch->channels;
	part.abs_g = all + 2 * batch->channels;
	part.abs_gx = all + 3 * batch->channels;
	part.first = results->first;
	part.count = results->count;
	for (size_t c = 0; c < batch->channels; c++) {
		take_gradients(&part, c);
		wrong += differs(perf_bn_element(dtype, results->dbeta, c), part.sum_g[c],
				 part.abs_g[c] + 1, tolerance(dtype));
		wrong += differs(perf_bn_element(dtype, results->dgamma, c), part.sum_gx[c],
				 part.abs_gx[c] + 1, tolerance(dtype));
	}
	free(all);
	return wrong;
}

uint64_t
perf_bn_wrong(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results)
{
	uint64_t wrong = 0;

	if (results->y != NULL || results->dx != NULL || results->dz != NULL)
		wrong += wrong_elements(oracle, results);
	if (results->dgamma != NULL && results->dbeta != NULL)
		wrong += wrong_gradients(oracle, results);
	return wrong;
}
