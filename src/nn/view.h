/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors as the walks over their elements see them. The tensors have passed sbn_tensor_check(). */
#ifndef SBN_NN_VIEW_H
#define SBN_NN_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <syncbn/tensor.h>

#include "kernels/kernels.h"

/* What all tensors of a pass have in common. */
struct sbn_geometry {
	size_t n; /* images; 0: no elements */
	size_t channels;
	size_t spatial; /* positions of an image */
	enum sbn_type type;
	size_t element_bytes;
};

/* How channels and positions lie. */
enum sbn_order {
	SBN_PLANES, /* a channel's positions side by side */
	SBN_ROWS,   /* a position's channels side by side */
	SBN_BLOCKS  /* a position's channels side by side, a block of them */
};

/*
 * Where an element lies, counted in elements from data:
 *	PLANES	n * image + c * spatial + s
 *	ROWS	n * image + s * position + c
 *	BLOCKS	n * image + c / width * block + s * position + c % width
 */
struct sbn_view {
	unsigned char *data; /* NULL: there is no such operand, or it has no elements */
	enum sbn_order order;
	size_t image, position;
	size_t block, width; /* BLOCKS */
};

/*
 * One position an image makes the images the positions of one image, so that (N, C) and
 * (N, C, 1, 1) are rows in every layout but the blocked ones. One channel is a plane in all of
 * those: vectors would hold one element of a row.
 */
struct sbn_geometry sbn_geometry_of(const syncbn_tensor_t *tensor);

/* The view of one of the pass's tensors; tensor NULL: none. */
struct sbn_view sbn_view_of(const syncbn_tensor_t *tensor);

/* Elements of the tensor. */
size_t sbn_geometry_elements(const struct sbn_geometry *geometry);

/* The element of channel c at position s of image n. */
static inline unsigned char *
sbn_view_at(const struct sbn_view *view, const struct sbn_geometry *geometry, size_t c, size_t n,
	    size_t s)
{
	size_t at = n * view->image;

	if (view->data == NULL)
		return NULL;
	if (view->order == SBN_PLANES)
		at += c * geometry->spatial + s;
	else if (view->order == SBN_ROWS)
		at += s * view->position + c;
	else
		at += c / view->width * view->block + s * view->position + c % view->width;
	return view->data + at * geometry->element_bytes;
}

#endif
