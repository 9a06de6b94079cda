/* SPDX-License-Identifier: Apache-2.0 */
/* What broadcast and all-reduce have in common. */
#include "comm/collective.h"

#include "base/clock.h"
#include "comm/call.h"
#include "comm/copy.h"

void
sbn_reduce_rows(const struct syncbn_group *group, const struct sbn_rows *rows, size_t count,
		syncbn_dtype_t dtype)
{
	const struct sbn_kernels *kernels = group->process->kernels;

	if (dtype == SYNCBN_FLOAT64)
		kernels->sum_f64((double *const *)rows->dst, rows->n_dst,
				 (const double *const *)rows->src, rows->n_src, count,
				 rows->divisor);
	else if (dtype == SYNCBN_BFLOAT16)
		kernels->sum_bf16((uint16_t *const *)rows->dst, rows->n_dst,
				  (const uint16_t *const *)rows->src, rows->n_src, count,
				  (float)rows->divisor);
	else
		kernels->sum_f32((float *const *)rows->dst, rows->n_dst,
				 (const float *const *)rows->src, rows->n_src, count,
				 (float)rows->divisor);
}

syncbn_status_t
sbn_pass_piece(struct syncbn_group *group, const struct sbn_call *call, const void *own,
	       size_t bytes, struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_call_begin_unseen(group, SBN_STREAM_DATA, call, running);

	if (status != SYNCBN_OK)
		return status;
	if (own != NULL)
		sbn_copy_out(group, running->row, own, bytes);
	sbn_call_publish(running, 0, (uint32_t)bytes);
	if (sbn_call_await(running, 0, 0, (uint32_t)bytes) != SYNCBN_OK)
		return sbn_call_end(running);
	return SYNCBN_OK;
}

struct sbn_span
sbn_span_begin(const struct syncbn_group *group)
{
	return (struct sbn_span){ sbn_ticks(), group->waited_ns };
}

void
sbn_span_end(struct syncbn_group *group, const struct sbn_span *span, size_t bytes)
{
	uint64_t waited_ns = group->waited_ns - span->waited_ns;

	sbn_trace_add(group->trace, SBN_REDUCE_CALLS, 1);
	sbn_trace_add(group->trace, SBN_REDUCE_BYTES, bytes);
	sbn_trace_add(group->trace, SBN_REDUCE_TICKS, sbn_ticks() - span->start_ticks);
	if (waited_ns != 0)
		sbn_trace_add(group->trace, SBN_REDUCE_WAIT_NS, waited_ns);
}
