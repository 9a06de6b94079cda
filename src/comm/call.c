/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/call.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "comm/diagnose.h"
#include "comm/wait.h"

static syncbn_status_t
begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call, bool unseen,
      struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_group_check(group);

	if (status != SYNCBN_OK)
		return status;
	running->group = group;
	running->stream = stream;
	running->call = *call;
	running->timeout_ms = call->op == SBN_OP_JOIN ? group->process->join_timeout_ms :
							group->process->timeout_ms;
	/* relaxed: the lanes begin later */
	atomic_store_explicit(&running->status, SYNCBN_OK, memory_order_relaxed);
	sbn_group_enter(group, (enum sbn_op)call->op, call->name, group->rings[stream].call + 1);
	running->number =
		group->transport->begin(group, stream, &running->call, unseen, &running->row);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	       struct sbn_running_call *running)
{
	return begin(group, stream, call, false, running);
}

syncbn_status_t
sbn_call_begin_unseen(struct syncbn_group *group, enum sbn_stream stream,
		      const struct sbn_call *call, struct sbn_running_call *running)
{
	return begin(group, stream, call, true, running);
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

/* Looked at after the ring: a rank that has left published all its calls before. */
static bool
is_absent(const struct sbn_wait *wait)
{
	const struct syncbn_group *group = wait->group;

	return sbn_leave_absent(&group->leave, wait->peer, wait->stream,
				group->rings[wait->stream].call);
}

static bool
has_begun(const struct sbn_wait *wait)
{
	return wait->group->transport->call_of(wait->group, wait->stream, wait->peer) != NULL ||
	       is_absent(wait);
}

static bool
is_covered(const struct sbn_wait *wait)
{
	return wait->group->transport->covered(wait->group, wait->stream, wait->peer, wait->begin,
					       wait->end) ||
	       is_absent(wait);
}

/* A peer in another call never publishes what this one needs, so the headers are compared. */
static syncbn_status_t
await_peers(const struct sbn_running_call *running, struct sbn_wait *wait,
	    bool (*ready)(const struct sbn_wait *))
{
	wait->ready = ready;
	for (wait->peer = 0; wait->peer < running->group->size; wait->peer++) {
		const struct sbn_call *theirs;
		syncbn_status_t status;

		if (wait->peer == running->group->rank)
			continue;
		status = sbn_wait(wait);
		if (status != SYNCBN_OK)
			return status;
		if (!sbn_call_present(running, wait->peer))
			continue;
		theirs = sbn_call_header(running, wait->peer);
		if (!same_call(&running->call, theirs))
			return sbn_diagnose_other_call(running->group, wait->peer, &running->call,
						       theirs, running->number);
	}
	return SYNCBN_OK;
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
	syncbn_status_t status;

	/* all headers first: a peer that itself waits for the absent one is not to blame */
	status = await_peers(running, &wait, has_begun);
	if (status == SYNCBN_OK)
		status = await_peers(running, &wait, is_covered);
	return status == SYNCBN_OK ? SYNCBN_OK : note_failure(running, status);
}

bool
sbn_call_present(const struct sbn_running_call *running, uint32_t rank)
{
	return !sbn_leave_absent(&running->group->leave, rank, running->stream, running->number);
}

uint32_t
sbn_call_roll(const struct sbn_running_call *running, uint32_t *present)
{
	uint32_t n = 0;

	for (uint32_t rank = 0; rank < running->group->size; rank++)
		if (sbn_call_present(running, rank))
			present[n++] = rank;
	return n;
}

double
sbn_call_divisor(const struct sbn_running_call *running)
{
	uint32_t present[running->group->size];

	if (running->group->divisor == SYNCBN_DIVISOR_INITIAL)
		return running->group->size;
	return sbn_call_roll(running, present);
}

const void *
sbn_call_row(const struct sbn_running_call *running, uint32_t rank)
{
	return running->group->transport->row(running->group, running->stream, rank);
}

const struct sbn_call *
sbn_call_header(const struct sbn_running_call *running, uint32_t rank)
{
	const struct sbn_call *theirs = NULL;

	if (rank != running->group->rank)
		theirs = running->group->transport->call_of(running->group, running->stream, rank);
	/* NULL for a peer that has begun: its memory is corrupt, which must not take us along */
	return theirs != NULL ? theirs : &running->call;
}

syncbn_status_t
sbn_call_end(struct sbn_running_call *running)
{
	/* relaxed: the lanes have joined */
	syncbn_status_t status =
		(syncbn_status_t)atomic_load_explicit(&running->status, memory_order_relaxed);

	sbn_group_exit(running->group);
	if (status != SYNCBN_OK)
		sbn_group_fail(running->group, status, running->detail);
	return status;
}
