/* SPDX-License-Identifier: Apache-2.0 */
/* A layer of one shape whose operands lie in any layouts, and what its passes made. */
#ifndef SBN_TESTS_UNIT_LAYOUT_BENCH_H
#define SBN_TESTS_UNIT_LAYOUT_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "unit/near.h"
#include "unit/passes.h"
#include "unit/world_of_one.h"

/* One shape with its layer; the results of the passes that ran first, and of those that follow. */
struct bench {
	struct reference r;
	struct passes p;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	double *first; /* y, dx, dz of the reference run */
	size_t elements;
};

static inline void
open_bench(struct bench *b, syncbn_group_t *world, syncbn_tensor_t like)
{
	struct draw d = { like, 0.5, 2, true, 77 };
	syncbn_batch_norm_config_t config;

	b->r = draw_reference(&d);
	b->r.activation = SYNCBN_ACTIVATION_LEAKY_RELU;
	b->r.negative_slope = 0.2;
	b->elements = reference_elements(&b->r);
	config = draw_config(&b->r, like.dtype);
	config.momentum = 0;
	config.training = b->r.n * b->r.spatial != 1; /* one value has no spread */
	b->bn = new_layer(world, &config);
	b->saved = new_saved(b->bn);
	b->first = calloc(6 * b->elements + 1, sizeof(double));
	b->p = (struct passes){ .like = like, .x = b->r.x, .z = b->r.z, .dy = b->r.dy };
	b->p.y = b->first + 3 * b->elements;
	b->p.dx = b->p.y + b->elements;
	b->p.dz = b->p.dx + b->elements;
}

static inline void
close_bench(struct bench *b)
{
	syncbn_saved_free(b->saved);
	syncbn_batch_norm_free(b->bn);
	free(b->first);
	draw_free(&b->r);
}

static inline void
run(struct bench *b, unsigned want)
{
	const char *error;

	b->p.want = want;
	error = passes_run(&b->p, b->bn, b->saved);
	if (error != NULL)
		fail_msg("x %d z %d y %d dy %d dx %d dz %d: %s", b->p.in.x, b->p.in.z, b->p.in.y,
			 b->p.in.dy, b->p.in.dx, b->p.in.dz, error);
}

/* What has just been computed becomes what the rest is compared with. */
static inline void
keep(struct bench *b)
{
	memcpy(b->first, b->p.y, 3 * b->elements * sizeof(double));
}

static inline void
set_layouts(struct bench *b, syncbn_layout_t layout)
{
	b->p.in.x = b->p.in.z = b->p.in.y = layout;
	b->p.in.dy = b->p.in.dx = b->p.in.dz = layout;
}

#endif
