/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBN_BASE_DTYPE_H
#define SBN_BASE_DTYPE_H

#include <stddef.h>

#include <syncbn/tensor.h>

/* Bytes of an element of a known type. */
static inline size_t
sbn_dtype_bytes(syncbn_dtype_t dtype)
{
	return dtype == SYNCBN_FLOAT64 ? 8 : dtype == SYNCBN_FLOAT32 ? 4 : 2;
}

#endif
