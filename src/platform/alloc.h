/* SPDX-License-Identifier: Apache-2.0 */
/* Large zeroed buffers on chosen memory nodes, with huge pages advised. */
#ifndef SBN_PLATFORM_ALLOC_H
#define SBN_PLATFORM_ALLOC_H

#include <stddef.h>

#include "platform/nodes.h"

enum { SBN_ALLOC_ALIGN = 128, SBN_HUGE_PAGE = 2 * 1024 * 1024 };

/* nodes: NULL or empty for the place of the first touch. NULL when there is no memory. */
void *sbn_alloc(size_t bytes, const struct sbn_nodes *nodes);

/* Frees what sbn_alloc gave; NULL does nothing. */
void sbn_free(void *memory);

#endif
