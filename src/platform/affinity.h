/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's affinity mask, however many CPUs the kernel was built for. */
#ifndef SBN_PLATFORM_AFFINITY_H
#define SBN_PLATFORM_AFFINITY_H

#include <hwloc.h>

#include <syncbn/status.h>

/* Writes the calling thread's mask into cpus. SYSTEM, NO_MEMORY. */
syncbn_status_t sbn_affinity_get(hwloc_bitmap_t cpus);

#endif
