/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/call.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "comm/diagnose.h"
#include "comm/wait.h"

enum how { SEEN, UNSEEN, DETACHED };

static syncbn_status_t
begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call, enum how how,
      struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_group_check(group);

	if (status != SYNCBN_OK)
		return status;
	running->group = group;
	running->stream = stream;
	running->ring = &group->rings[stream];
	running->call = *call;
	running->timeout_ms = call->op == SBN_OP_JOIN ? group->process->join_timeout_ms :
							group->process->timeout_ms;
	/* relaxed: the lanes begin later */
	atomic_store_explicit(&running->status, SYNCBN_OK, memory_order_relaxed);
	if (how == DETACHED)
		sbn_group_pass(group, (enum sbn_op)call->op, group->rings[stream].call + 1);
	else
		sbn_group_enter(group, (enum sbn_op)call->op, call->name,
				group->rings[stream].call + 1);
	running->number = group->transport->begin(group, stream, &running->call, how == UNSEEN,
						  &running->row);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	       struct sbn_running_call *running)
{
	return begin(group, stream, call, SEEN, running);
}

syncbn_status_t
sbn_call_begin_unseen(struct syncbn_group *group, enum sbn_stream stream,
		      const struct sbn_call *call, struct sbn_running_call *running)
{
	return begin(group, stream, call, UNSEEN, running);
}

syncbn_status_t
sbn_call_begin_detached(struct syncbn_group *group, enum sbn_stream stream,
			const struct sbn_call *call, struct sbn_running_call *running)
{
	syncbn_status_t status = begin(group, stream, call, DETACHED, running);

	if (status != SYNCBN_OK)
		return status;
	running->view = sbn_ring_view(running->ring);
	running->ring = &running->view;
	return SYNCBN_OK;
}

void
sbn_call_publish(const struct sbn_running_call *running, uint32_t lane, uint32_t end)
{
	running->group->transport->publish(running->group, running->ring, lane, end);
}

static bool
same_call(const struct sbn_call *a, const struct sbn_call *b)
{
	return a->op == b->op && a->layer == b->layer && a->n_items == b->n_items &&
	       memcmp(a->agreed, b->agreed, sizeof(a->agreed)) == 0;
}

/* Looked at after the ring: a rank that has left published all its calls before. */
static bool
is_absent(const struct sbn_running_call *running, uint32_t peer)
{
	return sbn_leave_absent(&running->group->leave, peer, running->stream, running->number);
}

static bool
has_begun(const struct sbn_wait *wait)
{
	const struct sbn_running_call *running = wait->running;

	return running->group->transport->call_of(running->ring, wait->peer) != NULL ||
	       is_absent(running, wait->peer);
}

static bool
is_covered(const struct sbn_wait *wait)
{
	const struct sbn_running_call *running = wait->running;

	return running->group->transport->covered(running->ring, wait->peer, wait->begin,
						  wait->end) ||
	       is_absent(running, wait->peer);
}

bool
sbn_call_has_come(const struct sbn_running_call *running, uint32_t peer, uint32_t end)
{
	struct sbn_wait wait = { .running = running, .peer = peer, .end = end };

	return end == 0 ? has_begun(&wait) : is_covered(&wait);
}

/* A peer in another call never publishes what this one needs, so the headers are compared. */
syncbn_status_t
sbn_call_compare(const struct sbn_running_call *running, uint32_t peer)
{
	const struct sbn_call *theirs;

	if (!sbn_call_present(running, peer))
		return SYNCBN_OK;
	theirs = sbn_call_header(running, peer);
	if (same_call(&running->call, theirs))
		return SYNCBN_OK;
	return sbn_diagnose_other_call(running->group, peer, &running->call, theirs,
				       running->number);
}

static syncbn_status_t
await_peers(const struct sbn_running_call *running, struct sbn_wait *wait,
	    bool (*ready)(const struct sbn_wait *))
{
	wait->ready = ready;
	for (wait->peer = 0; wait->peer < running->group->size; wait->peer++) {
		syncbn_status_t status;

		if (wait->peer == running->group->rank)
			continue;
		status = sbn_wait(wait);
		if (status == SYNCBN_OK)
			status = sbn_call_compare(running, wait->peer);
		if (status != SYNCBN_OK)
			return status;
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
		.running = running,
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
	return !is_absent(running, rank);
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
	return running->group->transport->row(running->ring, rank);
}

const struct sbn_call *
sbn_call_header(const struct sbn_running_call *running, uint32_t rank)
{
	const struct sbn_call *theirs = NULL;

	if (rank != running->group->rank)
		theirs = running->group->transport->call_of(running->ring, rank);
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
