/* SPDX-License-Identifier: Apache-2.0 */
/* Making sub groups of a group. */
#ifndef SBN_COMM_SPLIT_H
#define SBN_COMM_SPLIT_H

#include "comm/group.h"

/* Lists of the parent's ranks, one after the other; checked: a rank is in one list at most. */
struct sbn_lists {
	const int *ranks;
	const int *n_ranks; /* [n_lists], each 1 or more */
	int n_lists;
	bool all_get_one; /* a rank in no list gets a group of its own, instead of none */
};

/* Makes the groups of the lists; *group is the one that this rank is in. Collective. */
syncbn_status_t sbn_group_split(struct syncbn_group *parent, const struct sbn_lists *lists,
				struct syncbn_group **group);

#endif
