/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/planes.h"

#include <string.h>

#include "base/math.h"
#include "kernels/block.h"
#include "nn/cache.h"

static struct sbn_in
in_at(const struct sbn_pass *pass, const struct sbn_view *view, uint32_t c, size_t image,
      size_t position)
{
	return (struct sbn_in){ sbn_view_at(view, &pass->geometry, c, image, position),
				view->image };
}

static struct sbn_out
out_at(const struct sbn_pass *pass, const struct sbn_view *view, uint32_t c, size_t image,
       size_t position)
{
	return (struct sbn_out){ sbn_view_at(view, &pass->geometry, c, image, position),
				 view->image };
}

void
sbn_planes_at(struct sbn_operands *at, const struct sbn_pass *pass, uint32_t c, size_t image,
	      size_t position)
{
	*at = (struct sbn_operands){
		.stream = pass->stream,
		.lockstep = pass->images != SBN_IMAGES_ABREAST,
		.pairs = pass->images == SBN_IMAGES_PAIRS,
		.near = pass->near,
	};
	at->x = in_at(pass, &pass->x, c, image, position);
	at->z = in_at(pass, &pass->z, c, image, position);
	at->dy = in_at(pass, &pass->dy, c, image, position);
	at->out = out_at(pass, &pass->out, c, image, position);
	at->dz = out_at(pass, &pass->dz, c, image, position);
}

/* Bytes of a range's channels that lie side by side in an image. */
static size_t
part_bytes(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return (range->end - range->begin) * pass->geometry.spatial * pass->geometry.element_bytes;
}

static size_t
inputs_bytes(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return sbn_pass_inputs_kept(pass) * pass->geometry.n * part_bytes(pass, range);
}

/* How far ahead to ask for what comes from memory, in each image. */
enum {
	AHEAD = 1024, /* what is summed; less is late, more falls out again where images are many */
	AHEAD_OF_TWO = 768,
	AHEAD_OF_FEW = 4096, /* in all images together, at least */
	AHEAD_UNSUMMED = 4096,
	AHEAD_TURNED = 2048,
	AHEAD_BEHIND =
		32 * 1024 /* in all images together, at most, what has been asked for before */
};

static size_t
ahead_to_sum(size_t each, size_t n, size_t spatial)
{
	/* of rows that are not read abreast one is read at a time */
	const bool alone = spatial > (size_t)ABREAST_BLOCKS * SBN_BLOCK;

	return SBN_MAX(each, (size_t)AHEAD_OF_FEW / (alone ? 1 : SBN_MAX(n, (size_t)1)));
}

size_t
sbn_planes_ahead_of_moments(size_t n, size_t spatial)
{
	return ahead_to_sum(AHEAD, n, spatial);
}

size_t
sbn_planes_ahead_of_gradients(size_t n, size_t spatial)
{
	return ahead_to_sum(AHEAD_OF_TWO, n, spatial);
}

size_t
sbn_planes_ahead_to_write(const struct sbn_pass *pass, bool is_there)
{
	if (pass->sum == NULL)
		return AHEAD_UNSUMMED;
	return is_there ? 0 : AHEAD_TURNED;
}

/*
 * Where the cache does not hold two chunks, the second one is summed from its last image on, the
 * third one from its first on again. Each is written from the image on that was summed last, while
 * the next one is summed in the same order: what is written is there still, as far as can be.
 */
static bool
turns_back(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return pass->sum != NULL && pass->geometry.spatial >= SBN_ABREAST_SPATIAL &&
	       2 * inputs_bytes(pass, range) > sbn_cache_find().bytes;
}

static bool
summed_last_first(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return range->number % 2 == 1 && turns_back(pass, range);
}

static void
summed_at(struct sbn_operands *at, const struct sbn_pass *pass, const struct sbn_range *range)
{
	sbn_planes_at(at, pass, range->begin, 0, 0);
	at->last_first = summed_last_first(pass, range);
	at->turns = turns_back(pass, range);
}

/* What is written was summed before, and is in the cache; of chunks that turn back some left it. */
static size_t
ahead_to_write(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return sbn_planes_ahead_to_write(pass, !turns_back(pass, range));
}

static void
written_at(struct sbn_operands *at, const struct sbn_pass *pass, const struct sbn_range *range,
	   size_t image)
{
	sbn_planes_at(at, pass, range->begin, image, 0);
	at->last_first = range->number % 2 == 0 && turns_back(pass, range);
	at->ahead = ahead_to_write(pass, range);
}

static size_t
ahead_of_moments(const struct sbn_pass *pass)
{
	return sbn_planes_ahead_of_moments(pass->geometry.n, pass->geometry.spatial);
}

static size_t
ahead_of_gradients(const struct sbn_pass *pass)
{
	return sbn_planes_ahead_of_gradients(pass->geometry.n, pass->geometry.spatial);
}

void
sbn_planes_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_sums *out)
{
	struct sbn_operands at;
	const struct sbn_beside all = { &at, range->end - range->begin, out->pair, out->low,
					range->begin };

	summed_at(&at, pass, range);
	at.ahead = ahead_of_moments(pass);
	pass->kernels->planes_moments(&all, pass->geometry.n, pass->geometry.spatial);
}

