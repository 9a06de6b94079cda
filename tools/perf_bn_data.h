/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tensors that batch norms are measured on: numbers that every process can tell for the whole
 * batch, whatever part of it is its own. Shared with the peers; of the library only the public
 * names of types and layouts are used.
 */
#ifndef SYNCBN_PERF_BN_DATA_H
#define SYNCBN_PERF_BN_DATA_H

#include <stddef.h>

#include <syncbn/tensor.h>

enum perf_bn_act { PERF_BN_NONE, PERF_BN_RELU, PERF_BN_LEAKY_RELU, PERF_BN_ADD_RELU, PERF_BN_ACTS };

enum perf_bn_operand { PERF_BN_X, PERF_BN_DY, PERF_BN_Z };

#define PERF_BN_EPS 1e-5
#define PERF_BN_SLOPE 0.01

/* What the numbers are like; each channel has a mean and a spread of its own. */
enum perf_bn_numbers {
	PERF_BN_USUAL,     /* means up to 1, spreads of 0.5 to 1.5 */
	PERF_BN_FAR,       /* mean 1e4, spread 1 */
	PERF_BN_FAR_TIGHT, /* mean 1e3 to 8e3, spread 0.1 */
	PERF_BN_CONSTANT,  /* one number a channel */
	PERF_BN_TINY,      /* mean 0, spread 1e-6 */
	PERF_BN_LARGE,     /* mean 1e15, spread 1e15 */
	PERF_BN_OUTLIER,   /* usual, but one number of 1e4 a channel, its first */
	PERF_BN_KINDS
};

extern const char *const perf_bn_numbers_names[PERF_BN_KINDS];

/* A whole batch; n * channels * spatial elements without the layout's padding. */
struct perf_bn_batch {
	size_t n, channels, spatial;
	syncbn_dtype_t dtype;
	syncbn_layout_t layout;
	enum perf_bn_act act;
	enum perf_bn_numbers numbers;
};

size_t perf_bn_dtype_bytes(syncbn_dtype_t dtype);

/* Elements of an image with padding. */
size_t perf_bn_image(const struct perf_bn_batch *batch);

/* Where channel c at position s of image n lies; n counts from the part's first image. */
size_t perf_bn_index(const struct perf_bn_batch *batch, size_t n, size_t c, size_t s);

/* A number of the whole batch as its dtype holds it. */
double perf_bn_number(const struct perf_bn_batch *batch, enum perf_bn_operand operand, size_t n,
		      size_t c, size_t s);

double perf_bn_gamma(size_t c);
double perf_bn_beta(size_t c);

/* Writes images first .. first + count; zeros in the padding. */
void perf_bn_fill(const struct perf_bn_batch *batch, enum perf_bn_operand operand, size_t first,
		  size_t count, void *memory);

/* Element i of memory, exactly. */
double perf_bn_element(syncbn_dtype_t dtype, const void *memory, size_t i);
void perf_bn_set_element(syncbn_dtype_t dtype, void *memory, size_t i, double value);

/* value as the dtype holds it: rounded to nearest, ties to even. */
double perf_bn_round(syncbn_dtype_t dtype, double value);

#endif
