/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request goes through three states. BEGUN: this rank's buffer is whole, which R0 says. SUMMED:
 * everybody had begun, and this rank has summed its part, which R1 says. DONE: everybody has.
 *
 * Requests go on in the order in which they began, on all ranks the same: whoever has begun or
 * summed one has begun or summed those before it, so nobody waits for this, and the ring may count
 * on it. To end them out of order is the caller's choice.
 */
#include "train/flight.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "comm/collective.h"
#include "comm/wait.h"
#include "train/arena.h"
#include "train/reduce.h"

enum state { ENDED, BEGUN, SUMMED, DONE };

struct syncbn_request {
	struct syncbn_group *group;
	enum state state;
	const unsigned char *data;
	size_t bytes;
	struct sbn_reduction reduction; /* its arena is NULL where all was done at once */
	struct sbn_running_call running;
};

struct sbn_flight {
	struct syncbn_request requests[SYNCBN_MAX_IN_FLIGHT];
	struct syncbn_request *order[SYNCBN_MAX_IN_FLIGHT]; /* [group->n_in_flight]: oldest first */
};

/* Whether everybody has begun it (0), or has summed its part (1). */
static bool
all_have_come(const struct syncbn_request *request, uint32_t end)
{
	for (uint32_t peer = 0; peer < request->group->size; peer++)
		if (peer != request->group->rank &&
		    !sbn_call_has_come(&request->running, peer, end))
			return false;
	return true;
}

/* ---- going on ---- */

static syncbn_status_t
compare(const struct syncbn_request *request)
{
	syncbn_status_t status = SYNCBN_OK;

	for (uint32_t peer = 0; peer < request->group->size && status == SYNCBN_OK; peer++)
		if (peer != request->group->rank && sbn_call_has_come(&request->running, peer, 0))
			status = sbn_call_compare(&request->running, peer);
	if (status != SYNCBN_OK)
		sbn_group_fail(request->group, status, sbn_last_error());
	return status;
}

static void
sum(struct syncbn_request *request)
{
	uint64_t start = sbn_ticks();

	sbn_reduction_sum(&request->reduction, &request->running);
	sbn_call_publish(&request->running, 0, 1);
	request->state = SUMMED;
	sbn_trace_add(request->group->trace, SBN_REDUCE_TICKS, sbn_ticks() - start);
}

/* Lets all requests go on as far as they can without waiting. */
static syncbn_status_t
advance(struct syncbn_group *group)
{
	bool all_done = true;

	for (uint32_t i = 0; i < group->n_in_flight; i++) {
		struct syncbn_request *request = group->flight->order[i];

		if (request->state == BEGUN) {
			syncbn_status_t status = compare(request);

			if (status != SYNCBN_OK || !all_have_come(request, 0))
				return status;
			sum(request);
		}
		if (request->state == SUMMED && all_done && all_have_come(request, 1))
			request->state = DONE;
		all_done = all_done && request->state == DONE;
	}
	return SYNCBN_OK;
}

/* From within another operation's wait: the group keeps a failure, and that wait ends by it. */
static void
advance_meanwhile(struct syncbn_group *group)
{
	if (group->failed == SYNCBN_OK)
		advance(group);
}

syncbn_status_t
sbn_progress(struct syncbn_group *group)
{
	syncbn_status_t status = sbn_group_check_failure(group);

	return status == SYNCBN_OK ? advance(group) : status;
}

/* ---- beginning ---- */

static syncbn_status_t
prepare(struct syncbn_group *group)
{
	if (group->flight != NULL)
		return SYNCBN_OK;
	group->flight = calloc(1, sizeof(*group->flight));
	if (group->flight == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "requests");
	group->advance = advance_meanwhile;
	return SYNCBN_OK;
}

static syncbn_status_t
check_room(const struct syncbn_group *group, const unsigned char *data, size_t bytes)
{
	if (group->n_in_flight == SYNCBN_MAX_IN_FLIGHT)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%d all-reduces are in flight, SYNCBN_MAX_IN_FLIGHT: end one first "
				"with syncbn_all_reduce_end",
				SYNCBN_MAX_IN_FLIGHT);
	for (uint32_t i = 0; i < group->n_in_flight; i++) {
		const struct syncbn_request *other = group->flight->order[i];

		if (bytes > 0 && data < other->data + other->bytes && other->data < data + bytes)
			return sbn_fail(SYNCBN_ERR_INVALID,
					"data overlaps with that of an all-reduce in flight: end "
					"it first with syncbn_all_reduce_end");
	}
	return SYNCBN_OK;
}

static struct syncbn_request *
free_request(struct sbn_flight *flight)
{
	struct syncbn_request *request = flight->requests;

	while (request->state != ENDED)
		request++;
	return request;
}

