/* SPDX-License-Identifier: Apache-2.0 */
/* The machine, through hwloc: this one, or one that a file or a synthetic description names. */
#ifndef SBN_PLATFORM_TOPOLOGY_H
#define SBN_PLATFORM_TOPOLOGY_H

#include <hwloc.h>
#include <stdbool.h>

#include <syncbn/status.h>

struct sbn_topology {
	hwloc_topology_t hwloc;
	char *source;           /* as given to sbn_topology_load() */
	hwloc_bitmap_t allowed; /* the CPUs to place ranks on: allowed by cpuset and affinity */
	bool this_machine;      /* false: recorded or synthetic; nothing can be bound */
};

/*
 * source: NULL for this machine, else an XML file, or a synthetic description such as
 * "pack:2 numa:4 core:4 pu:2". INVALID: neither, and why. On another machine's topology its own
 * allowed set alone counts, never this process's affinity.
 */
syncbn_status_t sbn_topology_load(const char *source, struct sbn_topology *topology);

void sbn_topology_free(struct sbn_topology *topology);

/*
 * The next core after prev (NULL: the first one) that has some of these CPUs, in hwloc's order; the
 * processing unit itself where the machine shows no core around it. NULL: there are no more.
 */
hwloc_obj_t sbn_core_next(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus,
			  hwloc_obj_t prev);

/* The first one of these CPUs in each core. */
void sbn_core_first_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus,
			 hwloc_bitmap_t first);

#endif
