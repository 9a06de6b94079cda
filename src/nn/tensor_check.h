/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's tensors against the rules. Each error names the tensor by `what`. */
#ifndef SBN_NN_TENSOR_CHECK_H
#define SBN_NN_TENSOR_CHECK_H

#include <stdbool.h>

#include <syncbn/batch_norm_config.h>
#include <syncbn/status.h>
#include <syncbn/tensor.h>

/* Shape, dtype, layout and memory of a tensor that a layer is given. */
syncbn_status_t sbn_tensor_check(const char *what, const syncbn_tensor_t *tensor,
				 const syncbn_batch_norm_config_t *config);

/* The rules of dtype, ndim and sizes alone. */
syncbn_status_t sbn_tensor_check_shape(const char *what, const syncbn_tensor_t *tensor);

/* INVALID unless b has the dtype and shape of a. */
syncbn_status_t sbn_tensor_check_like(const char *what_a, const syncbn_tensor_t *a,
				      const char *what_b, const syncbn_tensor_t *b);

/* Whether it has no elements: an empty batch, or no extent. */
bool sbn_tensor_is_empty(const syncbn_tensor_t *tensor);

/* How two checked tensors of one shape share memory. */
enum sbn_sharing {
	SBN_APART,
	SBN_SAME, /* the same elements at the same places */
	SBN_OVERLAP
};

enum sbn_sharing sbn_tensor_sharing(const syncbn_tensor_t *a, const syncbn_tensor_t *b);

#endif
