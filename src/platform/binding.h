/* SPDX-License-Identifier: Apache-2.0 */
/* Binding the calling process to CPUs and memory nodes, read back and compared. */
#ifndef SBN_PLATFORM_BINDING_H
#define SBN_PLATFORM_BINDING_H

#include <hwloc.h>
#include <stdbool.h>

#include <syncbn/status.h>

#include "platform/topology.h"

enum sbn_mem {
	SBN_MEM_PREFERRED,   /* the domain's nodes while they have room */
	SBN_MEM_BIND,        /* no other nodes */
	SBN_MEM_INTERLEAVE,  /* page by page over the domain's nodes */
	SBN_MEM_FIRST_TOUCH, /* the node of the CPU that touches, also under numactl */
	SBN_MEM_NONE         /* whatever policy is inherited */
};

enum { SBN_N_MEM = SBN_MEM_NONE + 1 };

/* What became of a wish for memory. */
enum sbn_memory {
	SBN_MEMORY_AS_ASKED,
	SBN_MEMORY_FIRST_NODE, /* kernels before 5.15 prefer one node only: the first of several */
	SBN_MEMORY_REFUSED     /* EPERM, ENOSYS: first touch by the bound owner decides */
};

/* The words of SYNCBN_MEM and --mem, indexed by enum sbn_mem. */
extern const char *const sbn_mem_names[SBN_N_MEM];

/*
 * Binds this process and all its later threads. INVALID: the topology is another machine's. SYSTEM:
 * refused, or the system made another mask of it than asked for.
 */
syncbn_status_t sbn_bind_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus);

/*
 * Sets the memory policy of the calling thread and all its later ones, and reads it back. NONE does
 * nothing; without nodes first touch is all that can be asked for. A system that does not allow it
 * is no error but an outcome. SYSTEM: another failure, or another policy than asked for.
 */
syncbn_status_t sbn_bind_memory(enum sbn_mem mem, hwloc_const_bitmap_t nodes,
				enum sbn_memory *outcome);

#endif
