/* SPDX-License-Identifier: Apache-2.0 */
/* One clock for everything: monotonic, the same in all processes of the machine. */
#ifndef SBN_BASE_CLOCK_H
#define SBN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define SBN_NS_PER_MS 1000000ull
#define SBN_NS_PER_S 1000000000ull

static inline uint64_t
sbn_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SBN_NS_PER_S + (uint64_t)now.tv_nsec;
}

/*
 * Ticks: for spans that are measured on every call, a few ns a reading where sbn_now_ns costs
 * tens. The time stamp counter where it runs evenly on all CPUs, else nanoseconds.
 */
extern bool sbn_ticks_are_cycles; /* set once, by sbn_ticks_start */

/* Before anything is measured: looks for the counter, and when it stood where. */
void sbn_ticks_start(void);

static inline uint64_t
sbn_ticks(void)
{
#ifdef SBN_HAVE_X86
	if (sbn_ticks_are_cycles)
		return __builtin_ia32_rdtsc();
#endif
	return sbn_now_ns();
}

/* The nanoseconds of a span, by the counter's speed; the first call measures it, for up to 5 ms. */
uint64_t sbn_ticks_to_ns(uint64_t ticks);

#endif
