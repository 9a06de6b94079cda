/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/counters.h>

#include "api/check.h"
#include "base/clock.h"
#include "comm/group.h"
#include "trace/counters.h"

/* By this rank, in whatever group. */
static uint64_t
count_of(const struct syncbn_group *group, enum sbn_counter which)
{
	uint64_t sum = 0;

	for (enum sbn_trace_owner owner = 0; owner < SBN_TRACES; owner++)
		sum += sbn_trace_read(sbn_trace_of(group->own, owner), which);
	return sum;
}

static uint64_t
ns_of(const struct syncbn_group *group, enum sbn_counter which)
{
	return sbn_ticks_to_ns(count_of(group, which));
}

static uint64_t
reduce_ns(const struct syncbn_group *group)
{
	uint64_t ns = ns_of(group, SBN_REDUCE_TICKS), waited = ns_of(group, SBN_REDUCE_WAIT_TICKS);

	return ns > waited ? ns - waited : 0;
}

syncbn_status_t
syncbn_counters_get(const syncbn_group_t *group, syncbn_counters_t *counters)
{
	static const char here[] = "syncbn_counters_get";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "counters", counters)) != SYNCBN_OK)
		return status;
	if (counters->size != sizeof(*counters))
		return sbn_named(here, sbn_fail(SYNCBN_ERR_INVALID,
						"size is %zu, not %zu: set counters->size "
						"to sizeof(*counters)",
						counters->size, sizeof(*counters)));
	*counters = (syncbn_counters_t){
		.size = sizeof(*counters),
		.exchange_calls = count_of(group, SBN_EXCHANGE_CALLS),
		.exchange_bytes = count_of(group, SBN_EXCHANGE_BYTES),
		.reduce_calls = count_of(group, SBN_REDUCE_CALLS),
		.reduce_bytes = count_of(group, SBN_REDUCE_BYTES),
		.barrier_calls = count_of(group, SBN_BARRIER_CALLS),
		.moments_ns = ns_of(group, SBN_MOMENTS_TICKS),
		.exchange_ns = ns_of(group, SBN_EXCHANGE_TICKS),
		.wait_ns = ns_of(group, SBN_WAIT_TICKS),
		.normalize_ns = ns_of(group, SBN_NORMALIZE_TICKS),
		.reduce_ns = reduce_ns(group),
		.sleeps = count_of(group, SBN_SLEEPS),
	};
	return SYNCBN_OK;
}
