/* SPDX-License-Identifier: Apache-2.0 */
/* One clock for everything: monotonic, the same in all processes of the machine. */
#ifndef SBN_BASE_CLOCK_H
#define SBN_BASE_CLOCK_H

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

#endif
