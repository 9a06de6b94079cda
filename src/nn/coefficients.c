/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of short rows a channel is no more than some lines, and what is done once for it weighs as much
 * as a few of them: functions take a range of channels, and are made once for layers of float and
 * once for those of double.
 */
#include "nn/coefficients.h"

#include <float.h>
#include <math.h>

/* What the mean has beyond mean_hi, times a coefficient; nothing times infinity is nothing. */
static inline double
times_mean_low(bool wide, const struct syncbn_batch_norm *bn, enum sbn_coefficient by, uint32_t c)
{
	const double low = sbn_number_get(wide, bn->real[SBN_MEAN_LO], c);

	return low == 0 ? 0 : low * sbn_number_get(wide, bn->real[by], c);
}

/* A float's inf comes from a gamma that is infinite, never from a product of two that are not. */
static inline double
scale_of(bool wide, double gamma, double invstd)
{
	const double scale = gamma * invstd;

	if (wide || fabs(scale) <= (double)FLT_MAX || !isfinite(scale))
		return scale;
	return copysign((double)FLT_MAX, scale);
}

static inline void
set_normalize(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const struct syncbn_saved *saved = pass->saved;
	const void *gamma = bn->param[SYNCBN_GAMMA], *beta = bn->param[SYNCBN_BETA];
	const bool x_is_y = pass->k.x_is_y;

	for (uint32_t c = begin; c < end; c++) {
		const double shift = beta == NULL ? 0 : sbn_number_get(wide, beta, c);
		const double mean = x_is_y ? shift : saved->mean[c];
		const double low = wide && !x_is_y ? saved->mean_low[c] : 0;
		const double factor = gamma == NULL ? 1 : sbn_number_get(wide, gamma, c);

		sbn_number_set(wide, bn->real[SBN_MEAN_HI], c, mean);
		sbn_number_set(wide, bn->real[SBN_MEAN_LO], c,
			       mean - sbn_number_get(wide, bn->real[SBN_MEAN_HI], c) + low);
		sbn_number_set(wide, bn->real[SBN_SCALE], c,
			       scale_of(wide, factor, saved->invstd[c]));
		sbn_number_set(wide, bn->real[SBN_SHIFT], c,
			       shift - times_mean_low(wide, bn, SBN_SCALE, c));
	}
}

void
sbn_set_normalize(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	if (pass->bn->wide)
		set_normalize(true, pass, begin, end);
	else
		set_normalize(false, pass, begin, end);
}

/* A float layer multiplies by a float, which must not be inf: 0 * inf is no number. */
static inline double
inverse_std(bool wide, double var, double eps)
{
	const double sum = var + eps;
	double inverse;

	if (sum == 0)
		return 0;
	inverse = 1 / sqrt(sum);
	if (wide || inverse <= (double)FLT_MAX)
		return inverse;
	return isnan(inverse) ? inverse : (double)FLT_MAX;
}

/* running = (1 - factor) * running + factor * value */
static inline void
move(bool wide, const struct sbn_pass *pass, syncbn_param_t which, uint32_t c, double value)
{
	void *running = pass->bn->param[which];

	sbn_number_set(wide, running, c,
		       (1 - pass->factor) * sbn_number_get(wide, running, c) +
			       pass->factor * value);
}

static inline void
update_running(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	       const struct sbn_pair *pair, double count)
{
	const bool unbiased = pass->bn->config.var_mode == SYNCBN_VAR_UNBIASED_GLOBAL;
	const double divisor = unbiased ? count - 1 : count;

	for (uint32_t c = begin; c < end; c++) {
		move(wide, pass, SYNCBN_RUNNING_MEAN, c, pair[c - begin].a);
		move(wide, pass, SYNCBN_RUNNING_VAR, c, pair[c - begin].b / divisor);
	}
}

static inline void
use_batch(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	  const struct sbn_sums *batch, double count)
{
	const struct sbn_pair *pair = batch->pair;
	const struct syncbn_saved *saved = pass->saved;
	const double eps = pass->bn->config.eps;

	for (uint32_t c = begin; c < end; c++) {
		saved->mean[c] = pair[c - begin].a;
		saved->mean_low[c] = wide ? batch->low[c - begin] : 0;
		saved->invstd[c] = inverse_std(wide, pair[c - begin].b / count, eps);
	}
	set_normalize(wide, pass, begin, end);
	if (pass->factor != 0)
		update_running(wide, pass, begin, end, pair, count);
}

