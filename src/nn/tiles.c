/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tiles.h"

#include "base/math.h"
#include "nn/columns.h"
#include "nn/transpose.h"

enum {
	WIDTH = SBN_LANES,
	POSITIONS = 64 /* of a tile whose operands may need copies; those stay in the cache */
};

struct tile {
	size_t c, n_channels;
	size_t image;
	size_t s, n_positions;
};

/* The copies of one tile's operands; a double is the widest element. */
struct copies {
	double x[POSITIONS * WIDTH], z[POSITIONS * WIDTH], dy[POSITIONS * WIDTH];
	double out[POSITIONS * WIDTH], dz[POSITIONS * WIDTH];
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

/* The next stretch of at most `most` positions; begins with n_positions 0. */
static bool
next_positions(const struct sbn_pass *pass, struct tile *tile, size_t most)
{
	tile->s += tile->n_positions;
	if (tile->s == pass->geometry.spatial) {
		tile->s = 0;
		tile->image++;
	}
	if (tile->image >= pass->geometry.n)
		return false;
	tile->n_positions = SBN_MIN(pass->geometry.spatial - tile->s, most);
	return true;
}

static unsigned char *
address(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile)
{
	return sbn_view_at(view, &pass->geometry, tile->c, tile->image, tile->s);
}

static bool
is_copied(const struct sbn_view *view)
{
	return view->data != NULL && view->order == SBN_PLANES;
}

static struct sbn_in
take_in(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile,
	double *copy)
{
	const unsigned char *data = address(pass, view, tile);

	if (data == NULL || view->order != SBN_PLANES)
		return (struct sbn_in){ data, view->position };
	sbn_transpose_in(data, pass->geometry.spatial, copy, WIDTH, tile->n_channels,
			 tile->n_positions, pass->geometry.element_bytes);
	return (struct sbn_in){ copy, WIDTH };
}

static struct sbn_out
place_out(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile,
	  double *copy)
{
	unsigned char *data = address(pass, view, tile);

	if (data == NULL || view->order != SBN_PLANES)
		return (struct sbn_out){ data, view->position };
	return (struct sbn_out){ copy, WIDTH };
}

/* Puts a copied tile where it belongs; the padding of a last block becomes zeros. */
static void
finish_out(const struct sbn_pass *pass, const struct sbn_view *view, const struct tile *tile,
	   const double *copy)
{
	size_t end = tile->c + tile->n_channels, bytes = pass->geometry.element_bytes;
	unsigned char *data = address(pass, view, tile);

	if (data == NULL)
		return;
	if (view->order == SBN_PLANES)
		sbn_transpose_out(copy, WIDTH, data, pass->geometry.spatial, tile->n_channels,
				  tile->n_positions, bytes);
	if (view->order == SBN_BLOCKS && end == pass->geometry.channels && end % view->width != 0)
		sbn_zero_columns(data + tile->n_channels * bytes, view->position * bytes,
				 (view->width - end % view->width) * bytes, tile->n_positions);
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
		.stream = pass->stream && !is_copied(&pass->out) && !is_copied(&pass->dz),
	};
}

void
sbn_tiles_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		      const struct sbn_sums *out)
{
	struct tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		struct sbn_columns sums = { 0 };

		first_tile(pass, range, c, &tile);
		while (next_positions(pass, &tile, SBN_BLOCK_ROWS)) {
			struct sbn_in x = { address(pass, &pass->x, &tile), pass->x.position };
			double mean[WIDTH], m2[WIDTH], low[WIDTH] = { 0 };

			pass->kernels->rows_moments(x, tile.n_positions, tile.n_channels, mean, m2,
						    low);
			sbn_columns_add(&sums, (double)tile.n_positions, mean, m2, low,
					tile.n_channels, pass->bn->wide);
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
	struct copies copies;
	struct tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		double sum[2][WIDTH] = { { 0 } }, part[2][WIDTH];

		first_tile(pass, range, c, &tile);
		while (next_positions(pass, &tile, POSITIONS)) {
			struct sbn_operands at = take_operands(pass, &tile, &copies);

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

static void
apply(const struct sbn_pass *pass, const struct sbn_range *range,
      void (*kernel)(const struct sbn_operands *, size_t, size_t, const struct sbn_coefficients *,
		     size_t))
{
	struct copies copies;
	struct tile tile;

	for (size_t c = range->begin; c < range->end; c += tile.n_channels) {
		first_tile(pass, range, c, &tile);
		while (next_positions(pass, &tile, POSITIONS)) {
			struct sbn_operands at = take_operands(pass, &tile, &copies);

			kernel(&at, tile.n_positions, tile.n_channels, &pass->k, tile.c);
			finish_out(pass, &pass->out, &tile, copies.out);
			finish_out(pass, &pass->dz, &tile, copies.dz);
		}
	}
}

void
sbn_tiles_normalize(const struct sbn_pass *pass, const struct sbn_range *range)
{
	apply(pass, range, pass->kernels->rows_normalize);
}

void
sbn_tiles_dx(const struct sbn_pass *pass, const struct sbn_range *range)
{
	apply(pass, range, pass->kernels->rows_dx);
}
