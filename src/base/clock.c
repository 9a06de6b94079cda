/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#ifdef SBN_HAVE_X86
#include <cpuid.h>
#endif

bool sbn_ticks_are_cycles;

static uint64_t start_ticks, start_ns;

/* Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3, "Invariant TSC". */
static bool
counter_is_even(void)
{
#ifdef SBN_HAVE_X86
	enum { POWER_MANAGEMENT = 0x80000007, INVARIANT_TSC = 1 << 8 };
	unsigned a, b, c, d;

	return __get_cpuid(POWER_MANAGEMENT, &a, &b, &c, &d) != 0 && (d & INVARIANT_TSC) != 0;
#else
	return false;
#endif
}

void
sbn_ticks_start(void)
{
	sbn_ticks_are_cycles = counter_is_even();
	start_ns = sbn_now_ns();
	start_ticks = sbn_ticks();
}

uint64_t
sbn_ticks_to_ns(uint64_t ticks)
{
	uint64_t ns = sbn_now_ns() - start_ns;
	uint64_t passed = sbn_ticks() - start_ticks;

	if (!sbn_ticks_are_cycles || passed == 0)
		return ticks;
	return (uint64_t)((double)ticks * ((double)ns / (double)passed));
}