void
sbn_use_batch(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	      const struct sbn_sums *batch, double count)
{
	if (pass->bn->wide)
		use_batch(true, pass, begin, end, batch, count);
	else
		use_batch(false, pass, begin, end, batch, count);
}

void
sbn_use_running(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const struct syncbn_saved *saved = pass->saved;

	for (uint32_t c = begin; c < end; c++) {
		const double var = sbn_real_get(bn, bn->param[SYNCBN_RUNNING_VAR], c);

		saved->mean[c] = sbn_real_get(bn, bn->param[SYNCBN_RUNNING_MEAN], c);
		saved->mean_low[c] = 0;
		saved->invstd[c] = inverse_std(bn->wide, var, bn->config.eps);
	}
	sbn_set_normalize(pass, begin, end);
}

static inline void
store_gradient(bool wide, const struct sbn_pass *pass, syncbn_param_t which, uint32_t c,
	       double value)
{
	void *gradient = pass->bn->param[which];
	const double old = pass->want & SYNCBN_ACCUMULATE ? sbn_number_get(wide, gradient, c) : 0;

	sbn_number_set(wide, gradient, c, old + value);
}

/* pair: of the ranks that the layer's mode counts. */
static inline void
store_gradients(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		const struct sbn_pair *pair, double divisor)
{
	if (!pass->bn->config.affine)
		return;
	for (uint32_t c = begin; c < end && pass->want & SYNCBN_WANT_DBETA; c++)
		store_gradient(wide, pass, SYNCBN_DBETA, c, pair[c - begin].a / divisor);
	for (uint32_t c = begin; c < end && pass->want & SYNCBN_WANT_DGAMMA; c++)
		store_gradient(wide, pass, SYNCBN_DGAMMA, c, pair[c - begin].b / divisor);
}

/* The means over the batch that normalized. */
static inline void
set_slopes(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	   const struct sbn_pair *pair)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const double count = pass->saved->count;

	for (uint32_t c = begin; c < end; c++) {
		const double mean_dy = pair[c - begin].a / count;
		const double slope = pair[c - begin].b / count * sbn_xhat_factor(pass, c);

		sbn_number_set(wide, bn->real[SBN_SLOPE], c, slope);
		sbn_number_set(wide, bn->real[SBN_DY_HI], c, mean_dy);
		sbn_number_set(wide, bn->real[SBN_DY_LO], c,
			       mean_dy - sbn_number_get(wide, bn->real[SBN_DY_HI], c) -
				       times_mean_low(wide, bn, SBN_SLOPE, c));
		sbn_number_set(wide, bn->real[SBN_SLOPE_LO], c,
			       slope - sbn_number_get(wide, bn->real[SBN_SLOPE], c));
	}
}

static inline void
use_gradients(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	      const struct sbn_pair *own, const struct sbn_pair *all, double group_divisor)
{
	const syncbn_param_grad_mode_t mode = pass->bn->config.param_grad_mode;

	store_gradients(wide, pass, begin, end, mode == SYNCBN_PARAM_GRAD_LOCAL ? own : all,
			mode == SYNCBN_PARAM_GRAD_MEAN ? group_divisor : 1);
	if (pass->saved->count != 0) /* 0: running statistics, or no samples anywhere */
		set_slopes(wide, pass, begin, end, pass->saved->by == SBN_BY_LOCAL ? own : all);
}

void
sbn_use_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		  const struct sbn_pair *own, const struct sbn_pair *all, double group_divisor)
{
	if (pass->bn->wide)
		use_gradients(true, pass, begin, end, own, all, group_divisor);
	else
		use_gradients(false, pass, begin, end, own, all, group_divisor);
}

void
sbn_set_no_slopes(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	static const enum sbn_coefficient slopes[] = { SBN_DY_HI, SBN_DY_LO, SBN_SLOPE,
						       SBN_SLOPE_LO };
	const struct syncbn_batch_norm *bn = pass->bn;

	for (size_t i = 0; i < sizeof(slopes) / sizeof(slopes[0]); i++)
		for (uint32_t c = begin; c < end; c++)
			sbn_real_set(bn, bn->real[slopes[i]], c, 0);
}
