/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tiles.h"

#include "base/math.h"
#include "nn/cache.h"
#include "nn/columns.h"
#include "nn/transpose.h"

enum {
	WIDTH = SBN_LANES,
	COPIED = 64,      /* positions of a tile that is copied; copies stay in the cache */
	AHEAD = 4096,     /* bytes, from what is read to what is asked for */
	AHEAD_SUMS = 512, /* of large chunks of several inputs, as they are summed, */
	AHEAD_MAP = 1024, /* and as they are mapped */
	LONG_RUN = 32 * 1024, /* bytes of a block's positions that lie together */
	FETCHED = 4       /* caches of the second level; more is not fetched before it is summed */
};

/* Several images only as a whole. */
struct tile {
	size_t c, n_channels;
	size_t image, n_images;
	size_t s, n_positions;
};

/* The copies of one tile's operands; a double is the widest element. */
struct copies {
	double x[COPIED * WIDTH], z[COPIED * WIDTH], dy[COPIED * WIDTH];
	double out[COPIED * WIDTH], dz[COPIED * WIDTH];
};

static size_t
narrower(size_t width, const struct sbn_view *view)
{
	return view->data != NULL && view->order == SBN_BLOCKS ? SBN_MIN(width, view->width) :
								 width;
}

/* Tiles lie within one block of every operand. */
static size_t
width_of(const struct sbn_pass *pass)
{
	size_t width = narrower(WIDTH, &pass->x);

	width = narrower(narrower(width, &pass->z), &pass->dy);
	return narrower(narrower(width, &pass->out), &pass->dz);
}

static void
first_tile(const struct sbn_pass *pass, const struct sbn_range *range, size_t c, struct tile *tile)
{
	size_t width = width_of(pass);

	*tile = (struct tile){ .c = SBN_MAX(c, (size_t)range->begin) };
	tile->n_channels = SBN_MIN((tile->c / width + 1) * width, (size_t)range->end) - tile->c;
}

/* The next at most `most` positions, of several images if they fit; begins with n_images 0. */
static bool
next_positions(const struct sbn_pass *pass, struct tile *tile, size_t most)
{
	const size_t spatial = pass->geometry.spatial;

	tile->s += tile->n_positions;
	if (tile->s == spatial || tile->n_images == 0) {
		tile->s = 0;
		tile->image += tile->n_images;
	}
	if (tile->image >= pass->geometry.n)
		return false;
	tile->n_images = SBN_MAX(most / spatial, (size_t)1);
	tile->n_images = SBN_MIN(tile->n_images, pass->geometry.n - tile->image);
	tile->n_positions = SBN_MIN(spatial - tile->s, most);
	return true;
}

/* The images before, at most so many positions or one; begins with image behind the last one. */
static bool
previous_images(const struct sbn_pass *pass, struct tile *tile, size_t most)
{
	const size_t spatial = pass->geometry.spatial;

	if (tile->image == 0)
		return false;
	tile->n_images = SBN_MIN(SBN_MAX(most / spatial, (size_t)1), tile->image);
	tile->image -= tile->n_images;
	tile->n_positions = spatial;
	return true;
}

/* In the tile's image i. */
static unsigned char *
address(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile, size_t i)
{
	return sbn_view_at(view, &pass->geometry, tile->c, tile->image + i, tile->s);
}

static bool
is_copied(const struct sbn_view *view)
{
	return view->data != NULL && view->order == SBN_PLANES;
}

/* Image i's part of a tile's copy. */
static void *
copy_at(const struct sbn_pass *pass, const struct tile *tile, double *copy, size_t i)
{
	return (unsigned char *)copy + i * tile->n_positions * WIDTH * pass->geometry.element_bytes;
}

static struct sbn_in
take_in(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile,
	double *copy)
{
	if (!is_copied(view))
		return (struct sbn_in){ address(pass, view, tile, 0), view->position };
	for (size_t i = 0; i < tile->n_images; i++)
		sbn_transpose_in(address(pass, view, tile, i), pass->geometry.spatial,
				 copy_at(pass, tile, copy, i), WIDTH, tile->n_channels,
				 tile->n_positions, pass->geometry.element_bytes);
	return (struct sbn_in){ copy, WIDTH };
}

static struct sbn_out
place_out(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile,
	  double *copy)
{
	if (!is_copied(view))
		return (struct sbn_out){ address(pass, view, tile, 0), view->position };
	return (struct sbn_out){ copy, WIDTH };
}

