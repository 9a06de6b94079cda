/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forward and a backward pass over arrays of doubles, in any type and layouts, with a watch over
 * guards and padding. No cmocka, so that forked ranks can use it.
 */
#ifndef SBN_TESTS_UNIT_PASSES_H
#define SBN_TESTS_UNIT_PASSES_H

#include <stdint.h>

#include <syncbn/syncbn.h>

#include "unit/operands.h"
#include "unit/random.h"
#include "unit/reference.h"

struct passes {
	syncbn_tensor_t like; /* dtype and shape */
	struct {
		syncbn_layout_t x, z, y, dy, dx, dz;
	} in;
	const double *x, *dy; /* in the order N, C, spatial */
	const double *z;      /* NULL: none, and no dz */
	double *y, *dx, *dz;  /* out */
	unsigned want;
};

/* NULL, or what is wrong with an output. */
static inline const char *
passes_check_written(const struct operand *o)
{
	if (!operand_is_sound(o))
		return "written outside a tensor";
	return operand_padding_is_zero(o) ? NULL : "padding is not zero";
}

static inline const char *
passes_backward(const struct passes *p, syncbn_batch_norm_t *bn, syncbn_saved_t *saved)
{
	struct operand dy = operand_new(&p->like, p->in.dy), dx = operand_new(&p->like, p->in.dx);
	struct operand dz = operand_new(&p->like, p->in.dz);
	const char *error = NULL;

	operand_put(&dy, p->dy);
	if (syncbn_batch_norm_backward(bn, saved, &dy.tensor, &dx.tensor,
				       p->z == NULL ? NULL : &dz.tensor, p->want) != SYNCBN_OK)
		error = syncbn_last_error();
	else if (p->want & SYNCBN_WANT_DX)
		error = passes_check_written(&dx);
	if (error == NULL && p->z != NULL)
		error = passes_check_written(&dz);
	if (error == NULL && !operand_is_sound(&dy))
		error = "written around dy";
	operand_get(&dx, p->dx);
	if (p->z != NULL)
		operand_get(&dz, p->dz);
	operand_free(&dy), operand_free(&dx), operand_free(&dz);
	return error;
}

/* Both passes, the backward one only if something is wanted; NULL, or what went wrong. */
static inline const char *
passes_run(const struct passes *p, syncbn_batch_norm_t *bn, syncbn_saved_t *saved)
{
	struct operand x = operand_new(&p->like, p->in.x), y = operand_new(&p->like, p->in.y);
	struct operand z = operand_new(&p->like, p->in.z);
	const char *error = NULL;

	operand_put(&x, p->x);
	if (p->z != NULL)
		operand_put(&z, p->z);
	if (syncbn_batch_norm_forward(bn, &x.tensor, p->z == NULL ? NULL : &z.tensor, &y.tensor,
				      saved) != SYNCBN_OK)
		error = syncbn_last_error();
	else
		error = passes_check_written(&y);
	if (error == NULL && !(operand_is_sound(&x) && operand_is_sound(&z)))
		error = "written around x or z";
	operand_get(&y, p->y);
	if (error == NULL && p->want != 0)
		error = passes_backward(p, bn, saved);
	operand_free(&x), operand_free(&y), operand_free(&z);
	return error;
}

/* ---- inputs drawn at random, representable in the type, and the reference for them ---- */

struct draw {
	syncbn_tensor_t like;
	double mean, sd;
	bool has_z;
	uint64_t seed;
};

static inline void
draw_array(double *values, size_t n, syncbn_dtype_t dtype, double mean, double sd, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++)
		values[i] = sbn_rounded(dtype, mean + sd * sbn_random_normal(seed));
}

/* Everything but the layer's settings; free with draw_free. */
static inline struct reference
draw_reference(const struct draw *d)
{
	struct reference r = { .n = (size_t)d->like.shape[0], .spatial = 1 };
	syncbn_dtype_t of_params = sbn_param_dtype(d->like.dtype);
	size_t elements;
	uint64_t seed = d->seed;
	double *block;

	r.channels = (size_t)d->like.shape[1];
	for (int i = 2; i < d->like.ndim; i++)
		r.spatial *= (size_t)d->like.shape[i];
	elements = reference_elements(&r);
	block = calloc(3 * elements + 2 * r.channels, sizeof(double));
	if (block == NULL)
		abort();
	draw_array(block, r.channels, of_params, 1, 0.3, &seed);
	draw_array(block + r.channels, r.channels, of_params, 0, 1, &seed);
	r.gamma = block;
	r.beta = block + r.channels;
	r.x = block + 2 * r.channels;
	draw_array(block + 2 * r.channels, elements, d->like.dtype, d->mean, d->sd, &seed);
	r.dy = r.x + elements;
	draw_array(block + 2 * r.channels + elements, elements, d->like.dtype, 0.1, 1, &seed);
	draw_array(block + 2 * r.channels + 2 * elements, elements, d->like.dtype, 0, 1, &seed);
	r.z = d->has_z ? r.dy + elements : NULL;
	r.eps = 1e-5;
	r.activation = SYNCBN_ACTIVATION_NONE;
	reference_new(&r);
	return r;
}

static inline void
draw_free(struct reference *r)
{
	free((double *)r->gamma); /* the block's beginning */
	reference_free(r);
}

/* A layer's configuration with the reference's settings. */
static inline syncbn_batch_norm_config_t
draw_config(const struct reference *r, syncbn_dtype_t dtype)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH((int64_t)r->channels);

	config.eps = r->eps;
	config.dtype = sbn_param_dtype(dtype);
	config.activation = r->activation;
	config.negative_slope = r->negative_slope;
	config.gamma_init.values = r->gamma;
	config.beta_init.values = r->beta;
	return config;
}

#endif
