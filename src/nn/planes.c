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

static size_t
bytes_of(const struct sbn_pass *pass, size_t channels)
{
	return channels * pass->geometry.spatial * pass->geometry.element_bytes;
}

enum {
	SHORT_ROW = 8192, /* bytes; a CPU finds its way along longer ones */
	NEAR = 4096       /* bytes that are fetched ahead along a row */
};

/* Rows of `bytes` bytes that lie an image apart, in order, some way ahead of what is used. */
static struct sbn_fetch
fetch_in_order(const struct sbn_pass *pass, size_t bytes)
{
	const size_t element = pass->geometry.element_bytes;

	if (bytes < SHORT_ROW)
		return (struct sbn_fetch){ 0 };
	return (struct sbn_fetch){
		.end = pass->geometry.n,
		.edge = (bytes - NEAR) / element,
		.ahead = NEAR,
		.beyond = NEAR + pass->x.image * element - bytes,
	};
}

/*
 * What will be summed next: all of it with the sums of one input, as then there is a store for
 * each read; half of it where two are read.
 */
static size_t
images_with_sums(const struct sbn_pass *pass)
{
	return pass->dy.data == NULL ? pass->geometry.n : pass->geometry.n / 2;
}

static struct sbn_fetch
fetch_chunk(const struct sbn_pass *pass, const struct sbn_range *range, size_t begin, size_t end)
{
	return (struct sbn_fetch){
		.begin = begin,
		.end = end,
		.edge = pass->geometry.spatial * range->ahead, /* never beyond */
		.ahead = pass->geometry.spatial * range->ahead * pass->geometry.element_bytes,
	};
}

static struct sbn_fetch
fetch_with_sums(const struct sbn_pass *pass, const struct sbn_range *range)
{
	if (range->ahead == 0)
		return fetch_in_order(pass, bytes_of(pass, 1));
	return fetch_chunk(pass, range, 0, images_with_sums(pass));
}

static struct sbn_fetch
fetch_with_stores(const struct sbn_pass *pass, const struct sbn_range *range)
{
	if (range->ahead == 0)
		return fetch_in_order(pass, bytes_of(pass, range->end - range->begin));
	return fetch_chunk(pass, range, images_with_sums(pass), pass->geometry.n);
}

void
sbn_planes_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_sums *out)
{
	for (uint32_t c = range->begin; c < range->end; c++) {
		struct sbn_operands at = operands_at(pass, c);
		struct sbn_moments moments;

		at.fetch = fetch_with_sums(pass, range);
		pass->kernels->plane_moments(&at, pass->geometry.n, pass->geometry.spatial,
					     &moments);
		sbn_sums_put(out, c - range->begin, &moments);
	}
}

void
sbn_planes_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	struct sbn_operands at = operands_at(pass, range->begin);

	at.fetch = fetch_with_stores(pass, range);
	pass->kernels->planes_normalize(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
					range->begin, range->end - range->begin);
}

void
sbn_planes_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			 const struct sbn_sums *out)
{
	for (uint32_t c = range->begin; c < range->end; c++) {
		struct sbn_operands at = operands_at(pass, c);
		double sums[2];

		at.fetch = fetch_with_sums(pass, range);
		pass->kernels->plane_sums(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
					  c, sums);
		out->pair[c - range->begin] = sbn_pair_of_sums(pass, c, sums[0], sums[1]);
	}
}

void
sbn_planes_dx(const struct sbn_pass *pass, const struct sbn_range *range)
{
	struct sbn_operands at = operands_at(pass, range->begin);

	at.fetch = fetch_with_stores(pass, range);
	pass->kernels->planes_dx(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
				 range->begin, range->end - range->begin);
}

/* What is summed lies in the cache if there is room, fetched two chunks before. */
static struct sbn_operands
operands_beside(const struct sbn_pass *pass, const struct sbn_range *next)
{
	struct sbn_operands at = operands_at(pass, next->begin);

	if (!next->fetched)
		at.fetch = fetch_in_order(pass, bytes_of(pass, 1));
	return at;
}

static struct sbn_operands
operands_of(const struct sbn_pass *pass, const struct sbn_range *range)
{
	struct sbn_operands at = operands_at(pass, range->begin);

	if (range->ahead != 0)
		at.fetch = fetch_chunk(pass, range, 0, pass->geometry.n);
	return at;
}

void
sbn_planes_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
			     const struct sbn_sums *out, const struct sbn_range *range)
{
	const struct sbn_operands summed = operands_beside(pass, next);
	const struct sbn_operands at = operands_of(pass, range);
	const struct sbn_beside beside = { &summed, next->begin, next->end - next->begin, out->pair,
					   out->low };

	pass->kernels->planes_normalize_beside(&beside, &at, pass->geometry.n,
					       pass->geometry.spatial, &pass->k, range->begin,
					       range->end - range->begin);
}

void
sbn_planes_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		      const struct sbn_sums *out, const struct sbn_range *range)
{
	const struct sbn_operands summed = operands_beside(pass, next);
	const struct sbn_operands at = operands_of(pass, range);
	const struct sbn_beside beside = { &summed, next->begin, next->end - next->begin, out->pair,
					   out->low };

	pass->kernels->planes_dx_beside(&beside, &at, pass->geometry.n, pass->geometry.spatial,
					&pass->k, range->begin, range->end - range->begin);
	for (uint32_t c = next->begin; c < next->end; c++) {
		struct sbn_pair sums = out->pair[c - next->begin];

		out->pair[c - next->begin] = sbn_pair_of_sums(pass, c, sums.a, sums.b);
	}
}
