/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors of every type and layout between guards. Their values are doubles in the order N, C,
 * spatial; what is not a value, padding included, is all ones: a NaN in every type. No cmocka, so
 * that forked ranks can use it.
 */
#ifndef SBN_TESTS_UNIT_OPERANDS_H
#define SBN_TESTS_UNIT_OPERANDS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unit/elements.h"

enum { OPERAND_GUARD = 64, OPERAND_GUARD_BYTE = 0xa5, N_LAYOUTS = 4 };

static const syncbn_layout_t sbn_all_layouts[N_LAYOUTS] = {
	SYNCBN_CHANNELS_FIRST,
	SYNCBN_CHANNELS_LAST,
	SYNCBN_BLOCKED_8,
	SYNCBN_BLOCKED_16,
};

struct operand {
	unsigned char *memory; /* guard, elements, guard */
	size_t lead;           /* bytes of a guard */
	size_t bytes;          /* of the elements and their padding */
	size_t n, channels, spatial;
	syncbn_tensor_t tensor;
};

/* Channels that have room, those of padding included. */
static inline size_t
operand_room(syncbn_layout_t layout, size_t channels)
{
	size_t width = layout == SYNCBN_BLOCKED_8 ? 8 : layout == SYNCBN_BLOCKED_16 ? 16 : 1;

	return (channels + width - 1) / width * width;
}

static inline size_t
operand_at(const struct operand *o, size_t n, size_t c, size_t s)
{
	size_t width = o->tensor.layout == SYNCBN_BLOCKED_8 ? 8 : 16;

	if (o->tensor.layout == SYNCBN_CHANNELS_FIRST)
		return (n * o->channels + c) * o->spatial + s;
	if (o->tensor.layout == SYNCBN_CHANNELS_LAST)
		return (n * o->spatial + s) * o->channels + c;
	return ((n * (operand_room(o->tensor.layout, o->channels) / width) + c / width) *
			o->spatial +
		s) * width +
	       c % width;
}

/* Of those that are made from now on: only then may they go past the caches. */
static bool operands_begin_at_lines;

/* With the dtype, ndim and shape of `like`. */
static inline struct operand
operand_new(const syncbn_tensor_t *like, syncbn_layout_t layout)
{
	struct operand o = { .tensor = *like, .spatial = 1 };

	o.tensor.layout = layout;
	o.n = (size_t)like->shape[0];
	o.channels = (size_t)like->shape[1];
	for (int i = 2; i < like->ndim; i++)
		o.spatial *= (size_t)like->shape[i];
	o.bytes = o.n * operand_room(layout, o.channels) * o.spatial * sbn_dtype_bytes(like->dtype);
	/* behind the guard by one element, so that nothing is aligned to more than its elements */
	o.lead = OPERAND_GUARD + (operands_begin_at_lines ? 0 : sbn_dtype_bytes(like->dtype));
	if (posix_memalign((void **)&o.memory, OPERAND_GUARD, 2 * o.lead + o.bytes) != 0)
		abort();
	memset(o.memory, OPERAND_GUARD_BYTE, 2 * o.lead + o.bytes);
	o.tensor.data = o.memory + o.lead;
	memset(o.tensor.data, 0xff, o.bytes);
	return o;
}

static inline void
operand_free(struct operand *o)
{
	free(o->memory);
	o->memory = NULL;
}

/* Whether nothing around the elements was written. */
static inline bool
operand_is_sound(const struct operand *o)
{
	for (size_t i = 0; i < o->lead; i++)
		if (o->memory[i] != OPERAND_GUARD_BYTE ||
		    o->memory[o->lead + o->bytes + i] != OPERAND_GUARD_BYTE)
			return false;
	return true;
}

static inline void
operand_put(const struct operand *o, const double *values)
{
	for (size_t n = 0; n < o->n; n++)
		for (size_t c = 0; c < o->channels; c++)
			for (size_t s = 0; s < o->spatial; s++)
				sbn_element_set(o->tensor.dtype, o->tensor.data,
						operand_at(o, n, c, s),
						values[(n * o->channels + c) * o->spatial + s]);
}

static inline void
operand_get(const struct operand *o, double *values)
{
	for (size_t n = 0; n < o->n; n++)
		for (size_t c = 0; c < o->channels; c++)
			for (size_t s = 0; s < o->spatial; s++)
				values[(n * o->channels + c) * o->spatial + s] =
					sbn_element_get(o->tensor.dtype, o->tensor.data,
							operand_at(o, n, c, s));
}

/* Whether all padding is +0, as that of a written tensor must be. */
static inline bool
operand_padding_is_zero(const struct operand *o)
{
	size_t bytes = sbn_dtype_bytes(o->tensor.dtype);
	static const unsigned char zeros[8];

	for (size_t n = 0; n < o->n; n++)
		for (size_t c = o->channels; c < operand_room(o->tensor.layout, o->channels); c++)
			for (size_t s = 0; s < o->spatial; s++)
				if (memcmp((unsigned char *)o->tensor.data +
						   operand_at(o, n, c, s) * bytes,
					   zeros, bytes) != 0)
					return false;
	return true;
}

#endif
