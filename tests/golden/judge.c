/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/judge.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/math.h"
#include "golden/elements.h"

/* Nearer to zero than this, float rounding decides on which side of a relu a value comes out. */
#define FLIPS 1e-6

/* By dtype, for ordinary kinds. */
struct tolerance {
	double y, dx, sums, mean, var;
	double fringe; /* nearer to zero than this, dx behind a relu is not compared */
};

static struct tolerance
tolerance_of(const struct golden_case *c)
{
	static const struct tolerance of[] = {
		[SYNCBN_FLOAT32] = { 1e-6, 3e-6, 1e-5, 1e-6, 1e-6, 1e-6 },
		[SYNCBN_FLOAT64] = { 1e-11, 1e-11, 1e-11, 1e-11, 1e-11, 1e-6 },
		[SYNCBN_BFLOAT16] = { 4e-3, 4e-3, 4e-3, 1e-6, 1e-6, 1e-2 },
		[SYNCBN_FLOAT16] = { 5e-4, 5e-4, 5e-4, 1e-6, 1e-6, 1e-3 },
	};
	struct tolerance t = of[c->dtype];

	if (c->dtype == SYNCBN_FLOAT64 && c->kind != GOLDEN_ORDINARY)
		t.y = t.dx = t.sums = 1e-9;
	if (c->dtype == SYNCBN_FLOAT64 && c->kind == GOLDEN_OFFSET)
		t.mean = t.var = 1e-9;
	return t;
}

/* Also right where both are the same infinity. */
static double
distance(double got, double wanted)
{
	return got == wanted ? 0 : fabs(got - wanted);
}

/* |e| / (1 + |wanted|) */
static double
error_of(double got, double wanted)
{
	return distance(got, wanted) / (1 + fabs(wanted));
}

/* Notes an error; true: it is above the tolerance, and the first failure of this case. */
static bool
note(const struct golden_judge *j, enum golden_array array, double error, double tolerance)
{
	double *worst = &j->mark->worst[array];

	if (isnan(error))
		error = INFINITY;
	*worst = SBN_MAX(*worst, error);
	return error > tolerance && !j->mark->failed;
}

/* As far as the type goes: what it cannot hold is infinite in it. */
static double
held(syncbn_dtype_t dtype, double value)
{
	double element[1];

	golden_element_set(dtype, element, 0, value);
	return isinf(golden_element_get(dtype, element, 0)) ? copysign(INFINITY, value) : value;
}

static void
blame_channel(const struct golden_judge *j, enum golden_array array, int64_t channel, double got,
	      double wanted)
{
	golden_mark_fail(j->mark, "%s of channel %" PRId64 ", step %d, %s: %.9g, not %.9g",
			 golden_array_names[array], channel, (int)(j->step - j->c->step), j->rules,
			 got, wanted);
}

/* The biased variance that normalized, in the reference. */
static double
variance(const struct golden_judge *j, int64_t channel)
{
	const struct golden_case *c = j->c;

	return golden_by_running(c) ? c->rv0[channel] :
				      j->step->var[c->unit[j->rank] * c->n_channels + channel];
}

static double
mean_of(const struct golden_judge *j, int64_t channel)
{
	const struct golden_case *c = j->c;

	return golden_by_running(c) ? c->rm0[channel] :
				      j->step->mean[c->unit[j->rank] * c->n_channels + channel];
}

/* What goes into the activation, at an element of the arrays of all ranks. */
static double
before_activation(const struct golden_judge *j, int64_t channel, size_t at)
{
	const struct golden_case *c = j->c;
	double deviation = sqrt(variance(j, channel) + c->eps);
	double v = deviation == 0 ? 0 : (j->step->x[at] - mean_of(j, channel)) / deviation;

	if (c->affine)
		v = v * c->weight[channel] + c->bias[channel];
	return c->adds ? v + j->step->z[at] : v;
}

static size_t
element_at(const struct golden_case *c, int64_t n, int64_t channel, int64_t i)
{
	return (size_t)((n * c->n_channels + channel) * c->values + i);
}

/* Marks the channels in which a sample flips. */
static void
look_at_sample(struct golden_judge *j, int64_t n)
{
	const struct golden_case *c = j->c;

	for (int64_t channel = 0; channel < c->n_channels; channel++)
		for (int64_t i = 0; i < c->values; i++) {
			size_t at = element_at(c, n, channel, i);

			j->loose[channel] |= j->step->dy[at] != 0 &&
					     fabs(before_activation(j, channel, at)) < FLIPS;
		}
}

