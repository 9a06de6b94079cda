/* SPDX-License-Identifier: Apache-2.0 */
/* How far CPUs without usable memory of their own are from the nodes of others. */
#ifndef SBN_PLATFORM_NEARNESS_H
#define SBN_PLATFORM_NEARNESS_H

#include <hwloc.h>
#include <hwloc/distances.h>
#include <stdint.h>

#include "platform/topology.h"

#define SBN_NEARNESS_UNKNOWN UINT64_MAX

struct sbn_nearness {
	hwloc_topology_t whole; /* with the nodes that may not be used, or have no memory */
	struct hwloc_distances_s *latency;
};

/*
 * Reads the machine's table of distances between nodes (ACPI's SLIT). Where there is none, or it
 * cannot be read again, all is unknown.
 */
void sbn_nearness_open(const struct sbn_topology *topology, struct sbn_nearness *nearness);

/* From the node that the CPUs belong to, to the nearest one of `nodes`. */
uint64_t sbn_nearness_of(const struct sbn_nearness *nearness, hwloc_const_bitmap_t cpus,
			 hwloc_const_bitmap_t nodes);

void sbn_nearness_close(struct sbn_nearness *nearness);

#endif
