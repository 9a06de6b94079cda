/* SPDX-License-Identifier: Apache-2.0 */
/* Leaving a group while the others go on, and coming together again. */
#ifndef SBN_COMM_LEAVE_H
#define SBN_COMM_LEAVE_H

#include "comm/group.h"

/* Local. INVALID when this rank has left already. */
syncbn_status_t sbn_group_leave(struct syncbn_group *group);

/* Collective. *last_rank: the group's rank that made the most calls, the highest of several. */
syncbn_status_t sbn_group_return(struct syncbn_group *group, uint32_t *last_rank);

#endif