/* Puts a copied tile where it belongs; the padding of a last block becomes zeros. */
static void
finish_out(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile,
	   double *copy)
{
	const size_t end = tile->c + tile->n_channels, bytes = pass->geometry.element_bytes;
	const bool is_padded = view->data != NULL && view->order == SBN_BLOCKS &&
			       end == pass->geometry.channels && end % view->width != 0;

	for (size_t i = 0; is_copied(view) && i < tile->n_images; i++)
		sbn_transpose_out(copy_at(pass, tile, copy, i), WIDTH, address(pass, view, tile, i),
				  pass->geometry.spatial, tile->n_channels, tile->n_positions,
				  bytes);
	for (size_t i = 0; is_padded && i < tile->n_images; i++)
		sbn_zero_columns(address(pass, view, tile, i) + tile->n_channels * bytes,
				 view->position * bytes, (view->width - end % view->width) * bytes,
				 tile->n_positions);
}

static size_t
image_of(const struct sbn_view *view, const struct tile *tile)
{
	return is_copied(view) ? tile->n_positions * WIDTH : view->image;
}

static struct sbn_images
more_images(const struct sbn_pass *pass, const struct tile *tile)
{
	return (struct sbn_images){
		.n = tile->n_images - 1,
		.x = image_of(&pass->x, tile),
		.z = image_of(&pass->z, tile),
		.dy = image_of(&pass->dy, tile),
		.out = image_of(&pass->out, tile),
		.dz = image_of(&pass->dz, tile),
	};
}

static struct sbn_operands
take_operands(const struct sbn_pass *pass, const struct tile *tile, struct copies *copies)
{
	return (struct sbn_operands){
		.x = take_in(pass, &pass->x, tile, copies->x),
		.z = take_in(pass, &pass->z, tile, copies->z),
		.dy = take_in(pass, &pass->dy, tile, copies->dy),
		.out = place_out(pass, &pass->out, tile, copies->out),
		.dz = place_out(pass, &pass->dz, tile, copies->dz),
		.more = more_images(pass, tile),
		.stream = pass->stream && !is_copied(&pass->out) && !is_copied(&pass->dz),
	};
}

static bool
inputs_are_copied(const struct sbn_pass *pass)
{
	return is_copied(&pass->x) || is_copied(&pass->z) || is_copied(&pass->dy);
}

static size_t
inputs_of(const struct sbn_pass *pass)
{
	return 1 + (pass->z.data != NULL) + (pass->dy.data != NULL);
}

/* Of an image's part that has these channels; of all inputs. */
static size_t
image_bytes(const struct sbn_pass *pass, const struct sbn_range *range)
{
	return inputs_of(pass) * (range->end - range->begin) * pass->geometry.spatial *
	       pass->geometry.element_bytes;
}

/*
 * How far ahead is asked for what is read. The inputs of a large chunk come from memory, in runs
 * long enough for a CPU's own prefetcher: there it is only told to go on, and what is asked for
 * beyond would take its place. It follows several inputs worse than one, which is left alone.
 */
static size_t
ahead_of(const struct sbn_pass *pass, const struct sbn_range *range, size_t of_large)
{
	const size_t run = pass->geometry.spatial * width_of(pass) * pass->geometry.element_bytes;
	const size_t bytes = image_bytes(pass, range) * pass->geometry.n;

	if (inputs_of(pass) < 2 || run < LONG_RUN)
		return AHEAD;
	return bytes > FETCHED * sbn_cache_find().bytes ? of_large : AHEAD;
}

void
sbn_tiles_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		      const struct sbn_sums *out)
{
	struct tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		struct sbn_columns sums = { 0 };

		first_tile(pass, range, c, &tile);
		while (next_positions(pass, &tile, SBN_BLOCK_POSITIONS)) {
			const struct sbn_operands at = {
				.x = take_in(pass, &pass->x, &tile, NULL),
				.more = more_images(pass, &tile),
				.ahead = AHEAD,
			};
			double mean[WIDTH], m2[WIDTH], low[WIDTH] = { 0 };

			pass->kernels->rows_moments(&at, tile.n_positions, tile.n_channels, mean,
						    m2, low);
			sbn_columns_add(&sums, (double)(tile.n_images * tile.n_positions), mean, m2,
					low, tile.n_channels, pass->bn->wide);
		}
		for (size_t i = 0; i < tile.n_channels; i++) {
			const struct sbn_moments sum = sbn_columns_get(&sums, i);

			sbn_sums_put(out, (uint32_t)(c - range->begin + i), &sum);
		}
	}
}

