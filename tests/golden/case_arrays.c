/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of a case. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "golden/case.h"
#include "golden/elements.h"
#include "state/npy.h"

enum { PATH_BYTES = 4096, MAX_DIMS = 5 };

/* What an array must be. */
struct wanted {
	const char *name; /* without .npy */
	int ndim;
	int64_t shape[MAX_DIMS];
};

/* The whole file; *bytes belongs to the caller. */
static syncbn_status_t
read_file(const char *path, char **bytes, size_t *n)
{
	FILE *file = fopen(path, "re");
	syncbn_status_t status = SYNCBN_OK;
	struct stat about;

	if (file == NULL)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "%s", path);
	if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
		fclose(file);
		return sbn_fail(SYNCBN_ERR_INVALID, "%s is no file", path);
	}
	*n = (size_t)about.st_size;
	*bytes = malloc(*n + 1);
	if (*bytes == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s", path);
	else if (fread(*bytes, 1, *n, file) != *n)
		status = sbn_fail(SYNCBN_ERR_SYSTEM, "%s cannot be read", path);
	if (status != SYNCBN_OK)
		free(*bytes);
	fclose(file);
	return status;
}

static double
element(const struct sbn_npy *array, size_t i)
{
	char bytes[8] = { 0 };
	size_t size = sbn_npy_item_bytes(array->type);
	double value[1];
	int64_t whole;

	memcpy(bytes, (const char *)array->data + i * size, size);
	switch (array->type) {
	case SBN_NPY_I64:
		memcpy(&whole, bytes, sizeof(whole));
		return (double)whole;
	case SBN_NPY_F64:
		memcpy(value, bytes, sizeof(value));
		return value[0];
	case SBN_NPY_F32:
		memcpy(value, bytes, sizeof(bytes));
		return golden_element_get(SYNCBN_FLOAT32, value, 0);
	case SBN_NPY_F16:
		memcpy(value, bytes, sizeof(bytes));
		return golden_element_get(SYNCBN_FLOAT16, value, 0);
	default:
		memcpy(value, bytes, sizeof(bytes));
		return golden_element_get(SYNCBN_BFLOAT16, value, 0);
	}
}

static syncbn_status_t
check_shape(const struct sbn_npy *array, const struct wanted *wanted)
{
	bool fits = array->ndim == wanted->ndim;
	char text[160] = "";
	size_t used = 0;

	for (int i = 0; fits && i < wanted->ndim; i++)
		fits = array->shape[i] == (size_t)wanted->shape[i];
	if (fits)
		return SYNCBN_OK;
	for (int i = 0; i < wanted->ndim; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId64,
					 i == 0 ? "" : ", ", wanted->shape[i]);
	return sbn_fail(SYNCBN_ERR_INVALID, "%s.npy: its shape is not [%s]", wanted->name, text);
}

/* The file of an array, or of its bits: NAME_bf16.npy. */
static syncbn_status_t
read_either(const struct golden_case *c, const char *name, char **bytes, size_t *n, bool *is_bits)
{
	char path[PATH_BYTES];
	struct stat about;

	snprintf(path, sizeof(path), "%s/%s_bf16.npy", c->directory, name);
	*is_bits = stat(path, &about) == 0;
	if (!*is_bits)
		snprintf(path, sizeof(path), "%s/%s.npy", c->directory, name);
	return read_file(path, bytes, n);
}

/* *values: the array widened to double. */
static syncbn_status_t
load(const struct golden_case *c, struct wanted wanted, double **values)
{
	struct sbn_npy array;
	syncbn_status_t status;
	size_t n, count = 1;
	bool is_bits;
	char *bytes;

	status = read_either(c, wanted.name, &bytes, &n, &is_bits);
	if (status != SYNCBN_OK)
		return status;
	status = sbn_npy_parse(bytes, n, wanted.name, &array);
	if (status == SYNCBN_OK)
		status = check_shape(&array, &wanted);
	if (status == SYNCBN_OK && is_bits != (array.type == SBN_NPY_U16))
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "%s: uint16 are bits of bfloat16, in NAME_bf16.npy", wanted.name);
	for (int i = 0; i < wanted.ndim; i++)
		count *= (size_t)wanted.shape[i];
	if (status == SYNCBN_OK && (*values = malloc(count * sizeof(double) + 1)) == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s", wanted.name);
	for (size_t i = 0; status == SYNCBN_OK && i < count; i++)
		(*values)[i] = element(&array, i);
	free(bytes);
	return status;
}

