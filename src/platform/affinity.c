/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/affinity.h"

#include <errno.h>
#include <sched.h>

#include "base/fail.h"

enum { FIRST_CPUS = 1024, LAST_CPUS = 1 << 20 };

static void
copy_mask(const cpu_set_t *mask, size_t bytes, hwloc_bitmap_t cpus)
{
	hwloc_bitmap_zero(cpus);
	for (unsigned cpu = 0; cpu < bytes * 8; cpu++) {
		if (CPU_ISSET_S(cpu, bytes, mask))
			hwloc_bitmap_set(cpus, cpu);
	}
}

/* 1: done, 0: the kernel's masks are longer than n_cpus, -1: failed */
static int
try_get(size_t n_cpus, hwloc_bitmap_t cpus)
{
	size_t bytes = CPU_ALLOC_SIZE(n_cpus);
	cpu_set_t *mask = CPU_ALLOC(n_cpus);
	int result = -1;

	if (mask == NULL)
		return -1;
	CPU_ZERO_S(bytes, mask);
	if (sched_getaffinity(0, bytes, mask) == 0) {
		copy_mask(mask, bytes, cpus);
		result = 1;
	} else if (errno == EINVAL) {
		result = 0;
	}
	CPU_FREE(mask);
	return result;
}

syncbn_status_t
sbn_affinity_get(hwloc_bitmap_t cpus)
{
	int result = 0;

	for (size_t n = FIRST_CPUS; result == 0 && n <= LAST_CPUS; n *= 2)
		result = try_get(n, cpus);
	if (result != 1)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "sched_getaffinity");
	return SYNCBN_OK;
}