void
sbn_planes_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	struct sbn_operands at;

	written_at(&at, pass, range, 0);
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
	struct sbn_operands at;

	sbn_planes_at(&at, pass, range->begin, images->first, 0);
	at.ahead = ahead;
	at.last_first = summed_last_first(pass, range);
	at.turns = turns_back(pass, range);
	pass->kernels->planes_sums(&at, images->n, pass->geometry.spatial, &pass->k, range->begin,
				   range->end - range->begin, out->pair);
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
	add_gradients(pass, range, &all, out, ahead_of_gradients(pass));
	end_gradients(pass, range, out);
}

static void
write_dx(const struct sbn_pass *pass, const struct sbn_range *range, const struct images *images,
	 size_t ahead)
{
	struct sbn_operands at;

	written_at(&at, pass, range, images->first);
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
	const size_t channel = pass->geometry.spatial * pass->geometry.element_bytes;
	struct sbn_operands at, summed;
	const struct sbn_beside beside = { &summed, next->end - next->begin, out->pair, out->low,
					   next->begin };

	written_at(&at, pass, range, 0);
	if (!pass->fetch_lines && next->left != 0)
		at.beyond = (next->end - range->begin) * channel;
	summed_at(&summed, pass, next);
	summed.ahead = ahead_of_moments(pass);
	pass->kernels->planes_normalize_beside(&beside, &at, pass->geometry.n,
					       pass->geometry.spatial, &pass->k, range->begin,
					       range->end - range->begin);
}

static void
sum_beside_dx(const struct sbn_pass *pass, const struct sbn_range *next, const struct sbn_sums *out,
	      const struct sbn_range *range)
{
	struct sbn_operands at, summed;
	const struct sbn_beside beside = { &summed, next->end - next->begin, out->pair, NULL,
					   next->begin };

	written_at(&at, pass, range, 0);
	summed_at(&summed, pass, next);
	summed.ahead = ahead_of_gradients(pass);
	pass->kernels->planes_dx_beside(&beside, &at, pass->geometry.n, pass->geometry.spatial,
					&pass->k, range->begin, range->end - range->begin);
	end_gradients(pass, next, out);
}

/*
 * How far ahead to ask for what is summed behind a loop that has asked for it, too: two thirds of
 * what lies together of an image (doc/batch-norm-tried/zen-4.md), but less of many images.
 */
static size_t
ahead_behind_dx(const struct sbn_pass *pass, size_t part)
{
	const size_t n = SBN_MAX(pass->geometry.n, (size_t)1);
	const size_t most = SBN_MAX((size_t)AHEAD_BEHIND / n, (size_t)AHEAD);

	return SBN_MIN(SBN_MIN(SBN_MAX(part / 3 * 2, (size_t)2048), (size_t)8192), most);
}

/*
 * What is written and what is summed take turns of so many bytes of inputs: where all ranks write
 * at once, and then all sum, memory has too much to do, and then too little. Fewer cost calls.
 */
enum { TURN_BYTES = 24 * 1024 };

/*
 * The images of a turn: whole blocks of sums. All at once where chunks are fetched as a whole, or
 * where a turn would cost: short rows' coefficients are prepared in each, and lines that are
 * written in part are asked for within it.
 */
static size_t
images_of_turn(const struct sbn_pass *pass, const struct sbn_range *next,
	       const struct sbn_range *range)
{
	const size_t spatial = pass->geometry.spatial;
	const size_t image = SBN_MAX(sbn_pass_inputs(pass) * part_bytes(pass, next), (size_t)1);
	const size_t block = sbn_rows_of_block(spatial);

	if (!pass->fetch_lines || spatial < SBN_SHORT_SPATIAL ||
	    part_bytes(pass, range) % SBN_STORE_LINE != 0)
		return pass->geometry.n;
	return sbn_ceil_div(sbn_ceil_div(TURN_BYTES, image), block) * block;
}

static void
sum_in_turns_with_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		     const struct sbn_sums *out, const struct sbn_range *range)
{
	const size_t channel = pass->geometry.spatial * pass->geometry.element_bytes;
	const size_t ahead = ahead_behind_dx(pass, part_bytes(pass, next));
	const size_t turn = images_of_turn(pass, next, range);

	begin_gradients(next, out);
	for (size_t i = 0; i < pass->geometry.n; i += turn) {
		const struct images images = { i, SBN_MIN(turn, pass->geometry.n - i) };

		write_dx(pass, range, &images, (next->begin - range->begin) * channel);
		add_gradients(pass, next, &images, out, ahead);
	}
	end_gradients(pass, next, out);
}

void
sbn_planes_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		      const struct sbn_sums *out, const struct sbn_range *range)
{
	if (pass->geometry.spatial >= SBN_ABREAST_SPATIAL && pass->fetch_lines)
		sum_beside_dx(pass, next, out, range);
	else
		sum_in_turns_with_dx(pass, next, out, range);
}
