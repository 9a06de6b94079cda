/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a float layer makes of a batch's moments and of its gradients' sums: coefficients,
 * statistics and gradients of parameters, 16 channels at a time.
 */
#include <float.h>

/* What the mean has beyond mean_hi, times a coefficient; the sum with 0 makes 0 of -0. */
SBN_FORCE_INLINE struct w16
low_share(struct v16 mean_lo, struct v16 by)
{
	return w16_add(w16_mul(w16_of_v16(mean_lo), w16_of_v16(by)), w16_set1(0));
}

/* What is left of numbers beyond their floats. */
SBN_FORCE_INLINE struct w16
beyond(struct w16 numbers, struct v16 floats)
{
	return w16_sub(numbers, w16_of_v16(floats));
}

/* false: a scale is not usual, and nothing was stored. */
SBN_FORCE_INLINE bool
normalize_sixteen(const struct sbn_moments_use *to, struct w16 mean, struct w16 invstd, size_t c)
{
	struct w16 scale = invstd, shift = w16_set1(0);
	struct v16 hi, lo, factor;

	if (to->gamma != NULL)
		scale = w16_mul(w16_of_floats(to->gamma + c), invstd);
	if (!w16_all_within(scale, (double)FLT_MAX))
		return false;
	if (to->beta != NULL)
		shift = w16_of_floats(to->beta + c);
	hi = v16_of_w16(mean);
	lo = v16_of_w16(beyond(mean, hi));
	factor = v16_of_w16(scale);
	v16_store(to->mean_hi + c, hi);
	v16_store(to->mean_lo + c, lo);
	v16_store(to->scale + c, factor);
	v16_store(to->shift + c, v16_of_w16(w16_sub(shift, low_share(lo, factor))));
	return true;
}

static size_t
use_saved(const struct sbn_moments_use *to, size_t first, size_t n)
{
	while (first + SBN_LANES <= n && normalize_sixteen(to, w16_load(to->mean + first),
							   w16_load(to->invstd + first), first))
		first += SBN_LANES;
	return first;
}

SBN_FORCE_INLINE void
move_running(float *running, struct w16 value, double factor)
{
	struct w16 kept = w16_mul(w16_set1(1 - factor), w16_of_floats(running));

	v16_store(running, v16_of_w16(w16_add(kept, w16_mul(w16_set1(factor), value))));
}

/* false: as above. */
SBN_FORCE_INLINE bool
use_sixteen_moments(const struct sbn_moments_use *to, const struct sbn_pair *pair, size_t c)
{
	struct w16 mean, m2, std, invstd;

	w16_load_pairs(&pair[c].a, &mean, &m2);
	std = w16_sqrt(w16_add(w16_div(m2, w16_set1(to->count)), w16_set1(to->eps)));
	invstd = w16_div(w16_set1(1), std);
	if (!w16_all_within(invstd, (double)FLT_MAX) || !normalize_sixteen(to, mean, invstd, c))
		return false;
	w16_store(to->mean + c, mean);
	w16_store(to->invstd + c, invstd);
	if (to->factor != 0) {
		move_running(to->running_mean + c, mean, to->factor);
		move_running(to->running_var + c, w16_div(m2, w16_set1(to->divisor)), to->factor);
	}
	return true;
}

static size_t
use_moments(const struct sbn_moments_use *to, const struct sbn_pair *pair, size_t first, size_t n)
{
	while (first + SBN_LANES <= n && use_sixteen_moments(to, pair, first))
		first += SBN_LANES;
	return first;
}

/* false: a slope is not usual, and nothing was stored. */
SBN_FORCE_INLINE bool
use_sixteen_means(const struct sbn_gradients_use *to, const struct sbn_pair *means, size_t c)
{
	const struct w16 count = w16_set1(to->count);
	struct w16 sum_g, sum_gx, mean_dy, slope, low;
	struct v16 hi, factor;

	w16_load_pairs(&means[c].a, &sum_g, &sum_gx);
	mean_dy = w16_div(sum_g, count);
	slope = w16_mul(w16_div(sum_gx, count), w16_load(to->invstd + c));
	if (!w16_all_within(slope, (double)FLT_MAX))
		return false;
	hi = v16_of_w16(mean_dy);
	factor = v16_of_w16(slope);
	low = w16_sub(beyond(mean_dy, hi), low_share(v16_load(to->mean_lo + c), factor));
	v16_store(to->slope + c, factor);
	v16_store(to->slope_lo + c, v16_of_w16(beyond(slope, factor)));
	v16_store(to->dy_hi + c, hi);
	v16_store(to->dy_lo + c, v16_of_w16(low));
	return true;
}

SBN_FORCE_INLINE void
give_gradient(float *gradient, struct w16 sum, const struct sbn_gradients_use *to)
{
	struct w16 old = w16_set1(0);

	if (gradient == NULL)
		return;
	if (to->accumulate)
		old = w16_of_floats(gradient);
	v16_store(gradient, v16_of_w16(w16_add(old, w16_div(sum, w16_set1(to->divisor)))));
}

static size_t
use_gradients(const struct sbn_gradients_use *to, const struct sbn_pair *params,
	      const struct sbn_pair *means, size_t first, size_t n)
{
	for (; first + SBN_LANES <= n; first += SBN_LANES) {
		struct w16 sum_g, sum_gx;

		if (means != NULL && !use_sixteen_means(to, means, first))
			break;
		w16_load_pairs(&params[first].a, &sum_g, &sum_gx);
		give_gradient(to->dbeta == NULL ? NULL : to->dbeta + first, sum_g, to);
		give_gradient(to->dgamma == NULL ? NULL : to->dgamma + first, sum_gx, to);
	}
	return first;
}
