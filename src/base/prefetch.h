/* SPDX-License-Identifier: Apache-2.0 */
/* A hint that compilers do not give as it is meant. */
#ifndef SBN_BASE_PREFETCH_H
#define SBN_BASE_PREFETCH_H

/* Fetches a line that is about to be written, taking it from whoever read it. */
static inline void
sbn_prefetch_to_write(const void *line)
{
#ifdef SBN_HAVE_X86
	/* without -mprfchw the builtin gives prefetcht0, which only reads */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1, 3);
#endif
}

#endif
