/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/mempolicy.h"

#include <errno.h>
#include <numaif.h>
#include <stdint.h>

#include "platform/kernel_nodes.h"

static bool
prefer(void *base, size_t bytes, int mode, const struct sbn_nodes *nodes)
{
	return mbind(base, bytes, mode, sbn_kernel_nodes(nodes), SBN_KERNEL_MAXNODE, 0) == 0;
}

bool
sbn_memory_prefer(void *base, size_t bytes, const struct sbn_nodes *nodes)
{
	struct sbn_nodes first;

	if (sbn_nodes_empty(nodes) || bytes == 0)
		return true;
	/* kernels before 5.15 know one preferred node only, and answer EINVAL to this mode */
	if (sbn_nodes_count(nodes) > 1) {
		if (prefer(base, bytes, MPOL_PREFERRED_MANY, nodes))
			return true;
		if (errno != EINVAL)
			return false;
	}
	first = sbn_nodes_first(nodes);
	return prefer(base, bytes, MPOL_PREFERRED, &first);
}

int
sbn_memory_node_of(const void *address)
{
	void *page = (void *)(uintptr_t)address; /* libnuma's prototypes know no const */
	int node;

	return get_mempolicy(&node, NULL, 0, page, MPOL_F_NODE | MPOL_F_ADDR) == 0 ? node : -1;
}
