/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/planes.h"

#include <string.h>

#include "base/math.h"

static struct sbn_in
in_at(const struct sbn_pass *pass, const struct sbn_view *view, uint32_t c, size_t image)
{
	return (struct sbn_in){ sbn_view_at(view, &pass->geometry, c, image, 0), view->image };
}

static struct sbn_out
out_at(const struct sbn_pass *pass, const struct sbn_view *view, uint32_t c, size_t image)
{
	return (struct sbn_out){ sbn_view_at(view, &pass->geometry, c, image, 0), view->image };
}

/* From an image on. */
static struct sbn_operands
operands_at(const struct sbn_pass *pass, uint32_t c, size_t image)
{
	return (struct sbn_operands){
		.x = in_at(pass, &pass->x, c, image),
		.z = in_at(pass, &pass->z, c, image),
		.dy = in_at(pass, &pass->dy, c, image),
		.out = out_at(pass, &pass->out, c, image),
		.dz = out_at(pass, &pass->dz, c, image),
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
enum { AHEAD = 4096, FAR_AHEAD = 6144, POSITIONS_AHEAD = 1024 };

/* Farther where memory goes on for long; behind a part's end it is the next chunk's. */
static size_t
ahead_in_memory(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return part_bytes(pass, range) < 2 * FAR_AHEAD ? AHEAD : FAR_AHEAD;
}

/* The kernels read short rows of 16-bit types a line or two of all images at a time. */
static size_t
ahead_of_moments(const struct sbn_pass *pass, const struct sbn_range *range)
{
	if (pass->geometry.element_bytes == sizeof(uint16_t) &&
	    pass->geometry.spatial < SBN_SHORT_SPATIAL)
		return POSITIONS_AHEAD;
	return ahead_in_memory(pass, range);
}

static size_t
ahead_to_write(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return pass->sum == NULL ? ahead_in_memory(pass, range) : 0;
}

void
sbn_planes_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_sums *out)
{
	struct sbn_operands at = operands_at(pass, range->begin, 0);
	const struct sbn_beside all = { &at, range->end - range->begin, out->pair, out->low };

	at.ahead = ahead_of_moments(pass, range);
	pass->kernels->planes_moments(&all, pass->geometry.n, pass->geometry.spatial);
}

void
sbn_planes_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	struct sbn_operands at = operands_at(pass, range->begin, 0);

	at.ahead = ahead_to_write(pass, range);
	pass->kernels->planes_normalize(&at, pass->geometry.n, pass->geometry.spatial, &pass->k,
					range->begin, range->end - range->begin);
}

/* Some images of a chunk. */
struct images {
	size_t first, n;
};

static void
begin_gradients(const struct sbn_range *range, const struct sbn_sums *out)
{
	memset(out->pair, 0, (range->end - range->begin) * sizeof(*out->pair));
}

/* Until the end the pairs are sums of g and of g * (x - mean). */
static void
add_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
	      const struct images *images, const struct sbn_sums *out, size_t ahead)
{
	for (uint32_t c = range->begin; c < range->end; c++) {
		struct sbn_operands at = operands_at(pass, c, images->first);
		struct sbn_pair *pair = &out->pair[c - range->begin];
		double sums[2] = { pair->a, pair->b };

		at.ahead = ahead;
		pass->kernels->plane_sums(&at, images->n, pass->geometry.spatial, &pass->k, c,
					  sums);
		*pair = (struct sbn_pair){ sums[0], sums[1] };
	}
}

static void
end_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
	      const struct sbn_sums *out)
{
	for (uint32_t c = range->begin; c < range->end; c++) {
		struct sbn_pair *pair = &out->pair[c - range->begin];

		*pair = sbn_pair_of_sums(pass, c, pair->a, pair->b);
	}
}

void
sbn_planes_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			 const struct sbn_sums *out)
{
	const struct images all = { 0, pass->geometry.n };

	begin_gradients(range, out);
	add_gradients(pass, range, &all, out, ahead_in_memory(pass, range));
	end_gradients(pass, range, out);
}

static void
write_dx(const struct sbn_pass *pass, const struct sbn_range *range, const struct images *images,
	 size_t ahead)
{
	struct sbn_operands at = operands_at(pass, range->begin, images->first);

	at.ahead = ahead;
	pass->kernels->planes_dx(&at, images->n, pass->geometry.spatial, &pass->k, range->begin,
				 range->end - range->begin);
}

void
sbn_planes_dx(const struct sbn_pass *pass, const struct sbn_range *range)
{
	const struct images all = { 0, pass->geometry.n };

	write_dx(pass, range, &all, ahead_to_write(pass, range));
}

void
sbn_planes_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
			     const struct sbn_sums *out, const struct sbn_range *range)
{
	const struct sbn_operands at = operands_at(pass, range->begin, 0);
	struct sbn_operands summed = operands_at(pass, next->begin, 0);
	const struct sbn_beside beside = { &summed, next->end - next->begin, out->pair, out->low };

	summed.ahead = ahead_of_moments(pass, next);
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

/*
 * What is written and what is summed take turns of so many bytes of inputs: where all ranks write
 * at once, and then all sum, memory has too much to do, and then too little. Fewer cost calls.
 */
enum { TURN_BYTES = 24 * 1024 };

/*
 * The images of a turn: whole blocks of sums. All at once where a turn would cost: short rows'
 * coefficients are prepared in each, and lines that are written in part are asked for within it.
 */
static size_t
images_of_turn(const struct sbn_pass *pass, const struct sbn_range *next,
	       const struct sbn_range *range)
{
	const size_t n_inputs = 2 + (pass->z.data != NULL), spatial = pass->geometry.spatial;
	const size_t image = SBN_MAX(n_inputs * part_bytes(pass, next), (size_t)1);
	const size_t block = sbn_rows_of_block(spatial);

	if (spatial < SBN_SHORT_SPATIAL || part_bytes(pass, range) % SBN_STORE_LINE != 0)
		return pass->geometry.n;
	return sbn_ceil_div(sbn_ceil_div(TURN_BYTES, image), block) * block;
}

/* Of twice the inputs, a loop for both would have to read too much between its stores. */
void
sbn_planes_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		      const struct sbn_sums *out, const struct sbn_range *range)
{
	const size_t channel = pass->geometry.spatial * pass->geometry.element_bytes;
	const size_t ahead = ahead_behind_dx(part_bytes(pass, next));
	const size_t turn = images_of_turn(pass, next, range);

	begin_gradients(next, out);
	for (size_t i = 0; i < pass->geometry.n; i += turn) {
		const struct images images = { i, SBN_MIN(turn, pass->geometry.n - i) };

		write_dx(pass, range, &images, (next->begin - range->begin) * channel);
		add_gradients(pass, next, &images, out, ahead);
	}
	end_gradients(pass, next, out);
}