static syncbn_status_t
load_channels(const struct golden_case *c, const char *name, double **values)
{
	return load(c, (struct wanted){ name, 1, { c->n_channels } }, values);
}

/* One number a rank, within its limits. */
static syncbn_status_t
load_ranks(const struct golden_case *c, const char *name, int least, int *numbers)
{
	double *values = NULL;
	syncbn_status_t status = load(c, (struct wanted){ name, 1, { c->world } }, &values);

	for (int rank = 0; status == SYNCBN_OK && rank < c->world; rank++) {
		if (values[rank] >= least && values[rank] < (double)c->world)
			numbers[rank] = (int)values[rank];
		else
			status = sbn_fail(SYNCBN_ERR_INVALID, "%s.npy: %g of rank %d", name,
					  values[rank], rank);
	}
	free(values);
	return status;
}

/* group.npy numbers the lists of case.txt; the numbers themselves do not matter. */
static syncbn_status_t
check_group(const struct golden_case *c)
{
	int group[GOLDEN_RANKS];
	syncbn_status_t status = load_ranks(c, "group", -1, group);

	for (int a = 0; status == SYNCBN_OK && a < c->world; a++)
		for (int b = 0; status == SYNCBN_OK && b < c->world; b++)
			if ((group[a] == group[b] && group[a] >= 0) !=
			    (c->group[a] == c->group[b] && c->group[a] >= 0))
				status = sbn_fail(SYNCBN_ERR_INVALID,
						  "group.npy does not say what groups of "
						  "case.txt says of ranks %d and %d",
						  a, b);
	return status;
}

static syncbn_status_t
load_ns(struct golden_case *c)
{
	double *ns = NULL;
	syncbn_status_t status = load(c, (struct wanted){ "ns", 2, { c->n_steps, c->world } }, &ns);

	for (int64_t i = 0; status == SYNCBN_OK && i < c->n_steps * c->world; i++) {
		struct golden_step *step = &c->step[i / c->world];
		int64_t rank = i % c->world;

		if (!(ns[i] >= 0 && ns[i] <= 1 << 24))
			status = sbn_fail(SYNCBN_ERR_INVALID, "ns.npy: a batch of %g", ns[i]);
		else
			step->ns[rank] = (int64_t)ns[i];
		step->begin[rank + 1] = step->begin[rank] + step->ns[rank];
	}
	free(ns);
	return status;
}

/* What is loaded of each step. */
enum shape { ACTIVATIONS, OF_RANKS, OF_UNITS, UNIT_NUMBERS };

struct step_array {
	const char *name;
	size_t offset; /* of the field in struct golden_step */
	enum shape shape;
};

#define AT(field) offsetof(struct golden_step, field)

static const struct step_array always[] = {
	{ "x", AT(x), ACTIVATIONS },
	{ "dy", AT(dy), ACTIVATIONS },
	{ "y", AT(y), ACTIVATIONS },
	{ "dx", AT(dx), ACTIVATIONS },
};

static const struct step_array batch[] = {
	{ "mean", AT(mean), OF_UNITS },
	{ "var", AT(var), OF_UNITS },
	{ "count", AT(count), UNIT_NUMBERS },
};

static const struct step_array residual[] = {
	{ "z", AT(z), ACTIVATIONS },
	{ "dz", AT(dz), ACTIVATIONS },
};

static const struct step_array gradients[] = {
	{ "gw", AT(gw), OF_RANKS },
	{ "gb", AT(gb), OF_RANKS },
};

