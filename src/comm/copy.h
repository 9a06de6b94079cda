/* SPDX-License-Identifier: Apache-2.0 */
/* Moving rows between the caches of ranks: hints, which change no result. */
#ifndef SBN_COMM_COPY_H
#define SBN_COMM_COPY_H

#include <stddef.h>
#include <string.h>

#include "base/math.h"

enum {
	SBN_CACHE_LINE = 64,
	SBN_PUSH_BYTES = 2048, /* copied line by line: more gained nothing where it was measured */
	SBN_FETCH_BYTES =
		16384 /* fetched ahead: more would push itself out of a first-level cache */
};

/* Offers a line to the cache that all CPUs share, where a peer finds it sooner than here. */
static inline void
sbn_line_push(const void *line)
{
#ifdef SBN_HAVE_X86
	/* cldemote; older CPUs take it for a no-op. volatile, memory: after the line's stores */
	__asm__ volatile("cldemote %0" : : "m"(*(const char *)line) : "memory");
#else
	(void)line;
#endif
}

/* Copies what peers will read next. */
static inline void
sbn_copy_out(void *row, const void *own, size_t bytes)
{
	size_t at = 0;

	for (; bytes <= SBN_PUSH_BYTES && at + SBN_CACHE_LINE <= bytes; at += SBN_CACHE_LINE) {
		memcpy((char *)row + at, (const char *)own + at, SBN_CACHE_LINE);
		sbn_line_push((char *)row + at);
	}
	memcpy((char *)row + at, (const char *)own + at, bytes - at);
}

/* Fetches the beginning of what is about to be read in order: all misses at once. */
static inline void
sbn_fetch_ahead(const void *row, size_t bytes)
{
	for (size_t at = 0; at < SBN_MIN(bytes, (size_t)SBN_FETCH_BYTES); at += SBN_CACHE_LINE)
		__builtin_prefetch((const char *)row + at, 0, 3);
}

#endif
