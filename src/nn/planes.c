/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/planes.h"

static struct sbn_in
in_at(const struct sbn_pass *pass, const struct sbn_view *view, uint32_t c)
{
	return (struct sbn_in){ sbn_view_at(view, &pass->geometry, c, 0, 0), view->image };
}

static struct sbn_out
out_at(const struct sbn_pass *pass, const struct sbn_view *view, uint32_t c)
{
	return (struct sbn_out){ sbn_view_at(view, &pass->geometry, c, 0, 0), view->image };
}

static struct sbn_operands
operands_at(const struct sbn_pass *pass, uint32_t c)
{
	return (struct sbn_operands){
		.x = in_at(pass, &pass->x, c),
		.z = in_at(pass, &pass->z, c),
		.dy = in_at(pass, &pass->dy, c),
		.out = out_at(pass, &pass->out, c),
		.dz = out_at(pass, &pass->dz, c),
	};
}

void
sbn_planes_sum_moments(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		       struct sbn_pair *pair)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_moments moments;

		pass->kernels->plane_moments(in_at(pass, &pass->x, c), pass->geometry.n,
					     pass->geometry.spatial, &moments);
		pair[c - begin] = (struct sbn_pair){ moments.mean, moments.m2 };
	}
}

void
sbn_planes_normalize(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_operands at = operands_at(pass, c);

		pass->kernels->plane_normalize(&at, pass->geometry.n, pass->geometry.spatial,
					       &pass->k, c);
	}
}

void
sbn_planes_sum_gradients(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
			 struct sbn_pair *pair)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_operands at = operands_at(pass, c);
		double sums[2];

		pass->kernels->plane_sums(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
					  c, sums);
		pair[c - begin] = sbn_pair_of_sums(pass, c, sums[0], sums[1]);
	}
}

void
sbn_planes_dx(const struct sbn_pass *pass, uint32_t begin, uint32_t end)
{
	for (uint32_t c = begin; c < end; c++) {
		struct sbn_operands at = operands_at(pass, c);

		pass->kernels->plane_dx(&at, pass->geometry.n, pass->geometry.spatial, &pass->k, c);
	}
}
