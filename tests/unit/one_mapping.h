/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads as the ranks of whole groups, with the library's own joining, streams, arenas and sub
 * groups. one_mapping.c stands in for src/shm/segment.c, extent.c and contract.c: there each rank
 * maps the segment for itself, and a race detector, which goes by addresses, would see nothing.
 */
#ifndef SBN_TESTS_UNIT_ONE_MAPPING_H
#define SBN_TESTS_UNIT_ONE_MAPPING_H

#include <syncbn/syncbn.h>

#include "comm/call.h"

/* In the place of sbn_call_has_come: nobody is waited for. */
bool sbn_plant_has_come(const struct sbn_running_call *running, uint32_t peer, uint32_t end);

/* How many of n ranks did not return 0 from body. */
int run_ranks_as_threads(int n, int (*body)(syncbn_group_t *world));

#endif