static const struct step_array running[] = {
	{ "rm", AT(rm), OF_UNITS },
	{ "rv_unbiased", AT(rv[GOLDEN_UNBIASED]), OF_UNITS },
	{ "rv_biased", AT(rv[GOLDEN_BIASED]), OF_UNITS },
	{ "nbt", AT(nbt), UNIT_NUMBERS },
};

static struct wanted
wanted_of(const struct golden_case *c, const struct golden_step *step, enum shape shape,
	  const char *name)
{
	struct wanted w = { name, 2 + c->n_spatial, { step->begin[c->world], c->n_channels } };

	if (shape == ACTIVATIONS) {
		for (int i = 0; i < c->n_spatial; i++)
			w.shape[2 + i] = c->spatial[i];
		return w;
	}
	if (shape == OF_RANKS)
		return (struct wanted){ name, 2, { c->world, c->n_channels } };
	if (shape == OF_UNITS)
		return (struct wanted){ name, 2, { c->n_units, c->n_channels } };
	return (struct wanted){ name, 1, { c->n_units } };
}

static syncbn_status_t
load_all(const struct golden_case *c, struct golden_step *step, const struct step_array *arrays,
	 size_t n)
{
	syncbn_status_t status = SYNCBN_OK;

	for (size_t i = 0; status == SYNCBN_OK && i < n; i++) {
		double **values = (double **)((char *)step + arrays[i].offset);
		char name[64];

		snprintf(name, sizeof(name), "s%d_%s", (int)(step - c->step), arrays[i].name);
		status = load(c, wanted_of(c, step, arrays[i].shape, name), values);
	}
	return status;
}

#define LOAD(c, step, arrays) load_all(c, step, arrays, sizeof(arrays) / sizeof((arrays)[0]))

static syncbn_status_t
load_step(const struct golden_case *c, struct golden_step *step)
{
	syncbn_status_t status = LOAD(c, step, always);

	if (status == SYNCBN_OK && !golden_by_running(c)) /* else rm0 and rv0 normalize */
		status = LOAD(c, step, batch);
	if (status == SYNCBN_OK && c->adds)
		status = LOAD(c, step, residual);
	if (status == SYNCBN_OK && c->affine)
		status = LOAD(c, step, gradients);
	if (status == SYNCBN_OK && c->track)
		status = LOAD(c, step, running);
	return status;
}

static syncbn_status_t
load_parameters(struct golden_case *c)
{
	syncbn_status_t status = SYNCBN_OK;

	if (c->affine && ((status = load_channels(c, "weight", &c->weight)) ||
			  (status = load_channels(c, "bias", &c->bias))))
		return status;
	if (c->track && ((status = load_channels(c, "rm0", &c->rm0)) ||
			 (status = load_channels(c, "rv0", &c->rv0))))
		return status;
	return SYNCBN_OK;
}

syncbn_status_t
golden_case_load(struct golden_case *c)
{
	syncbn_status_t status;

	c->step = calloc((size_t)c->n_steps, sizeof(*c->step));
	if (c->step == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%d steps", (int)c->n_steps);
	if ((status = load_ns(c)) || (status = check_group(c)) ||
	    (status = load_ranks(c, "unit", 0, c->unit)) || (status = load_parameters(c)))
		return status;
	for (int rank = 0; rank < c->world; rank++)
		c->n_units = c->unit[rank] < c->n_units ? c->n_units : c->unit[rank] + 1;
	for (int64_t k = 0; status == SYNCBN_OK && k < c->n_steps; k++)
		status = load_step(c, &c->step[k]);
	return status;
}

static void
free_step(struct golden_step *step)
{
	double *arrays[] = { step->x,     step->dy, step->z,     step->y,     step->dx,
			     step->dz,    step->gw, step->gb,    step->mean,  step->var,
			     step->count, step->rm, step->rv[0], step->rv[1], step->nbt };

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		free(arrays[i]);
}

void
golden_case_free(struct golden_case *c)
{
	for (int64_t k = 0; c->step != NULL && k < c->n_steps; k++)
		free_step(&c->step[k]);
	free(c->step);
	free(c->weight);
	free(c->bias);
	free(c->rm0);
	free(c->rv0);
}
