/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/initializer.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/show.h"

enum kind { ZEROS, ONES, UNIFORM, NORMAL, TRUNCATED_NORMAL, NEEDS_MATRIX };

#define UNIFORM_SCALE 0.07 /* mindspore.common.initializer.Uniform, scale */
#define NORMAL_SIGMA 0.01  /* Normal and TruncatedNormal, sigma */
#define NORMAL_CUT 2.0     /* TruncatedNormal, a and b */

static const struct {
	const char *name;
	enum kind kind;
} names[] = {
	{ "zeros", ZEROS },
	{ "zero", ZEROS },
	{ "ones", ONES },
	{ "one", ONES },
	{ "uniform", UNIFORM },
	{ "normal", NORMAL },
	{ "truncatednormal", TRUNCATED_NORMAL },
	{ "xavier_uniform", NEEDS_MATRIX },
	{ "xavieruniform", NEEDS_MATRIX },
	{ "xavier_normal", NEEDS_MATRIX },
	{ "xaviernormal", NEEDS_MATRIX },
	{ "he_uniform", NEEDS_MATRIX },
	{ "heuniform", NEEDS_MATRIX },
	{ "he_normal", NEEDS_MATRIX },
	{ "henormal", NEEDS_MATRIX },
	{ "variancescaling", NEEDS_MATRIX },
	{ "identity", NEEDS_MATRIX },
	{ "sparse", NEEDS_MATRIX },
	{ "dirac", NEEDS_MATRIX },
	{ "orthogonal", NEEDS_MATRIX },
};

enum { N_NAMES = sizeof(names) / sizeof(names[0]) };

static size_t
find_name(const char *name)
{
	size_t i = 0;

	while (i < N_NAMES && strcasecmp(name, names[i].name) != 0)
		i++;
	return i;
}

static syncbn_status_t
check_name(const struct sbn_initialized *array, const char *name)
{
	const char *field = array->field;
	size_t i = find_name(name);
	char shown[SBN_SHOWN];

	if (i == N_NAMES)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s.name is \"%s\": not zeros, ones, uniform, normal or "
				"truncatednormal",
				field, sbn_show(name, strlen(name), shown));
	if (names[i].kind == NEEDS_MATRIX)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s.name is \"%s\", which needs an array of two or more "
				"dimensions; this one has one, [num_features]",
				field, name);
	return SYNCBN_OK;
}

/* What is wrong with a number of the array; NULL: nothing. */
static const char *
number_error(const struct sbn_initialized *array, double value)
{
	if (!(fabs(value) <= array->largest))
		return "not a finite number of the layer's dtype";
	return value < array->least ? "below 0, which no variance is" : NULL;
}

static syncbn_status_t
check_values(const struct sbn_initialized *array, const double *values)
{
	for (size_t i = 0; i < array->n; i++) {
		const char *wrong = number_error(array, values[i]);

		if (wrong != NULL)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s.values[%zu] is %g, %s",
					array->field, i, values[i], wrong);
	}
	return SYNCBN_OK;
}

bool
sbn_initializer_is_default(const syncbn_initializer_t *init)
{
	return init->name == NULL && init->values == NULL && !init->is_constant;
}

syncbn_status_t
sbn_initializer_check(const struct sbn_initialized *array, const syncbn_initializer_t *init)
{
	const char *field = array->field, *wrong;
	int given = (init->name != NULL) + (init->values != NULL) + (init->is_constant != 0);

	if (init->is_constant != 0 && init->is_constant != 1)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s.is_constant is %d, not 0 or 1", field,
				init->is_constant);
	if (init->constant != 0 && !init->is_constant)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s.constant is %g but is_constant is 0: set is_constant to 1",
				field, init->constant);
	if (given > 1)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s has more than one of name, values and is_constant", field);
	if (init->is_constant && (wrong = number_error(array, init->constant)) != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s.constant is %g, %s", field, init->constant,
				wrong);
	if (init->values != NULL)
		return check_values(array, init->values);
	return init->name == NULL ? SYNCBN_OK : check_name(array, init->name);
}

/* splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014). */
static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* In (0, 1): never the ends, so that the logarithm below exists. */
static double
next_uniform(uint64_t *state)
{
	return ((double)(next(state) >> 11) + 0.5) * 0x1p-53;
}

/* Box and Muller (1958). */
static double
next_normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(next_uniform(state)));

	return radius * cos(2 * 3.14159265358979323846 * next_uniform(state));
}

static double
next_value(enum kind kind, uint64_t *state)
{
	double value;

	switch (kind) {
	case ONES:
		return 1;
	case UNIFORM:
		return UNIFORM_SCALE * (2 * next_uniform(state) - 1);
	case NORMAL:
		return NORMAL_SIGMA * next_normal(state);
	case TRUNCATED_NORMAL:
		do {
			value = next_normal(state);
		} while (fabs(value) > NORMAL_CUT);
		return NORMAL_SIGMA * value;
	default:
		return 0;
	}
}

void
sbn_initializer_fill(const syncbn_initializer_t *init, double otherwise, uint64_t salt,
		     double *values, size_t n)
{
	uint64_t state = init->seed + salt * UINT64_C(0x632be59bd9b4e019);
	size_t name = init->name == NULL ? N_NAMES : find_name(init->name);

	for (size_t i = 0; i < n; i++) {
		if (init->values != NULL)
			values[i] = init->values[i];
		else if (init->is_constant)
			values[i] = init->constant;
		else
			values[i] =
				name == N_NAMES ? otherwise : next_value(names[name].kind, &state);
	}
}
