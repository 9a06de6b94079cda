/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/shard.h>

#include "api/check.h"
#include "base/math.h"
#include "comm/group.h"

syncbn_status_t
syncbn_shard(const syncbn_group_t *group, size_t n, size_t *first, size_t *count)
{
	static const char here[] = "syncbn_shard";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "first", first)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "count", count)) != SYNCBN_OK)
		return status;
	*first = sbn_part_begin(n, group->size, group->rank);
	*count = sbn_part_begin(n, group->size, group->rank + 1) - *first;
	return SYNCBN_OK;
}
