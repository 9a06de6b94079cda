/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tiles.h"

#include "base/math.h"
#include "nn/cache.h"
#include "nn/tile_work.h"
#include "nn/tiles_beside.h"

enum {
	AHEAD_SUMS = 512,     /* bytes: of large chunks of several inputs, as they are summed, */
	AHEAD_MAP = 1024,     /* and as they are mapped */
	LONG_RUN = 32 * 1024, /* bytes of a block's positions that lie together */
	FETCHED = 4           /* caches of the second level; more is not fetched beforehand */
};

/* Of an image's part that has these channels; of all inputs. */
static size_t
image_bytes(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return sbn_pass_inputs(pass) * (range->end - range->begin) * pass->geometry.spatial *
	       pass->geometry.element_bytes;
}

static size_t
chunk_bytes(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return image_bytes(pass, range) * pass->geometry.n;
}

/* Whether a chunk is fetched as a whole before it is summed. */
static bool
is_fetched(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return chunk_bytes(pass, range) <= FETCHED * sbn_cache_find().bytes;
}

/*
 * How far ahead is asked for what is read. The inputs of a large chunk come from memory, in runs
 * long enough for a CPU's own prefetcher: there it is only told to go on, and what is asked for
 * beyond would take its place. It follows several inputs worse than one, which is left alone.
 */
static size_t
ahead_of(const struct sbn_pass *pass, const struct sbn_range *range, size_t of_large)
{
	const size_t run =
		pass->geometry.spatial * sbn_tile_width(pass) * pass->geometry.element_bytes;

	if (pass->fetch_lines || sbn_pass_inputs(pass) < 2 || run < LONG_RUN ||
	    is_fetched(pass, range))
		return SBN_TILE_AHEAD;
	return of_large;
}

void
sbn_tiles_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		      const struct sbn_sums *out)
{
	struct sbn_tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		struct sbn_tile_moments sums;

		sbn_tile_begin(pass, range, c, &tile);
		sbn_tile_begin_moments(&sums);
		while (sbn_tile_next(pass, &tile, SBN_BLOCK_POSITIONS))
			sbn_tile_add_moments(pass, &tile, SBN_TILE_AHEAD, &sums);
		sbn_tile_put_moments(pass, range, &tile, &sums, out);
	}
}

void
sbn_tiles_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			const struct sbn_sums *out)
{
	const size_t most =
		sbn_tile_inputs_are_copied(pass) ? SBN_TILE_COPIED : SBN_BLOCK_POSITIONS;
	const size_t ahead = ahead_of(pass, range, AHEAD_SUMS);
	struct sbn_tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		struct sbn_tile_gradients sums = { 0 };

		sbn_tile_begin(pass, range, c, &tile);
		while (sbn_tile_next(pass, &tile, most))
			sbn_tile_add_gradients(pass, &tile, ahead, &sums);
		sbn_tile_put_gradients(pass, range, &tile, &sums, out);
	}
}

/* What is asked for while tiles of the first images are written: so many bytes ahead. */
struct fetching {
	size_t n_images, ahead;
};

/* Images first .. end - 1. */
struct images {
	size_t first, end;
};

/*
 * The last images first: they have been summed last, and are in the caches if anything is; and what
 * is fetched beside the first ones is summed at once. Copies are small, and nothing is in the cache
 * because of its image: all of them are in order.
 */
static void
apply(const struct sbn_pass *pass, const struct sbn_range *range, sbn_map_kernel *run,
      const struct images *images, struct fetching fetching)
{
	const bool is_copied = sbn_tile_is_copied(pass);
	const size_t ahead = ahead_of(pass, range, AHEAD_MAP);
	struct sbn_tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		sbn_tile_begin(pass, range, c, &tile);
		if (!is_copied)
			tile.image = images->end;
		while (is_copied ?
			       sbn_tile_next(pass, &tile, SBN_TILE_COPIED) :
			       sbn_tile_previous(pass, &tile, images->first, SBN_BLOCK_POSITIONS))
			sbn_tile_map(pass, &tile, run,
				     tile.image < fetching.n_images ? fetching.ahead : ahead);
	}
}

static void
apply_all(const struct sbn_pass *pass, const struct sbn_range *range, sbn_map_kernel *run)
{
	apply(pass, range, run, &(struct images){ 0, pass->geometry.n }, (struct fetching){ 0 });
}

void
sbn_tiles_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	apply_all(pass, range, pass->kernels->rows_normalize);
}

void
sbn_tiles_dx(const struct sbn_pass *pass, const struct sbn_range *range)
{
	apply_all(pass, range, pass->kernels->rows_dx);
}

