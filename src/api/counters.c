/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/counters.h>

#include "api/check.h"
#include "comm/group.h"
#include "trace/counters.h"

syncbn_status_t
syncbn_counters_get(const syncbn_group_t *group, syncbn_counters_t *counters)
{
	static const char here[] = "syncbn_counters_get";
	syncbn_status_t status;
	const struct sbn_trace *trace;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "counters", counters)) != SYNCBN_OK)
		return status;
	if (counters->size != sizeof(*counters))
		return sbn_named(here, sbn_fail(SYNCBN_ERR_INVALID, "size is %zu, not %zu",
						counters->size, sizeof(*counters)));
	trace = group->trace;
	*counters = (syncbn_counters_t){
		.size = sizeof(*counters),
		.exchange_calls = sbn_trace_read(trace, SBN_EXCHANGE_CALLS),
		.exchange_bytes = sbn_trace_read(trace, SBN_EXCHANGE_BYTES),
		.reduce_calls = sbn_trace_read(trace, SBN_REDUCE_CALLS),
		.reduce_bytes = sbn_trace_read(trace, SBN_REDUCE_BYTES),
		.barrier_calls = sbn_trace_read(trace, SBN_BARRIER_CALLS),
		.moments_ns = sbn_trace_read(trace, SBN_MOMENTS_NS),
		.exchange_ns = sbn_trace_read(trace, SBN_EXCHANGE_NS),
		.wait_ns = sbn_trace_read(trace, SBN_WAIT_NS),
		.normalize_ns = sbn_trace_read(trace, SBN_NORMALIZE_NS),
		.reduce_ns = sbn_trace_read(trace, SBN_REDUCE_NS),
		.sleeps = sbn_trace_read(trace, SBN_SLEEPS),
	};
	return SYNCBN_OK;
}