/* Lets the peers know that this rank's buffer is whole. */
static syncbn_status_t
launch(struct syncbn_request *request)
{
	struct sbn_call call = sbn_reduction_call(&request->reduction, SBN_OP_BUCKET);
	struct syncbn_group *group = request->group;
	syncbn_status_t status =
		sbn_call_begin_detached(group, SBN_STREAM_BUCKETS, &call, &request->running);

	if (status != SYNCBN_OK)
		return status;
	sbn_arena_pin(request->reduction.arena);
	request->state = BEGUN;
	sbn_trace_add(group->trace, SBN_REDUCE_CALLS, 1);
	sbn_trace_add(group->trace, SBN_REDUCE_BYTES, request->bytes);
	return SYNCBN_OK;
}

/* In an arena it takes off; elsewhere it is made here and now. */
static syncbn_status_t
begin(struct syncbn_request *request, void *data)
{
	struct sbn_reduction *r = &request->reduction;
	struct syncbn_group *group = request->group;

	request->state = DONE;
	if (group->size == 1 || r->count == 0)
		return SYNCBN_OK;
	r->arena = sbn_arena_find(group, data, request->bytes, &r->offset);
	if (r->arena != NULL)
		return launch(request);
	return sbn_all_reduce_staged(group, data, r->count, r->dtype, r->op);
}

syncbn_status_t
sbn_all_reduce_begin(struct syncbn_group *group, void *data, size_t count, syncbn_dtype_t dtype,
		     syncbn_reduce_t op, struct syncbn_request **out)
{
	size_t bytes = count * sbn_dtype_bytes(dtype);
	struct syncbn_request *request;
	syncbn_status_t status;

	if ((status = sbn_group_check(group)) != SYNCBN_OK ||
	    (status = prepare(group)) != SYNCBN_OK ||
	    (status = check_room(group, data, bytes)) != SYNCBN_OK ||
	    (status = advance(group)) != SYNCBN_OK)
		return status;
	request = free_request(group->flight);
	request->group = group;
	request->data = data;
	request->bytes = bytes;
	request->reduction = (struct sbn_reduction){ .count = count, .dtype = dtype, .op = op };
	status = begin(request, data);
	if (status != SYNCBN_OK) {
		request->state = ENDED;
		return status;
	}
	group->flight->order[group->n_in_flight++] = request;
	*out = request;
	return SYNCBN_OK;
}

/* ---- ending ---- */

static bool
can_advance(const struct syncbn_group *group)
{
	for (uint32_t i = 0; i < group->n_in_flight; i++) {
		const struct syncbn_request *request = group->flight->order[i];

		if (request->state == BEGUN)
			return all_have_come(request, 0);
		if (request->state == SUMMED && all_have_come(request, 1))
			return true;
	}
	return false;
}

/* Others may need this rank's share of another request before they can come to this one. */
static bool
has_news(const struct sbn_wait *wait)
{
	return sbn_call_has_come(wait->running, wait->peer, wait->end) || can_advance(wait->group);
}

/* Waits for the first peer that has not come to where the request is; size: all have by now. */
static syncbn_status_t
await_news(const struct syncbn_request *request)
{
	struct syncbn_group *group = request->group;
	bool summed = request->state == SUMMED;
	struct sbn_wait wait = {
		.group = group,
		.ready = has_news,
		.timeout_ms = request->running.timeout_ms,
		.in_flight = summed,
		.running = &request->running,
		.end = summed,
	};

	while (wait.peer == group->rank ||
	       (wait.peer < group->size &&
		sbn_call_has_come(&request->running, wait.peer, wait.end)))
		wait.peer++;
	return wait.peer < group->size ? sbn_wait(&wait) : SYNCBN_OK;
}

static syncbn_status_t
await(struct syncbn_request *request)
{
	struct syncbn_group *group = request->group;
	syncbn_status_t status = sbn_group_check_failure(group);

	if (status != SYNCBN_OK)
		return status;
	sbn_group_enter(group, SBN_OP_BUCKET, 0, request->running.number);
	status = advance(group);
	while (status == SYNCBN_OK && request->state != DONE) {
		status = await_news(request);
		if (status == SYNCBN_OK)
			status = advance(group);
	}
	sbn_group_exit(group);
	if (status != SYNCBN_OK)
		sbn_group_fail(group, status, sbn_last_error());
	return status;
}

static void
retire(struct syncbn_request *request)
{
	struct syncbn_group *group = request->group;
	struct syncbn_request **order = group->flight->order;
	uint32_t i = 0;

	while (order[i] != request)
		i++;
	group->n_in_flight--;
	memmove(order + i, order + i + 1, (group->n_in_flight - i) * sizeof(*order));
	request->state = ENDED;
	if (request->reduction.arena != NULL)
		sbn_arena_unpin(request->reduction.arena);
}

syncbn_status_t
sbn_all_reduce_end(struct syncbn_request *request)
{
	syncbn_status_t status;

	if (request->state == ENDED)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"this request has been ended: end each one once, by the pointer "
				"that syncbn_all_reduce_begin set");
	status = request->state == DONE ? SYNCBN_OK : await(request);
	retire(request);
	return status;
}
