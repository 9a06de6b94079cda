/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/tile.h"

#include "base/math.h"
#include "nn/joined_rows.h"
#include "nn/transpose.h"

static size_t
narrower(size_t width, const struct sbn_view *view)
{
	return view->data != NULL && view->order == SBN_BLOCKS ? SBN_MIN(width, view->width) :
								 width;
}

size_t
sbn_tile_width(const struct sbn_pass *pass)
{
	size_t width = narrower(SBN_LANES, &pass->x);

	width = narrower(narrower(width, &pass->z), &pass->dy);
	return narrower(narrower(width, &pass->out), &pass->dz);
}

void
sbn_tile_begin(const struct sbn_pass *pass, const struct sbn_range *range, size_t c,
	       struct sbn_tile *tile)
{
	size_t width = sbn_tile_width(pass);

	*tile = (struct sbn_tile){ .c = SBN_MAX(c, (size_t)range->begin) };
	if (sbn_tile_can_be_twins(pass, range, tile->c))
		width = SBN_LANES;
	tile->n_channels = SBN_MIN((tile->c / width + 1) * width, (size_t)range->end) - tile->c;
}

bool
sbn_tile_next(const struct sbn_pass *pass, struct sbn_tile *tile, size_t most)
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

bool
sbn_tile_previous(const struct sbn_pass *pass, struct sbn_tile *tile, size_t first, size_t most)
{
	const size_t spatial = pass->geometry.spatial;

	if (tile->image <= first)
		return false;
	tile->n_images = SBN_MIN(SBN_MAX(most / spatial, (size_t)1), tile->image - first);
	tile->image -= tile->n_images;
	tile->n_positions = spatial;
	return true;
}

/* In the tile's image i. */
static unsigned char *
address(const struct sbn_pass *pass, const struct sbn_view *view, const struct sbn_tile *tile,
	size_t i)
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
copy_at(const struct sbn_pass *pass, const struct sbn_tile *tile, double *copy, size_t i)
{
	return (unsigned char *)copy +
	       i * tile->n_positions * SBN_LANES * pass->geometry.element_bytes;
}

static struct sbn_in
take_in(const struct sbn_pass *pass, const struct sbn_view *view, const struct sbn_tile *tile,
	double *copy)
{
	if (!is_copied(view))
		return (struct sbn_in){ address(pass, view, tile, 0), view->position };
	for (size_t i = 0; i < tile->n_images; i++)
		sbn_transpose_in(address(pass, view, tile, i), pass->geometry.spatial,
				 copy_at(pass, tile, copy, i), SBN_LANES, tile->n_channels,
				 tile->n_positions, pass->geometry.element_bytes);
	return (struct sbn_in){ copy, SBN_LANES };
}

static struct sbn_out
place_out(const struct sbn_pass *pass, const struct sbn_view *view, const struct sbn_tile *tile,
	  double *copy)
{
	if (!is_copied(view))
		return (struct sbn_out){ address(pass, view, tile, 0), view->position };
	return (struct sbn_out){ copy, SBN_LANES };
}

/* Puts a copied tile where it belongs; the padding of a last block becomes zeros. */
static void
finish_out(const struct sbn_pass *pass, const struct sbn_view *view, const struct sbn_tile *tile,
	   double *copy)
{
	const size_t end = tile->c + tile->n_channels, bytes = pass->geometry.element_bytes;
	const bool is_padded = view->data != NULL && view->order == SBN_BLOCKS &&
			       end == pass->geometry.channels && end % view->width != 0;

	for (size_t i = 0; is_copied(view) && i < tile->n_images; i++)
		sbn_transpose_out(copy_at(pass, tile, copy, i), SBN_LANES,
				  address(pass, view, tile, i), pass->geometry.spatial,
				  tile->n_channels, tile->n_positions, bytes);
	for (size_t i = 0; is_padded && i < tile->n_images; i++)
		sbn_zero_columns(address(pass, view, tile, i) + tile->n_channels * bytes,
				 view->position * bytes, (view->width - end % view->width) * bytes,
				 tile->n_positions);
}

static size_t
image_of(const struct sbn_view *view, const struct sbn_tile *tile)
{
	return is_copied(view) ? tile->n_positions * SBN_LANES : view->image;
}

static struct sbn_images
more_images(const struct sbn_pass *pass, const struct sbn_tile *tile)
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

struct sbn_operands
sbn_tile_take_x(const struct sbn_pass *pass, const struct sbn_tile *tile)
{
	return (struct sbn_operands){
		.x = take_in(pass, &pass->x, tile, NULL),
		.more = more_images(pass, tile),
	};
}

struct sbn_operands
sbn_tile_take(const struct sbn_pass *pass, const struct sbn_tile *tile,
	      struct sbn_tile_copies *copies)
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

void
sbn_tile_give(const struct sbn_pass *pass, const struct sbn_tile *tile,
	      struct sbn_tile_copies *copies)
{
	finish_out(pass, &pass->out, tile, copies->out);
	finish_out(pass, &pass->dz, tile, copies->dz);
}

bool
sbn_tile_inputs_are_copied(const struct sbn_pass *pass)
{
	return is_copied(&pass->x) || is_copied(&pass->z) || is_copied(&pass->dy);
}

bool
sbn_tile_is_copied(const struct sbn_pass *pass)
{
	return sbn_tile_inputs_are_copied(pass) || is_copied(&pass->out) || is_copied(&pass->dz);
}
