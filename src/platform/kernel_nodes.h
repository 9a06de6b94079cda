/* SPDX-License-Identifier: Apache-2.0 */
/* Node sets as hwloc gives them and as the kernel's memory policy calls take them. */
#ifndef SBN_PLATFORM_KERNEL_NODES_H
#define SBN_PLATFORM_KERNEL_NODES_H

#include <hwloc.h>

#include "platform/nodes.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5 /* Linux 5.15; older headers do not name it */
#endif

/* the kernel looks at one bit fewer than it is told */
enum { SBN_KERNEL_MAXNODE = SBN_MAX_NODES + 1 };

_Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "the kernel's words are ours");

/* Nodes beyond SBN_MAX_NODES are left out: no kernel has so many. */
static inline void
sbn_nodes_add_bitmap(struct sbn_nodes *nodes, hwloc_const_bitmap_t bitmap)
{
	for (int node = hwloc_bitmap_first(bitmap); node >= 0 && node < SBN_MAX_NODES;
	     node = hwloc_bitmap_next(bitmap, node))
		sbn_nodes_add(nodes, (unsigned)node);
}

static inline unsigned long *
sbn_kernel_nodes(const struct sbn_nodes *nodes)
{
	return (unsigned long *)(uintptr_t)nodes->bits; /* libnuma's prototypes know no const */
}

#endif
