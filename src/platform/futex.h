/* SPDX-License-Identifier: Apache-2.0 */
/* The futex call, and the pause of a spinning loop. */
#ifndef SBN_PLATFORM_FUTEX_H
#define SBN_PLATFORM_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* Sleeps while *word == seen, at most max_ns. Returns for any reason; the caller looks again. */
static inline void
sbn_futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t max_ns, bool shared)
{
	struct timespec limit = { .tv_sec = (time_t)(max_ns / SBN_NS_PER_S),
				  .tv_nsec = (long)(max_ns % SBN_NS_PER_S) };

	syscall(SYS_futex, word, shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, seen, &limit, NULL, 0);
}

/* Wakes everybody who sleeps on word. */
static inline void
sbn_futex_wake(_Atomic uint32_t *word, bool shared)
{
	syscall(SYS_futex, word, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static inline void
sbn_cpu_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
