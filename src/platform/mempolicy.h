/* SPDX-License-Identifier: Apache-2.0 */
/* Memory policy of address ranges. */
#ifndef SBN_PLATFORM_MEMPOLICY_H
#define SBN_PLATFORM_MEMPOLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/nodes.h"

/*
 * Asks that pages of [base, base + bytes), page-aligned, be taken from these nodes while they have
 * room. On a shared mapping the policy is that of the shared object: call before the first touch.
 * An empty set asks for nothing. False where the system refuses (EPERM and ENOSYS in containers):
 * first touch then decides.
 */
bool sbn_memory_prefer(void *base, size_t bytes, const struct sbn_nodes *nodes);

/* The node on which the page at `address` lies, or -1. This process must have touched the page. */
int sbn_memory_node_of(const void *address);

#endif
