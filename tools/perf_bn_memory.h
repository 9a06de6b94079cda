/* SPDX-License-Identifier: Apache-2.0 */
/* A rank's tensors of one shape, in many buffers where they shall come from memory. */
#ifndef SYNCBN_PERF_BN_MEMORY_H
#define SYNCBN_PERF_BN_MEMORY_H

#include <stdbool.h>

#include <syncbn/group.h>
#include <syncbn/status.h>

#include "perf_bn_floor.h"
#include "perf_bn_options.h"

enum perf_bn_tensor {
	PERF_BN_TX,
	PERF_BN_TZ,
	PERF_BN_TY,
	PERF_BN_TDY,
	PERF_BN_TDX,
	PERF_BN_TDZ,
	PERF_BN_TENSORS
};

struct perf_bn_memory {
	const struct perf_bn_shape *shape; /* of the whole batch */
	enum perf_bn_op op;
	struct perf_bn_batch batch;             /* the whole */
	size_t first, count;                    /* this rank's images */
	size_t bytes;                           /* of one tensor of this rank */
	size_t stride;                          /* from buffer to buffer */
	size_t n_inputs, n_outputs;             /* buffers that calls rotate over */
	size_t n_hot;                           /* inputs, those that a hot call does */
	size_t n_settling;                      /* calls that read as much as the last cache has */
	bool fits;                              /* all ranks' inputs fit in the last cache */
	unsigned char *tensor[PERF_BN_TENSORS]; /* [buffers * stride]; NULL: not used */
};

/* The buffers of one call. */
struct perf_bn_turn {
	size_t in, out;
	size_t n_in; /* what `in` rotates over */
};

bool perf_bn_has_forward(enum perf_bn_op op);
bool perf_bn_has_backward(enum perf_bn_op op);

/*
 * Made and filled, in memory that the next one takes over; one at a time. Collective: NO_MEMORY
 * on all ranks where the machine has less than all need.
 */
syncbn_status_t perf_bn_memory_new(const struct perf_bn_options *options,
				   struct syncbn_group *group, const struct perf_bn_shape *shape,
				   struct perf_bn_memory *memory);

/* The inputs' buffers that calls in such a place rotate over. */
size_t perf_bn_inputs(const struct perf_bn_memory *memory, enum perf_bn_place place);

/* After the last one. */
void perf_bn_memory_free_pool(void);

/* A turn's buffer as the library takes it. */
syncbn_tensor_t perf_bn_tensor(const struct perf_bn_memory *memory, enum perf_bn_tensor tensor,
			       struct perf_bn_turn turn);

/* What a pass reads and writes. */
struct perf_bn_streams perf_bn_forward_streams(const struct perf_bn_memory *memory,
					       struct perf_bn_turn turn);
struct perf_bn_streams perf_bn_backward_streams(const struct perf_bn_memory *memory,
						struct perf_bn_turn turn);

#endif