syncbn_status_t
golden_judge_begin(struct golden_judge *j)
{
	const struct golden_case *c = j->c;

	j->loose = calloc((size_t)c->n_channels, 1);
	if (j->loose == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%" PRId64 " channels", c->n_channels);
	if (c->activation == SYNCBN_ACTIVATION_NONE)
		return SYNCBN_OK;
	for (int rank = 0; rank < c->world; rank++)
		if (c->unit[rank] == c->unit[j->rank])
			for (int64_t n = j->step->begin[rank]; n < j->step->begin[rank + 1]; n++)
				look_at_sample(j, n);
	return SYNCBN_OK;
}

void
golden_judge_end(struct golden_judge *j)
{
	free(j->loose);
}

void
golden_judge_element(const struct golden_judge *j, enum golden_array array, int64_t n,
		     int64_t channel, int64_t i, double got)
{
	const struct golden_case *c = j->c;
	struct tolerance t = tolerance_of(c);
	size_t at = element_at(c, j->step->begin[j->rank] + n, channel, i);
	double wanted;
	const double *reference = array == GOLDEN_Y  ? j->step->y :
				  array == GOLDEN_DX ? j->step->dx :
						       j->step->dz;

	if (array != GOLDEN_Y && c->activation != SYNCBN_ACTIVATION_NONE &&
	    ((array == GOLDEN_DX && j->loose[channel]) ||
	     fabs(before_activation(j, channel, at)) < t.fringe))
		return;
	wanted = held(c->dtype, reference[at]);
	if (note(j, array, error_of(got, wanted), array == GOLDEN_Y ? t.y : t.dx))
		golden_mark_fail(j->mark,
				 "%s at [%" PRId64 ", %" PRId64 ", %" PRId64
				 "], step %d, %s: %.9g, not %.9g",
				 golden_array_names[array], n, channel, i, (int)(j->step - c->step),
				 j->rules, got, wanted);
}

void
golden_judge_gradient(const struct golden_judge *j, enum golden_array array, int64_t channel,
		      double got, double wanted)
{
	if (!j->loose[channel] && note(j, array, error_of(got, wanted), tolerance_of(j->c).sums))
		blame_channel(j, array, channel, got, wanted);
}

/*
 * The variance shows as it acts, together with eps: below eps it cannot be told from invstd. The
 * running variance shows it alone.
 */
void
golden_judge_statistics(const struct golden_judge *j, int64_t channel, double mean, double invstd)
{
	struct tolerance t = tolerance_of(j->c);
	double wanted_mean = mean_of(j, channel);
	double wanted = variance(j, channel) + j->c->eps;
	double got = invstd == 0 ? 0 : 1 / (invstd * invstd);

	if (note(j, GOLDEN_MEAN, error_of(mean, wanted_mean), t.mean))
		blame_channel(j, GOLDEN_MEAN, channel, mean, wanted_mean);
	if (note(j, GOLDEN_VAR, distance(got, wanted) / SBN_MAX(wanted, DBL_MIN), t.var))
		blame_channel(j, GOLDEN_VAR, channel, got - j->c->eps, wanted - j->c->eps);
}

/*
 * Relative, but for what the parameters' type cannot hold better, and a variance of constants: in
 * the reference and here it is 0, or what the rounding of their mean left.
 */
static double
variance_error(const struct golden_judge *j, int64_t channel, double got, double wanted)
{
	double rounding = 16 * DBL_EPSILON * fabs(mean_of(j, channel));
	double least = j->c->dtype == SYNCBN_FLOAT64 ? DBL_MIN : (double)FLT_MIN;

	if (fabs(got) <= rounding * rounding && fabs(wanted) <= rounding * rounding)
		return 0;
	return distance(got, wanted) / SBN_MAX(fabs(wanted), least);
}

void
golden_judge_running(const struct golden_judge *j, int64_t channel, enum golden_var mode,
		     double mean, double var)
{
	const struct golden_case *c = j->c;
	struct tolerance t = tolerance_of(c);
	int64_t at = c->unit[j->rank] * c->n_channels + channel;
	syncbn_dtype_t params = c->dtype == SYNCBN_FLOAT64 ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32;
	double wanted_mean = held(params, j->step->rm[at]);
	double wanted = held(params, j->step->rv[mode][at]);

	if (note(j, GOLDEN_RM, error_of(mean, wanted_mean), t.mean))
		blame_channel(j, GOLDEN_RM, channel, mean, wanted_mean);
	if (note(j, GOLDEN_RV, variance_error(j, channel, var, wanted), t.var))
		blame_channel(j, GOLDEN_RV, channel, var, wanted);
}

void
golden_judge_exact(const struct golden_judge *j, const char *what, double got, double wanted)
{
	if (got != wanted)
		golden_mark_fail(j->mark, "%s, step %d, %s: %.17g, not %.17g", what,
				 (int)(j->step - j->c->step), j->rules, got, wanted);
}
