/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/planes.h"

#include "base/math.h"

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
		.stream = pass->stream,
	};
}

/* Bytes of a range's channels that lie side by side in an image. */
static size_t
part_bytes(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return (range->end - range->begin) * pass->geometry.spatial * pass->geometry.element_bytes;
}

/* What is summed comes from memory; what is written then was summed before, and is in the cache. */
enum { AHEAD = 4096, FAR_AHEAD = 6144 };

/* Farther where memory goes on for long; behind a part's end it is the next chunk's. */
static size_t
ahead_in_memory(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return part_bytes(pass, range) < 2 * FAR_AHEAD ? AHEAD : FAR_AHEAD;
}

static struct sbn_operands
operands_to_write(const struct sbn_pass *pass, const struct sbn_range *range)
{
	struct sbn_operands at = operands_at(pass, range->begin);

	at.ahead = pass->sum == NULL ? ahead_in_memory(pass, range) : 0;
	return at;
}

void
sbn_planes_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_sums *out)
{
	for (uint32_t c = range->begin; c < range->end; c++) {
		struct sbn_operands at = operands_at(pass, c);
		struct sbn_moments moments;

		at.ahead = ahead_in_memory(pass, range);
		pass->kernels->plane_moments(&at, pass->geometry.n, pass->geometry.spatial,
					     &moments);
		sbn_sums_put(out, c - range->begin, &moments);
	}
}

void
sbn_planes_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	const struct sbn_operands at = operands_to_write(pass, range);

	pass->kernels->planes_normalize(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
					range->begin, range->end - range->begin);
}

static void
sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
	      const struct sbn_sums *out, size_t ahead)
{
	for (uint32_t c = range->begin; c < range->end; c++) {
		struct sbn_operands at = operands_at(pass, c);
		double sums[2];

		at.ahead = ahead;
		pass->kernels->plane_sums(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
					  c, sums);
		out->pair[c - range->begin] = sbn_pair_of_sums(pass, c, sums[0], sums[1]);
	}
}

void
sbn_planes_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			 const struct sbn_sums *out)
{
	sum_gradients(pass, range, out, ahead_in_memory(pass, range));
}

void
sbn_planes_dx(const struct sbn_pass *pass, const struct sbn_range *range)
{
	const struct sbn_operands at = operands_to_write(pass, range);

	pass->kernels->planes_dx(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
				 range->begin, range->end - range->begin);
}

void
sbn_planes_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
			     const struct sbn_sums *out, const struct sbn_range *range)
{
	const struct sbn_operands at = operands_at(pass, range->begin);
	struct sbn_operands summed = operands_at(pass, next->begin);
	const struct sbn_beside beside = { &summed, next->end - next->begin, out->pair, out->low };

	summed.ahead = ahead_in_memory(pass, next);
	pass->kernels->planes_normalize_beside(&beside, &at, pass->geometry.n,
					       pass->geometry.spatial, &pass->k, range->begin,
					       range->end - range->begin);
}

/*
 * How far ahead to ask for what is summed behind a loop that has asked for it, too: two thirds of
 * what lies together of an image, as measured (doc/performance-batch-norm.md, section 5).
 */
static size_t
ahead_behind_dx(size_t part)
{
	return SBN_MIN(SBN_MAX(part / 3 * 2, (size_t)2048), (size_t)8192);
}

/* Of twice the inputs, a loop for both would have to read too much between its stores. */
void
sbn_planes_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		      const struct sbn_sums *out, const struct sbn_range *range)
{
	const size_t channel = pass->geometry.spatial * pass->geometry.element_bytes;
	struct sbn_operands at = operands_at(pass, range->begin);

	at.ahead = (next->begin - range->begin) * channel;
	pass->kernels->planes_dx(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
				 range->begin, range->end - range->begin);
	sum_gradients(pass, next, out, ahead_behind_dx(part_bytes(pass, next)));
}
