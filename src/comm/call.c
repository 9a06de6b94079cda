/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/call.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "comm/diagnose.h"
#include "comm/wait.h"

syncbn_status_t
sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	       struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_group_check(group);

	if (status != SYNCBN_OK)
		return status;
	running->group = group;
	running->stream = stream;
	running->call = *call;
	running->call.arrived_ns = sbn_now_ns();
	running->timeout_ms = call->op == SBN_OP_JOIN ? group->process->join_timeout_ms :
							group->process->timeout_ms;
	/* relaxed: the lanes begin later */
	atomic_store_explicit(&running->status, SYNCBN_OK, memory_order_relaxed);
	sbn_group_enter(group, (enum sbn_op)call->op, call->name, group->rings[stream].call + 1);
	running->number = group->transport->begin(group, stream, &running->call, &running->row);
	return SYNCBN_OK;
}

void
sbn_call_publish(const struct sbn_running_call *running, uint32_t lane, uint32_t end)
{
	running->group->transport->publish(running->group, running->stream, lane, end);
}

static bool
same_call(const struct sbn_call *a, const struct sbn_call *b)
{
	return a->op == b->op && a->layer == b->layer && a->n_items == b->n_items &&
	       memcmp(a->agreed, b->agreed, sizeof(a->agreed)) == 0;
}

static bool
has_begun(const struct sbn_wait *wait)
{
	return wait->group->transport->call_of(wait->group, wait->stream, wait->peer) != NULL;
}

static bool
is_covered(const struct sbn_wait *wait)
{
	return wait->group->transport->covered(wait->group, wait->stream, wait->peer, wait->begin,
					       wait->end);
}

/* First the header, since a peer in another call never publishes what this one needs. */
static syncbn_status_t
await_peer(struct sbn_running_call *running, struct sbn_wait *wait)
{
	struct syncbn_group *group = running->group;
	const struct sbn_call *theirs;
	syncbn_status_t status;

	wait->ready = has_begun;
	status = sbn_wait(wait);
	if (status != SYNCBN_OK)
		return status;
	theirs = group->transport->call_of(group, running->stream, wait->peer);
	if (!same_call(&running->call, theirs))
		return sbn_diagnose_other_call(group, wait->peer, &running->call, theirs,
					       running->number);
	wait->ready = is_covered;
	return sbn_wait(wait);
}

/* The first lane that fails keeps its detail for the calling thread. */
static syncbn_status_t
note_failure(struct sbn_running_call *running, syncbn_status_t status)
{
	int ok = SYNCBN_OK;

	/* relaxed: the lanes' join orders the detail */
	if (atomic_compare_exchange_strong_explicit(&running->status, &ok, status,
						    memory_order_relaxed, memory_order_relaxed))
		snprintf(running->detail, sizeof(running->detail), "%s", sbn_last_error());
	return status;
}

syncbn_status_t
sbn_call_await(struct sbn_running_call *running, uint32_t lane, uint32_t begin, uint32_t end)
{
	struct sbn_wait wait = {
		.group = running->group,
		.lane = lane,
		.timeout_ms = running->timeout_ms,
		.stream = running->stream,
		.begin = begin,
		.end = end,
	};

	for (uint32_t peer = 0; peer < running->group->size; peer++) {
		syncbn_status_t status;

		if (peer == running->group->rank)
			continue;
		wait.peer = peer;
		status = await_peer(running, &wait);
		if (status != SYNCBN_OK)
			return note_failure(running, status);
	}
	return SYNCBN_OK;
}

const void *
sbn_call_row(const struct sbn_running_call *running, uint32_t rank)
{
	return running->group->transport->row(running->group, running->stream, rank);
}

const struct sbn_call *
sbn_call_header(const struct sbn_running_call *running, uint32_t rank)
{
	if (rank == running->group->rank)
		return &running->call;
	return running->group->transport->call_of(running->group, running->stream, rank);
}

syncbn_status_t
sbn_call_end(struct sbn_running_call *running)
{
	/* relaxed: the lanes have joined */
	syncbn_status_t status =
		(syncbn_status_t)atomic_load_explicit(&running->status, memory_order_relaxed);

	sbn_group_leave_op(running->group);
	if (status != SYNCBN_OK)
		sbn_group_fail(running->group, status, running->detail);
	return status;
}
