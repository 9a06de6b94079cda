/* SPDX-License-Identifier: Apache-2.0 */
/* Small arithmetic on sizes. */
#ifndef SBN_BASE_MATH_H
#define SBN_BASE_MATH_H

#include <stddef.h>
#include <stdint.h>

#define SBN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SBN_MAX(a, b) ((a) > (b) ? (a) : (b))

/* align is a power of two */
static inline uint64_t
sbn_align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uint64_t
sbn_ceil_div(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* The first item of part `i` when n items are cut into `parts` parts as equal as can be. */
static inline uint64_t
sbn_part_begin(uint64_t n, uint64_t parts, uint64_t i)
{
	return n / parts * i + SBN_MIN(i, n % parts);
}

#endif
