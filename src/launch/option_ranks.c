/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/option_ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "platform/domain_lists.h"
#include "shm/layout.h"

syncbn_status_t
sbn_option_ranks(const char *list, hwloc_bitmap_t ranks)
{
	size_t length = strlen(list);
	char *whole = NULL;
	syncbn_status_t status;

	if (length > 0 && list[length - 1] == '-' &&
	    asprintf(&whole, "%s%d", list, SBN_MAX_RANKS - 1) < 0)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--quiet-ranks");
	if (whole != NULL)
		list = whole;
	status = sbn_list_parse("--quiet-ranks", list, strlen(list), SBN_MAX_RANKS - 1, ranks);
	free(whole);
	return status;
}

syncbn_status_t
sbn_option_ranks_check(const char *list)
{
	hwloc_bitmap_t ranks = hwloc_bitmap_alloc();
	syncbn_status_t status;

	if (ranks == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--quiet-ranks");
	status = sbn_option_ranks(list, ranks);
	hwloc_bitmap_free(ranks);
	return status;
}
