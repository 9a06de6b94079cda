/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor as the kernels see it. */
#ifndef SBN_NN_GEOMETRY_H
#define SBN_NN_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>

#include <syncbn/status.h>
#include <syncbn/tensor.h>

struct sbn_geometry {
	size_t n; /* images, or rows of the row-shaped layouts */
	size_t channels;
	size_t spatial; /* elements of a plane's row; 1 for rows */
	bool rows;      /* channels lie side by side: (N, C), channels last, spatial size 1 */
};

/* The tensor must have passed sbn_tensor_check(). */
struct sbn_geometry sbn_geometry_of(const syncbn_tensor_t *tensor);

/* Elements of the tensor. */
size_t sbn_geometry_elements(const struct sbn_geometry *geometry);

/* Shape, dtype and layout against the layer's rules; `what` names the tensor in the error. */
syncbn_status_t sbn_tensor_check(const char *what, const syncbn_tensor_t *tensor, int64_t channels,
				 bool only_2d_4d);

/* INVALID unless b is shaped and laid out like a. */
syncbn_status_t sbn_tensor_check_like(const char *what_a, const syncbn_tensor_t *a,
				      const char *what_b, const syncbn_tensor_t *b);

/* Whether it has no elements: an empty batch, or no extent. */
bool sbn_tensor_is_empty(const syncbn_tensor_t *tensor);

/* Whether two tensors of the same size share memory; exactly the same memory is no overlap. */
bool sbn_tensor_overlaps(const syncbn_tensor_t *a, const syncbn_tensor_t *b);

#endif
