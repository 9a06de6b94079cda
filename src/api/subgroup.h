/* SPDX-License-Identifier: Apache-2.0 */
/* The groups beside the world that a process has. */
#ifndef SBN_API_SUBGROUP_H
#define SBN_API_SUBGROUP_H

#include <syncbn/group.h>

/* Counts a group that the caller gets, until syncbn_group_free; names the function of an error. */
syncbn_status_t sbn_count_group(const char *function, syncbn_status_t status,
				const struct syncbn_group *group);

#endif
