/* SPDX-License-Identifier: Apache-2.0 */
/* Where hwloc takes a topology from: this machine, a file, or a description. */
#ifndef SBN_PLATFORM_TOPOLOGY_SOURCE_H
#define SBN_PLATFORM_TOPOLOGY_SOURCE_H

#include <hwloc.h>

#include <syncbn/status.h>

/*
 * Loads a topology that has been initialized; source as for sbn_topology_load. INVALID: the source
 * is neither a file of hwloc's nor a description, or shows a machine that cannot be.
 */
syncbn_status_t sbn_topology_load_source(const char *source, hwloc_topology_t hwloc);

#endif
