/* SPDX-License-Identifier: Apache-2.0 */
/* What a float layer makes of moments and of gradients' sums, channel by channel. */
#ifndef SBN_TESTS_UNIT_KERNELS_REFERENCE_COEFFICIENTS_H
#define SBN_TESTS_UNIT_KERNELS_REFERENCE_COEFFICIENTS_H

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "kernels/kernels.h"

static inline double
reference_scale(const struct sbn_moments_use *use, double invstd, size_t c)
{
	return use->gamma != NULL ? (double)use->gamma[c] * invstd : invstd;
}

static inline double
reference_invstd(const struct sbn_moments_use *use, double m2)
{
	return 1 / sqrt(m2 / use->count + use->eps);
}

static inline double
reference_slope(const struct sbn_gradients_use *use, double sum_gx, size_t c)
{
	return sum_gx / use->count * use->invstd[c];
}

/* Of the mean and the invstd that are there. */
static inline void
reference_use_saved_of(const struct sbn_moments_use *use, size_t c)
{
	const double beta = use->beta != NULL ? (double)use->beta[c] : 0;
	double low;

	use->mean_hi[c] = (float)use->mean[c];
	use->mean_lo[c] = (float)(use->mean[c] - (double)use->mean_hi[c]);
	use->scale[c] = (float)reference_scale(use, use->invstd[c], c);
	low = (double)use->mean_lo[c] * (double)use->scale[c] + 0;
	use->shift[c] = (float)(beta - low);
}

static inline void
reference_move_running(float *running, double value, double factor)
{
	*running = (float)((1 - factor) * (double)*running + factor * value);
}

static inline void
reference_use_moments_of(const struct sbn_moments_use *use, const struct sbn_pair *pair, size_t c)
{
	use->mean[c] = pair[c].a;
	use->invstd[c] = reference_invstd(use, pair[c].b);
	reference_use_saved_of(use, c);
	if (use->factor == 0)
		return;
	reference_move_running(&use->running_mean[c], pair[c].a, use->factor);
	reference_move_running(&use->running_var[c], pair[c].b / use->divisor, use->factor);
}

static inline void
reference_use_means_of(const struct sbn_gradients_use *use, const struct sbn_pair *means, size_t c)
{
	const double dy = means[c].a / use->count, slope = reference_slope(use, means[c].b, c);
	double low;

	use->dy_hi[c] = (float)dy;
	use->slope[c] = (float)slope;
	use->slope_lo[c] = (float)(slope - (double)use->slope[c]);
	low = (double)use->mean_lo[c] * (double)use->slope[c] + 0;
	use->dy_lo[c] = (float)(dy - (double)use->dy_hi[c] - low);
}

static inline void
reference_give(float *gradient, double sum, const struct sbn_gradients_use *use, size_t c)
{
	if (gradient != NULL)
		gradient[c] =
			(float)((use->accumulate ? (double)gradient[c] : 0) + sum / use->divisor);
}

static inline void
reference_use_params_of(const struct sbn_gradients_use *use, const struct sbn_pair *params,
			size_t c)
{
	reference_give(use->dbeta, params[c].a, use, c);
	reference_give(use->dgamma, params[c].b, use, c);
}

/* ---- groups of 16, of which none has an unusual number ---- */

static inline bool
reference_fits(double number)
{
	return fabs(number) <= (double)FLT_MAX; /* no NaN does */
}

static inline size_t
reference_use_moments(const struct sbn_moments_use *use, const struct sbn_pair *pair, size_t first,
		      size_t n)
{
	for (; first + SBN_LANES <= n; first += SBN_LANES) {
		for (size_t c = first; c < first + SBN_LANES; c++) {
			const double invstd = reference_invstd(use, pair[c].b);

			if (!reference_fits(invstd) ||
			    !reference_fits(reference_scale(use, invstd, c)))
				return first;
		}
		for (size_t c = first; c < first + SBN_LANES; c++)
			reference_use_moments_of(use, pair, c);
	}
	return first;
}

static inline size_t
reference_use_saved(const struct sbn_moments_use *use, size_t first, size_t n)
{
	for (; first + SBN_LANES <= n; first += SBN_LANES) {
		for (size_t c = first; c < first + SBN_LANES; c++)
			if (!reference_fits(reference_scale(use, use->invstd[c], c)))
				return first;
		for (size_t c = first; c < first + SBN_LANES; c++)
			reference_use_saved_of(use, c);
	}
	return first;
}

static inline size_t
reference_use_gradients(const struct sbn_gradients_use *use, const struct sbn_pair *params,
			const struct sbn_pair *means, size_t first, size_t n)
{
	for (; first + SBN_LANES <= n; first += SBN_LANES) {
		for (size_t c = first; means != NULL && c < first + SBN_LANES; c++)
			if (!reference_fits(reference_slope(use, means[c].b, c)))
				return first;
		for (size_t c = first; c < first + SBN_LANES; c++) {
			if (means != NULL)
				reference_use_means_of(use, means, c);
			reference_use_params_of(use, params, c);
		}
	}
	return first;
}

#endif
