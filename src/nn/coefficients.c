/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of short rows a channel is no more than some lines, and what is done once for it weighs as much
 * as a few of them: functions take a range of channels, and are made once for layers of float and
 * once for those of double.
 */
#include "nn/coefficients.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/math.h"
#include "kernels/kernels.h"

/*
 * What the mean has beyond mean_hi, times a coefficient; of an infinite one, which decides alone,
 * nothing. The sum with 0 is that of the kernels' low_share: a chunk decides which of both a
 * channel takes.
 */
static inline double
times_mean_low(bool wide, const struct syncbn_batch_norm *bn, enum sbn_coefficient by, uint32_t c)
{
	const double low = sbn_number_get(wide, bn->coefficient[SBN_MEAN_LO], c);
	const double factor = sbn_number_get(wide, bn->coefficient[by], c);

	return isfinite(factor) ? low * factor + 0 : 0;
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

		sbn_number_set(wide, bn->coefficient[SBN_MEAN_HI], c, mean);
		sbn_number_set(wide, bn->coefficient[SBN_MEAN_LO], c,
			       mean - sbn_number_get(wide, bn->coefficient[SBN_MEAN_HI], c) + low);
		sbn_number_set(wide, bn->coefficient[SBN_SCALE], c,
			       scale_of(wide, factor, saved->invstd[c]));
		sbn_number_set(wide, bn->coefficient[SBN_SHIFT], c,
			       shift - times_mean_low(wide, bn, SBN_SCALE, c));
	}
}

/* What m2 is divided by for the running variance. */
static inline double
running_divisor(const struct syncbn_batch_norm *bn, double count)
{
	return bn->config.var_mode == SYNCBN_VAR_UNBIASED_GLOBAL ? count - 1 : count;
}

static inline float *
floats_from(void *array, uint32_t c)
{
	return array == NULL ? NULL : (float *)array + c;
}

/* Where the numbers of a float layer's channels from begin on go. */
static struct sbn_moments_use
moments_use(const struct sbn_pass *pass, uint32_t begin, double count)
{
	const struct syncbn_batch_norm *bn = pass->bn;

	return (struct sbn_moments_use){
		.mean = pass->saved->mean + begin,
		.invstd = pass->saved->invstd + begin,
		.mean_hi = floats_from(bn->coefficient[SBN_MEAN_HI], begin),
		.mean_lo = floats_from(bn->coefficient[SBN_MEAN_LO], begin),
		.scale = floats_from(bn->coefficient[SBN_SCALE], begin),
		.shift = floats_from(bn->coefficient[SBN_SHIFT], begin),
		.gamma = floats_from(bn->param[SYNCBN_GAMMA], begin),
		.beta = floats_from(bn->param[SYNCBN_BETA], begin),
		.running_mean = floats_from(bn->param[SYNCBN_RUNNING_MEAN], begin),
		.running_var = floats_from(bn->param[SYNCBN_RUNNING_VAR], begin),
		.count = count,
		.divisor = running_divisor(bn, count),
		.eps = bn->config.eps,
		.factor = pass->factor,
	};
}

/* The channels from number i on that a kernel has left over: at most a group. */
static inline uint32_t
end_of_rest(uint32_t first, uint32_t end)
{
	return first + SBN_MIN(end - first, (uint32_t)SBN_LANES);
}

static void
set_normalize_of_floats(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct sbn_kernels *kernels = pass->bn->group->process->kernels;
	const struct sbn_moments_use use = moments_use(pass, begin, 0);
	uint32_t c = begin;

	while ((c = begin + (uint32_t)kernels->use_saved(&use, c - begin, end - begin)) < end) {
		set_normalize(false, pass, c, end_of_rest(c, end));
		c = end_of_rest(c, end);
	}
}

void
sbn_set_normalize(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	if (pass->bn->wide)
		set_normalize(true, pass, begin, end);
	else if (pass->k.x_is_y)
		set_normalize(false, pass, begin, end);
	else
		set_normalize_of_floats(pass, begin, end);
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
	const double divisor = running_divisor(pass->bn, count);

	for (uint32_t c = begin; c < end; c++) {
		move(wide, pass, SYNCBN_RUNNING_MEAN, c, pair[c - begin].a);
		move(wide, pass, SYNCBN_RUNNING_VAR, c, pair[c - begin].b / divisor);
	}
}

static inline void
use_batch(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	  const struct sbn_pair *pair, const double *low, double count)
{
	const struct syncbn_saved *saved = pass->saved;
	const double eps = pass->bn->config.eps;

	for (uint32_t c = begin; c < end; c++) {
		saved->mean[c] = pair[c - begin].a;
		saved->mean_low[c] = wide ? low[c - begin] : 0;
		saved->invstd[c] = inverse_std(wide, pair[c - begin].b / count, eps);
	}
	set_normalize(wide, pass, begin, end);
	if (pass->factor != 0)
		update_running(wide, pass, begin, end, pair, count);
}

/* By a kernel, but for groups with an unusual number, and what is less than a group. */
static void
use_batch_of_floats(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		    const struct sbn_pair *pair, double count)
{
	const struct sbn_kernels *kernels = pass->bn->group->process->kernels;
	const struct sbn_moments_use use = moments_use(pass, begin, count);
	uint32_t c = begin;

	memset(pass->saved->mean_low + begin, 0, (end - begin) * sizeof(double));
	while ((c = begin + (uint32_t)kernels->use_moments(&use, pair, c - begin, end - begin)) <
	       end) {
		use_batch(false, pass, c, end_of_rest(c, end), pair + (c - begin), NULL, count);
		c = end_of_rest(c, end);
	}
}