void
sbn_tiles_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
			const struct sbn_sums *out)
{
	const size_t most = inputs_are_copied(pass) ? COPIED : SBN_BLOCK_POSITIONS;
	const size_t ahead = ahead_of(pass, range, AHEAD_SUMS);
	struct copies copies;
	struct tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		double sum[2][WIDTH] = { { 0 } }, part[2][WIDTH];

		first_tile(pass, range, c, &tile);
		while (next_positions(pass, &tile, most)) {
			struct sbn_operands at = take_operands(pass, &tile, &copies);

			at.ahead = ahead;
			pass->kernels->rows_sums(&at, tile.n_positions, tile.n_channels, &pass->k,
						 tile.c, part[0], part[1]);
			for (size_t i = 0; i < tile.n_channels; i++) {
				sum[0][i] += part[0][i];
				sum[1][i] += part[1][i];
			}
		}
		for (size_t i = 0; i < tile.n_channels; i++)
			out->pair[c - range->begin + i] =
				sbn_pair_of_sums(pass, (uint32_t)(c + i), sum[0][i], sum[1][i]);
	}
}

typedef void kernel(const struct sbn_operands *at, size_t n_rows, size_t n_channels,
		    const struct sbn_coefficients *k, size_t c);

/* What is asked for while tiles of the first images are written: so many bytes ahead. */
struct fetching {
	size_t n_images, ahead;
};

static void
map_tile(const struct sbn_pass *pass, const struct tile *tile, kernel *run, size_t ahead)
{
	struct copies copies;
	struct sbn_operands at = take_operands(pass, tile, &copies);

	at.ahead = ahead;
	run(&at, tile->n_positions, tile->n_channels, &pass->k, tile->c);
	finish_out(pass, &pass->out, tile, copies.out);
	finish_out(pass, &pass->dz, tile, copies.dz);
}

/*
 * The last images first: they have been summed last, and are in the caches if anything is; and what
 * is fetched beside the first ones is summed at once.
 */
static void
apply(const struct sbn_pass *pass, const struct sbn_range *range, kernel *run,
      struct fetching fetching)
{
	/* copies are small, and nothing is in the cache because of its image */
	const bool is_copy =
		inputs_are_copied(pass) || is_copied(&pass->out) || is_copied(&pass->dz);
	const size_t ahead = ahead_of(pass, range, AHEAD_MAP);
	struct tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		first_tile(pass, range, c, &tile);
		if (!is_copy)
			tile.image = pass->geometry.n;
		while (is_copy ? next_positions(pass, &tile, COPIED) :
				 previous_images(pass, &tile, SBN_BLOCK_POSITIONS))
			map_tile(pass, &tile, run,
				 tile.image < fetching.n_images ? fetching.ahead : ahead);
	}
}

void
sbn_tiles_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	apply(pass, range, pass->kernels->rows_normalize, (struct fetching){ 0 });
}

void
sbn_tiles_dx(const struct sbn_pass *pass, const struct sbn_range *range)
{
	apply(pass, range, pass->kernels->rows_dx, (struct fetching){ 0 });
}

static bool
lies_as(const struct sbn_view *view, const struct sbn_view *x)
{
	return view->data == NULL || (view->order == SBN_BLOCKS && view->width == x->width);
}

/*
 * Of what is summed next, in the same image's blocks. What falls out of this cache meanwhile is
 * still in the one behind it, if it is not too much.
 */
static struct fetching
fetching_of(const struct sbn_pass *pass, const struct sbn_range *next,
	    const struct sbn_range *range)
{
	const struct sbn_view *x = &pass->x;
	const size_t bytes = pass->geometry.element_bytes;
	const size_t image = image_bytes(pass, next);

	if (image == 0 || !lies_as(x, x) || !lies_as(&pass->z, x) || !lies_as(&pass->dy, x))
		return (struct fetching){ 0 };
	return (struct fetching){ FETCHED * sbn_cache_find().bytes / image,
				  (next->begin / x->width - range->begin / x->width) * x->block *
					  bytes };
}

void
sbn_tiles_sum_and_normalize(const struct sbn_pass *pass, const struct sbn_range *next,
			    const struct sbn_sums *out, const struct sbn_range *range)
{
	apply(pass, range, pass->kernels->rows_normalize, fetching_of(pass, next, range));
	pass->sum(pass, next, out);
}

void
sbn_tiles_sum_and_dx(const struct sbn_pass *pass, const struct sbn_range *next,
		     const struct sbn_sums *out, const struct sbn_range *range)
{
	apply(pass, range, pass->kernels->rows_dx, fetching_of(pass, next, range));
	pass->sum(pass, next, out);
}
