/* SPDX-License-Identifier: Apache-2.0 */
/* Sub groups, and ranks that leave a group and return. */
#include "api/subgroup.h"

#include "api/check.h"
#include "comm/leave.h"
#include "comm/split.h"

static syncbn_status_t
check_list(const struct syncbn_group *parent, const int *list, int n, bool *taken)
{
	for (int i = 0; i < n; i++) {
		if (list[i] < 0 || (uint32_t)list[i] >= parent->size)
			return sbn_fail(SYNCBN_ERR_INVALID, "rank %d is not 0 to %d", list[i],
					(int)parent->size - 1);
		if (taken[list[i]])
			return sbn_fail(SYNCBN_ERR_INVALID, "rank %d is there twice", list[i]);
		taken[list[i]] = true;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
check_lists(const struct syncbn_group *parent, const struct sbn_lists *lists)
{
	bool taken[SBN_MAX_RANKS] = { false };
	const int *list = lists->ranks;

	for (int i = 0; i < lists->n_lists; i++) {
		int n = lists->n_ranks[i];
		syncbn_status_t status;

		if (n < 1)
			return sbn_fail(SYNCBN_ERR_INVALID, "list %d has %d ranks, not 1 or more",
					i, n);
		status = check_list(parent, list, n, taken);
		if (status != SYNCBN_OK)
			return status;
		list += n;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
split(const char *function, struct syncbn_group *parent, const struct sbn_lists *lists,
      struct syncbn_group **group)
{
	syncbn_status_t status = check_lists(parent, lists);

	if (status == SYNCBN_OK)
		status = sbn_group_split(parent, lists, group);
	return sbn_count_group(function, status, *group);
}

syncbn_status_t
syncbn_group_new(syncbn_group_t *parent, const int *ranks, int n, syncbn_group_t **group)
{
	static const char here[] = "syncbn_group_new";
	struct sbn_lists lists = { .ranks = ranks, .n_ranks = &n, .n_lists = 1 };
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "parent", parent)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "group", group)) != SYNCBN_OK)
		return status;
	*group = NULL;
	status = sbn_check_call(here, "ranks", ranks);
	return status != SYNCBN_OK ? status : split(here, parent, &lists, group);
}

syncbn_status_t
syncbn_group_split(syncbn_group_t *parent, const int *ranks, const int *n_ranks, int n_lists,
		   syncbn_group_t **group)
{
	static const char here[] = "syncbn_group_split";
	struct sbn_lists lists = {
		.ranks = ranks, .n_ranks = n_ranks, .n_lists = n_lists, .all_get_one = true
	};
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "parent", parent)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "group", group)) != SYNCBN_OK)
		return status;
	*group = NULL;
	if (n_lists < 0)
		return sbn_named(here, sbn_fail(SYNCBN_ERR_INVALID, "n_lists is %d, not 0 or more",
						n_lists));
	if (n_lists > 0 && ((status = sbn_check_call(here, "ranks", ranks)) != SYNCBN_OK ||
			    (status = sbn_check_call(here, "n_ranks", n_ranks)) != SYNCBN_OK))
		return status;
	return split(here, parent, &lists, group);
}

syncbn_status_t
syncbn_group_set_divisor(syncbn_group_t *group, syncbn_divisor_t divisor)
{
	static const char here[] = "syncbn_group_set_divisor";
	syncbn_status_t status = sbn_check_call(here, "group", group);

	if (status != SYNCBN_OK)
		return status;
	if (divisor != SYNCBN_DIVISOR_INITIAL && divisor != SYNCBN_DIVISOR_REMAINING)
		return sbn_named(here, sbn_fail(SYNCBN_ERR_INVALID,
						"unknown divisor %d; it is "
						"SYNCBN_DIVISOR_INITIAL or _REMAINING",
						(int)divisor));
	status = sbn_group_check_landed(group);
	if (status == SYNCBN_OK)
		group->divisor = divisor;
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_group_leave(syncbn_group_t *group)
{
	static const char here[] = "syncbn_group_leave";
	syncbn_status_t status = sbn_check_call(here, "group", group);

	return status != SYNCBN_OK ? status : sbn_named(here, sbn_group_leave(group));
}

syncbn_status_t
syncbn_group_return(syncbn_group_t *group, int *last_rank)
{
	static const char here[] = "syncbn_group_return";
	syncbn_status_t status = sbn_check_call(here, "group", group);
	uint32_t last = 0;

	if (status != SYNCBN_OK)
		return status;
	status = sbn_group_return(group, &last);
	if (status == SYNCBN_OK && last_rank != NULL)
		*last_rank = (int)last;
	return sbn_named(here, status);
}
