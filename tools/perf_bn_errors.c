/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_errors.h"

#include <math.h>

/* Not fmax: it would drop a NaN. */
static void
raise_to(double *largest, double error)
{
	if (!(error <= *largest))
		*largest = isnan(error) ? (double)INFINITY : error;
}

static void
compare_statistics(const struct perf_bn_oracle *oracle, const double *mean, const double *var,
		   double *errors)
{
	for (size_t c = 0; c < oracle->batch->channels; c++) {
		double wanted = oracle->var[c] + PERF_BN_EPS;

		raise_to(&errors[PERF_BN_MEAN_ERROR],
			 fabs(mean[c] - oracle->mean[c]) / sqrt(wanted));
		raise_to(&errors[PERF_BN_VAR_ERROR], fabs(var[c] - oracle->var[c]) / wanted);
	}
}

struct largest {
	double y, dx, y_error, dx_error;
};

static void
compare_channel(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results,
		size_t c, struct largest *largest)
{
	const struct perf_bn_batch *batch = oracle->batch;

	for (size_t n = 0; n < results->count; n++)
		for (size_t s = 0; s < batch->spatial; s++) {
			struct perf_bn_values wanted =
				perf_bn_oracle_at(oracle, results->first + n, c, s);
			size_t at = perf_bn_index(batch, n, c, s);
			double y = perf_bn_element(batch->dtype, results->y, at);
			double dx = perf_bn_element(batch->dtype, results->dx, at);

			raise_to(&largest->y, fabs(wanted.y));
			raise_to(&largest->dx, fabs(wanted.dx));
			raise_to(&largest->y_error, fabs(y - wanted.y));
			raise_to(&largest->dx_error, fabs(dx - wanted.dx));
		}
}

void
perf_bn_errors_of(const struct perf_bn_oracle *oracle, const struct perf_bn_outputs *results,
		  const double *mean, const double *var, double errors[PERF_BN_ERRORS])
{
	struct largest largest = { 0, 0, 0, 0 };

	for (int i = 0; i < PERF_BN_ERRORS; i++)
		errors[i] = 0;
	compare_statistics(oracle, mean, var, errors);
	for (size_t c = 0; c < oracle->batch->channels; c++)
		compare_channel(oracle, results, c, &largest);
	errors[PERF_BN_Y_ERROR] = largest.y_error / (largest.y > 0 ? largest.y : 1);
	errors[PERF_BN_DX_ERROR] = largest.dx_error / (largest.dx > 0 ? largest.dx : 1);
}
