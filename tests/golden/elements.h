/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of every dtype to and from double, and where each layout puts them. */
#ifndef SBN_GOLDEN_ELEMENTS_H
#define SBN_GOLDEN_ELEMENTS_H

#include <stddef.h>

#include <syncbn/tensor.h>

size_t golden_element_bytes(syncbn_dtype_t dtype);

/* memory[i] as double, exactly. */
double golden_element_get(syncbn_dtype_t dtype, const void *memory, size_t i);

/* memory[i] = value, which the dtype can hold (else rounded to nearest, ties to even). */
void golden_element_set(syncbn_dtype_t dtype, void *memory, size_t i, double value);

/* A tensor's shape as the layouts see it. */
struct golden_place {
	syncbn_layout_t layout;
	size_t n, channels, values;
};

/* Elements of the whole tensor, padding too. */
size_t golden_place_elements(const struct golden_place *p);

/* Where element (n, c, i) lies; c may also be a channel of the padding. */
size_t golden_place_index(const struct golden_place *p, size_t n, size_t c, size_t i);

/* C, and what the layout pads it to. */
size_t golden_place_channels(const struct golden_place *p);

#endif
