/* SPDX-License-Identifier: Apache-2.0 */
/* Hints about cache lines that several CPUs write and read in turn; they change no result. */
#ifndef SBN_SYNC_CACHE_LINE_H
#define SBN_SYNC_CACHE_LINE_H

#include <stddef.h>

#include "base/prefetch.h"

enum { SBN_CACHE_LINE = 64 };

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

/* Fetches lines that are about to be written, taking them from whoever read them: all at once. */
static inline void
sbn_lines_take(const void *lines, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += SBN_CACHE_LINE)
		sbn_prefetch_to_write((const char *)lines + at);
}

/* Fetches lines that are about to be read, all at once. */
static inline void
sbn_lines_fetch(const void *lines, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += SBN_CACHE_LINE)
#ifdef SBN_HAVE_X86
		/* gcc takes a function of nothing but the builtin for pure: no call is left */
		__asm__ volatile("prefetcht0 %0" : : "m"(*((const char *)lines + at)));
#else
		__builtin_prefetch((const char *)lines + at, 0, 3);
#endif
}

#endif
