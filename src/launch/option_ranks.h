/* SPDX-License-Identifier: Apache-2.0 */
/* The list of --quiet-ranks: "0,2-3", or "1-", which goes on to the last rank there may be. */
#ifndef SBN_LAUNCH_OPTION_RANKS_H
#define SBN_LAUNCH_OPTION_RANKS_H

#include <hwloc.h>

#include <syncbn/status.h>

/* INVALID: no list. How many ranks there will be is not known here. */
syncbn_status_t sbn_option_ranks(const char *list, hwloc_bitmap_t ranks);

/* The same where only its form is asked for. */
syncbn_status_t sbn_option_ranks_check(const char *list);

#endif
