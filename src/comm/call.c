/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/call.h"

#include <stdio.h>

#include "base/fail.h"
#include "comm/diagnose.h"
#include "comm/wait.h"

static syncbn_status_t
begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
      bool detached, struct sbn_running_call *running)
{
	syncbn_status_t status = sbn_group_check(group);

	if (status != SYNCBN_OK)
		return status;
	sbn_call_fill(running, group, stream, call);
	if (detached)
		sbn_group_pass(group, (enum sbn_op)call->op, group->rings[stream].call + 1);
	else
		sbn_group_enter(group, (enum sbn_op)call->op, call->name,
				group->rings[stream].call + 1);
	running->number = group->transport->begin(group, stream, call, false, &running->row);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream, const struct sbn_call *call,
	       struct sbn_running_call *running)
{
	return begin(group, stream, call, false, running);
}

syncbn_status_t
sbn_call_begin_detached(struct syncbn_group *group, enum sbn_stream stream,
			const struct sbn_call *call, struct sbn_running_call *running)
{
	syncbn_status_t status = begin(group, stream, call, true, running);

	if (status != SYNCBN_OK)
		return status;
	running->view = sbn_ring_view(running->ring);
	running->ring = &running->view;
	return SYNCBN_OK;
}

static bool
has_begun(const struct sbn_wait *wait)
{
	const struct sbn_running_call *running = wait->running;

	return sbn_call_of(running, wait->peer) != NULL ||
	       !sbn_call_present(running, wait->peer);
}

static bool
is_covered(const struct sbn_wait *wait)
{
	return sbn_call_is_covered(wait) || !sbn_call_present(wait->running, wait->peer);
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
	if (sbn_call_is_same(&running->call, theirs))
		return SYNCBN_OK;
	return sbn_diagnose_other_call(running->group, peer, &running->call, theirs,
				       running->number);
}

static syncbn_status_t
await_peers(const struct sbn_running_call *running, struct sbn_wait *wait,
	    bool (*ready)(const struct sbn_wait *))
{
	wait->ready = ready;
	for (uint32_t i = 0; i + 1 < running->group->size; i++) {
		syncbn_status_t status;

		wait->peer = running->group->peers[i];
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
sbn_call_await_long(struct sbn_running_call *running, struct sbn_wait *wait)
{
	/* all headers first: a peer that itself waits for the absent one is not to blame */
	syncbn_status_t status = await_peers(running, wait, has_begun);

	if (status == SYNCBN_OK)
		status = await_peers(running, wait, is_covered);
	return status == SYNCBN_OK ? SYNCBN_OK : note_failure(running, status);
}

bool
sbn_call_is_late(const struct sbn_running_call *running, uint32_t lane, uint32_t begin,
		 uint32_t end, uint64_t ns)
{
	struct sbn_wait wait = {
		.group = running->group,
		.ready = is_covered,
		.lane = lane,
		.running = running,
		.begin = begin,
		.end = end,
	};

	for (uint32_t i = 0; i + 1 < running->group->size; i++) {
		wait.peer = running->group->peers[i];
		if (sbn_is_late(&wait, ns))
			return true;
	}
	return false;
}

double
sbn_call_divisor(const struct sbn_running_call *running)
{
	uint32_t present[running->group->size];

	if (running->group->divisor == SYNCBN_DIVISOR_INITIAL)
		return running->group->size;
	return sbn_call_roll(running, present);
}
