/* SPDX-License-Identifier: Apache-2.0 */
/* Binding the calling process to CPUs and memory nodes, read back and compared. */
#ifndef SBN_PLATFORM_BINDING_H
#define SBN_PLATFORM_BINDING_H

#include <hwloc.h>
#include <stdbool.h>

#include <syncbn/status.h>

#include "platform/topology.h"

enum sbn_mem { SBN_MEM_PREFERRED, SBN_MEM_BIND, SBN_MEM_FIRST_TOUCH };

/* The words of SYNCBN_MEM and --mem, indexed by enum sbn_mem. */
extern const char *const sbn_mem_names[3];

/*
 * Binds this process and all its later threads. INVALID: the topology is another machine's. SYSTEM:
 * refused, or the system made another mask of it than asked for.
 */
syncbn_status_t sbn_bind_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus);

/*
 * Sets the memory policy of the calling thread and all its later ones: FIRST_TOUCH and an empty set
 * do nothing. *refused: the system does not allow it here (EPERM, ENOSYS): first touch by the bound
 * owner decides, no error. SYSTEM: another failure, or another policy than asked for.
 */
syncbn_status_t sbn_bind_memory(enum sbn_mem mem, hwloc_const_bitmap_t nodes, bool *refused);

#endif
