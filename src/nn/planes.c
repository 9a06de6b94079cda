/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/planes.h"

static struct sbn_plane
plane_of(const struct sbn_pass *pass)
{
	return (struct sbn_plane){
		.n = pass->geometry.n,
		.stride = pass->geometry.channels * pass->geometry.spatial,
		.spatial = pass->geometry.spatial,
	};
}

/* Channel c's plane; an empty batch may have no memory to point into. */
static const float *
plane_at(const float *data, uint32_t c, const struct sbn_plane *plane)
{
	return plane->n == 0 ? data : data + c * plane->spatial;
}

static float *
out_at(const struct sbn_pass *pass, uint32_t c, const struct sbn_plane *plane)
{
	return plane->n == 0 ? pass->out : pass->out + c * plane->spatial;
}

static const struct sbn_kernels *
kernels_of(const struct sbn_pass *pass)
{
	return pass->bn->group->process->kernels;
}

void
sbn_planes_sum_moments(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		       struct sbn_pair *pair)
{
	struct sbn_plane plane = plane_of(pass);

	for (uint32_t c = begin; c < end; c++) {
		struct sbn_moments moments;

		kernels_of(pass)->plane_moments(plane_at(pass->x, c, &plane), &plane, &moments);
		pair[c - begin] = (struct sbn_pair){ moments.mean, moments.m2 };
	}
}

void
sbn_planes_normalize(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct sbn_coefficients *k = &pass->bn->k;
	struct sbn_plane plane = plane_of(pass);

	for (uint32_t c = begin; c < end; c++) {
		struct sbn_normalize normalize = {
			.mean_hi = k->mean_hi[c],
			.mean_lo = k->mean_lo[c],
			.scale = k->scale[c],
			.shift = k->shift[c],
		};

		kernels_of(pass)->plane_normalize(plane_at(pass->x, c, &plane),
						  out_at(pass, c, &plane), &plane, &normalize);
	}
}

void
sbn_planes_sum_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
			 struct sbn_pair *pair)
{
	const struct sbn_coefficients *k = &pass->bn->k;
	struct sbn_plane plane = plane_of(pass);

	for (uint32_t c = begin; c < end; c++) {
		double sums[2];

		kernels_of(pass)->plane_sums(plane_at(pass->x, c, &plane),
					     plane_at(pass->dy, c, &plane), &plane, k->mean_hi[c],
					     k->mean_lo[c], sums);
		pair[c - begin] = (struct sbn_pair){ sums[0], sums[1] };
	}
}

void
sbn_planes_dx(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	const struct sbn_coefficients *k = &pass->bn->k;
	struct sbn_plane plane = plane_of(pass);

	for (uint32_t c = begin; c < end; c++) {
		struct sbn_backward backward = {
			.mean_hi = k->mean_hi[c],
			.mean_lo = k->mean_lo[c],
			.dy_hi = k->dy_hi[c],
			.dy_lo = k->dy_lo[c],
			.slope = k->slope[c],
			.scale = k->scale[c],
		};

		kernels_of(pass)->plane_dx(plane_at(pass->x, c, &plane),
					   plane_at(pass->dy, c, &plane), out_at(pass, c, &plane),
					   &plane, &backward);
	}
}
