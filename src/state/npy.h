/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy format, version 1.0 (2.0 is read too): little-endian, C order. */
#ifndef SBN_STATE_NPY_H
#define SBN_STATE_NPY_H

#include <stdbool.h>
#include <stddef.h>

#include <syncbn/status.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the files' arrays are little-endian");

enum sbn_npy_type {
	SBN_NPY_OTHER, /* a type that is passed over; sbn_npy_parse never gives it */
	SBN_NPY_F16,
	SBN_NPY_F32,
	SBN_NPY_F64,
	SBN_NPY_I64,
	SBN_NPY_U16
};

enum { SBN_NPY_DIMS = 8, SBN_NPY_HEADER_BYTES = 256 };

struct sbn_npy {
	enum sbn_npy_type type;
	int ndim; /* 0: a scalar, of one element */
	size_t shape[SBN_NPY_DIMS];
	const void *data; /* as aligned as the bytes it was found in: maybe not at all */
	size_t bytes;
};

/* Bytes an element; 0 for OTHER. */
size_t sbn_npy_item_bytes(enum sbn_npy_type type);

/* "float32". */
const char *sbn_npy_type_name(enum sbn_npy_type type);

/*
 * Finds the array in the n bytes of a whole .npy file; out->data lies in them. INVALID: anything
 * but one well-formed array of a known type; the detail begins with `what`.
 */
syncbn_status_t sbn_npy_parse(const void *bytes, size_t n, const char *what, struct sbn_npy *out);

/* Writes what stands before the array's data, for version 1.0; returns its length. */
size_t sbn_npy_write_header(const struct sbn_npy *array, char header[SBN_NPY_HEADER_BYTES]);

#endif