static bool
lies_as(const struct sbn_view *view, const struct sbn_view *x)
{
	return view->data == NULL || (view->order == SBN_BLOCKS && view->width == x->width);
}

/*
 * Of what is summed next, in the same image's blocks. What falls out of this cache meanwhile is
 * still in the one behind it, if it is not too much: that pays where the CPUs are near to that one.
 */
static struct fetching
fetching_of(const struct sbn_pass *pass, const struct sbn_range *next,
	    const struct sbn_range *range)
{
	const struct sbn_view *x = &pass->x;
	const size_t bytes = pass->geometry.element_bytes;
	const size_t image = image_bytes(pass, next);

	if (image == 0 || x->order != SBN_BLOCKS || !lies_as(&pass->z, x) || !lies_as(&pass->dy, x))
		return (struct fetching){ 0 };
	return (struct fetching){ pass->fetch_lines ? 0 : FETCHED * sbn_cache_find().bytes / image,
				  (next->begin / x->width - range->begin / x->width) * x->block *
					  bytes };
}

/*
 * Whether a chunk's tiles are written beside the next one's sums: memory always has to write and to
 * read, whichever way ranks go. A residual would be one more to ask for. Of large chunks what was
 * summed last is written first, while it is in the caches. Backward of 16-bit types computes more
 * than memory waits for.
 */
static bool
goes_beside(const struct sbn_pass *pass, const struct sbn_range *range)
{
	const bool waits = pass->sum == sbn_tiles_sum_moments ||
			   (pass->sum == sbn_tiles_sum_gradients &&
			    pass->geometry.element_bytes >= sizeof(float));

	/* the rows of one kernel are alike: of two positions, or of one */
	const bool alike = sbn_pass_joins_sums(pass) == sbn_pass_joins_all(pass);

	return waits && alike && pass->stream && !pass->fetch_lines && pass->z.data == NULL &&
	       !sbn_tile_is_copied(pass) && is_fetched(pass, range);
}

/*
 * So many images, the first ones, are written when the next chunk's sums are out: meanwhile those
 * of peers come whose chunk has taken longer. The cache holds as much of a third chunk instead,
 * which costs more than it gains where chunks are large, of several inputs sooner. None where tiles
 * are written beside sums, or where nobody is waited for.
 */
static size_t
images_of_rest(const struct sbn_pass *pass, const struct sbn_range *range)
{
	const size_t n = pass->geometry.n;

	if (!pass->exchange || pass->bn->group->size == 1 || sbn_tile_is_copied(pass) ||
	    goes_beside(pass, range))
		return 0;
	if (sbn_pass_inputs(pass) == 1)
		return is_fetched(pass, range) ? n / 2 : 0;
	return chunk_bytes(pass, range) <= sbn_cache_find().bytes / 4 ? n / 4 : 0;
}

static void
sum_and_apply(const struct sbn_pass *pass, const struct sbn_range *next, const struct sbn_sums *out,
	      const struct sbn_range *range, sbn_map_kernel *run)
{
	const struct images images = { images_of_rest(pass, range), pass->geometry.n };

	apply(pass, range, run, &images, fetching_of(pass, next, range));
	pass->sum(pass, next, out);
}

void
sbn_tiles_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
			    const struct sbn_sums *out, const struct sbn_range *range)
{
	if (goes_beside(pass, range))
		sbn_tiles_map_beside(pass, next, out, range);
	else
		sum_and_apply(pass, next, out, range, pass->kernels->rows_normalize);
}

void
sbn_tiles_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		     const struct sbn_sums *out, const struct sbn_range *range)
{
	if (goes_beside(pass, range))
		sbn_tiles_map_beside(pass, next, out, range);
	else
		sum_and_apply(pass, next, out, range, pass->kernels->rows_dx);
}

static void
apply_rest(const struct sbn_pass *pass, const struct sbn_range *range,
	   const struct sbn_range *beyond, sbn_map_kernel *run)
{
	const struct images images = { 0, images_of_rest(pass, range) };

	if (images.end != 0)
		apply(pass, range, run, &images,
		      beyond == NULL ? (struct fetching){ 0 } : fetching_of(pass, beyond, range));
}

void
sbn_tiles_normalize_rest(const struct sbn_pass *pass, const struct sbn_range *range,
			 const struct sbn_range *beyond)
{
	apply_rest(pass, range, beyond, pass->kernels->rows_normalize);
}

void
sbn_tiles_dx_rest(const struct sbn_pass *pass, const struct sbn_range *range,
		  const struct sbn_range *beyond)
{
	apply_rest(pass, range, beyond, pass->kernels->rows_dx);
}