void
sbn_use_batch(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	      const struct sbn_sums *batch, double count)
{
	if (pass->bn->wide)
		use_batch(true, pass, begin, end, batch->pair, batch->low, count);
	else
		use_batch_of_floats(pass, begin, end, batch->pair, count);
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

static inline void
set_slopes(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	   const struct sbn_pair *pair)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const double count = pass->saved->count;

	for (uint32_t c = begin; c < end; c++) {
		const double mean_dy = pair[c - begin].a / count;
		const double slope = pair[c - begin].b / count * sbn_xhat_factor(pass, c);

		sbn_number_set(wide, bn->coefficient[SBN_SLOPE], c, slope);
		sbn_number_set(wide, bn->coefficient[SBN_DY_HI], c, mean_dy);
		sbn_number_set(wide, bn->coefficient[SBN_DY_LO], c,
			       mean_dy - sbn_number_get(wide, bn->coefficient[SBN_DY_HI], c) -
				       times_mean_low(wide, bn, SBN_SLOPE, c));
		sbn_number_set(wide, bn->coefficient[SBN_SLOPE_LO], c,
			       slope - sbn_number_get(wide, bn->coefficient[SBN_SLOPE], c));
	}
}

/* params: for gradients of parameters; means: over the batch that normalized, or NULL */
static inline void
use_gradients(bool wide, const struct sbn_pass *pass, uint32_t begin, uint32_t end,
	      const struct sbn_pair *params, double divisor, const struct sbn_pair *means)
{
	store_gradients(wide, pass, begin, end, params, divisor);
	if (means != NULL)
		set_slopes(wide, pass, begin, end, means);
}

/* Where they go in a float layer, from channel begin on. */
static struct sbn_gradients_use
gradients_use(const struct sbn_pass *pass, uint32_t begin, double divisor)
{
	const struct syncbn_batch_norm *bn = pass->bn;
	const unsigned want = bn->config.affine ? pass->want : 0;

	return (struct sbn_gradients_use){
		.invstd = pass->saved->invstd + begin,
		.mean_lo = floats_from(bn->coefficient[SBN_MEAN_LO], begin),
		.dy_hi = floats_from(bn->coefficient[SBN_DY_HI], begin),
		.dy_lo = floats_from(bn->coefficient[SBN_DY_LO], begin),
		.slope = floats_from(bn->coefficient[SBN_SLOPE], begin),
		.slope_lo = floats_from(bn->coefficient[SBN_SLOPE_LO], begin),
		.dgamma = want & SYNCBN_WANT_DGAMMA ? floats_from(bn->param[SYNCBN_DGAMMA], begin) :
						      NULL,
		.dbeta = want & SYNCBN_WANT_DBETA ? floats_from(bn->param[SYNCBN_DBETA], begin) :
						    NULL,
		.count = pass->saved->count,
		.divisor = divisor,
		.accumulate = want & SYNCBN_ACCUMULATE,
	};
}

static void
use_gradients_of_floats(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
			const struct sbn_pair *params, double divisor, const struct sbn_pair *means)
{
	const struct sbn_kernels *kernels = pass->bn->group->process->kernels;
	const struct sbn_gradients_use use = gradients_use(pass, begin, divisor);
	uint32_t c = begin;

	while ((c = begin + (uint32_t)kernels->use_gradients(&use, params, means, c - begin,
							     end - begin)) < end) {
		use_gradients(false, pass, c, end_of_rest(c, end), params + (c - begin), divisor,
			      means == NULL ? NULL : means + (c - begin));
		c = end_of_rest(c, end);
	}
}

void
sbn_use_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		  const struct sbn_pair *own, const struct sbn_pair *all, double group_divisor)
{
	const syncbn_param_grad_mode_t mode = pass->bn->config.param_grad_mode;
	const double divisor = mode == SYNCBN_PARAM_GRAD_MEAN ? group_divisor : 1;
	const struct sbn_pair *params = mode == SYNCBN_PARAM_GRAD_LOCAL ? own : all;
	const struct sbn_pair *means = pass->saved->by == SBN_BY_LOCAL ? own : all;

	if (pass->saved->count == 0) /* running statistics, or no samples anywhere */
		means = NULL;
	if (pass->bn->wide)
		use_gradients(true, pass, begin, end, params, divisor, means);
	else if (pass->k.x_is_y)
		use_gradients(false, pass, begin, end, params, divisor, means);
	else
		use_gradients_of_floats(pass, begin, end, params, divisor, means);
}

void
sbn_set_no_slopes(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	static const enum sbn_coefficient slopes[] = { SBN_DY_HI, SBN_DY_LO, SBN_SLOPE,
						       SBN_SLOPE_LO };
	const struct syncbn_batch_norm *bn = pass->bn;

	for (size_t i = 0; i < sizeof(slopes) / sizeof(slopes[0]); i++)
		for (uint32_t c = begin; c < end; c++)
			sbn_real_set(bn, bn->coefficient[slopes[i]], c, 0);
}
