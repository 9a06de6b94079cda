/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>

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

/* So long the clock's own error is some 1e-5 of the time. */
enum { LONG_ENOUGH_NS = 5 * 1000 * 1000 };

static double
measure_ns_of_tick(void)
{
	uint64_t ns, ticks;

	do {
		ns = sbn_now_ns() - start_ns;
		ticks = sbn_ticks() - start_ticks;
	} while (ns < LONG_ENOUGH_NS);
	return (double)ns / (double)ticks;
}

/* Measured once: with a length that changes, a sum of ticks would become fewer nanoseconds. */
uint64_t
sbn_ticks_to_ns(uint64_t ticks)
{
	static _Atomic double ns_of_tick;
	/* relaxed, both: a number that stands for itself, and whose first value stays */
	double length = atomic_load_explicit(&ns_of_tick, memory_order_relaxed);

	if (!sbn_ticks_are_cycles)
		return ticks;
	if (length == 0) {
		double measured = measure_ns_of_tick();

		if (atomic_compare_exchange_strong_explicit(&ns_of_tick, &length, measured,
							    memory_order_relaxed,
							    memory_order_relaxed))
			length = measured;
	}
	return (uint64_t)((double)ticks * length);
}
