/* SPDX-License-Identifier: Apache-2.0 */
/* Joining the run that the launcher made. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "comm/agree.h"
#include "comm/group.h"
#include "comm/wait.h"
#include "shm/contract.h"

enum { SLOTS = 2 }; /* every call waits for its end */

static struct sbn_ring_shape
shape_of(const struct syncbn_group *group, enum sbn_stream stream)
{
	bool control = stream == SBN_STREAM_CONTROL;
	bool data = stream == SBN_STREAM_DATA;

	return (struct sbn_ring_shape){
		.n_ranks = group->size,
		.n_slots = SLOTS,
		.n_lanes = control || data ? 1 : SBN_MAX_LANES,
		.row_bytes = control ? SBN_CONTROL_ROOM :
			     data    ? SBN_DATA_ROOM :
				       SBN_CHANNELS_A_CALL * SBN_PAIR_BYTES,
		.page_bytes = control ? SBN_LINE : group->control.head->header.page_bytes,
	};
}

static void
open_ring(struct syncbn_group *group, enum sbn_stream stream, unsigned char *first, uint64_t stride)
{
	struct sbn_ring_shape shape = shape_of(group, stream);
	unsigned char **parts = group->parts + stream * group->size;

	for (uint32_t rank = 0; rank < group->size; rank++)
		parts[rank] = first + rank * stride;
	sbn_ring_open(&group->rings[stream], &shape, group->rank, parts, 0);
}

/* The ring that lives in the control extent and makes all other memory. */
static void
open_control_ring(struct syncbn_group *group)
{
	_Static_assert(SLOTS * (SBN_LINE + SBN_CONTROL_ROOM) <= SBN_BOOTSTRAP_BYTES,
		       "the control ring fits its room");
	open_ring(group, SBN_STREAM_CONTROL, sbn_control_rank(&group->control, 0)->bootstrap,
		  group->control.stride);
}

static void
open_barrier(struct syncbn_group *group, unsigned char *first)
{
	for (uint32_t rank = 0; rank < group->size; rank++)
		group->barrier_lines[rank] =
			(struct sbn_barrier_line *)(first + rank * group->shared.stride);
	group->barrier = (struct sbn_barrier){ .lines = group->barrier_lines, .rank = group->rank };
}

/* A slice: the rings of the three data streams, then the barrier's line. */
static uint64_t
slice_bytes(const struct syncbn_group *group)
{
	uint64_t bytes = SBN_LINE;

	for (enum sbn_stream stream = SBN_STREAM_FORWARD; stream < SBN_STREAMS; stream++) {
		struct sbn_ring_shape shape = shape_of(group, stream);

		bytes += sbn_ring_part_bytes(&shape);
	}
	return bytes;
}

static syncbn_status_t
open_streams(struct syncbn_group *group)
{
	syncbn_status_t status =
		group->transport->share(group, SBN_OP_JOIN, slice_bytes(group), &group->shared);
	unsigned char *at = group->shared.base;

	if (status != SYNCBN_OK)
		return status;
	for (enum sbn_stream stream = SBN_STREAM_FORWARD; stream < SBN_STREAMS; stream++) {
		open_ring(group, stream, at, group->shared.stride);
		at += sbn_ring_part_bytes(&group->rings[stream].shape);
	}
	open_barrier(group, at);
	return SYNCBN_OK;
}

static bool
has_joined(const struct sbn_wait *wait)
{
	return sbn_control_state(&wait->group->control, wait->peer) & SBN_RANK_JOINED;
}

static syncbn_status_t
await_everybody(struct syncbn_group *group)
{
	struct sbn_wait wait = {
		.group = group,
		.ready = has_joined,
		.timeout_ms = group->process->join_timeout_ms,
	};

	for (wait.peer = 0; wait.peer < group->size; wait.peer++) {
		syncbn_status_t status = sbn_wait(&wait);

		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
say_hello(struct syncbn_group *group)
{
	struct sbn_rank_life *life = &group->own->life;
	int32_t nobody = 0;

	/* relaxed: decides between two processes only; the state below publishes it */
	if (!atomic_compare_exchange_strong_explicit(&life->pid, &nobody, getpid(),
						     memory_order_relaxed, memory_order_relaxed))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"rank %" PRIu32
				" has joined already, as process %d: start no second program from "
				"within a rank, or unset SYNCBN_CONTRACT for it",
				group->rank, nobody);
	open_control_ring(group); /* ours from here on: a second process must not touch it */
	group->own->cpus = group->process->place.cpus;
	sbn_group_enter(group, SBN_OP_JOIN, 0, 0);
	sbn_control_set_state(&group->control, group->rank, SBN_RANK_JOINED);
	sbn_control_ring_all(&group->control);
	return SYNCBN_OK;
}

/* The lanes of all ranks together against the CPUs that they may use. */
static syncbn_status_t
decide_to_spin(struct syncbn_group *group)
{
	struct sbn_agreement threads = { .value =
						 (uint64_t)sbn_team_threads(group->process->team) };
	syncbn_status_t status = sbn_agree(group, SBN_OP_JOIN, SYNCBN_OK, &threads, NULL);
	struct sbn_cpus cpus = { 0 };

	for (uint32_t rank = 0; rank < group->size; rank++)
		sbn_cpus_unite(&cpus, &sbn_control_rank(&group->control, rank)->cpus);
	group->may_spin = threads.sum <= sbn_cpus_count(&cpus);
	return status;
}

static syncbn_status_t
meet(struct syncbn_group *group)
{
	syncbn_status_t status;

	if ((status = say_hello(group)) != SYNCBN_OK ||
	    (status = await_everybody(group)) != SYNCBN_OK ||
	    (status = decide_to_spin(group)) != SYNCBN_OK ||
	    (status = open_streams(group)) != SYNCBN_OK)
		return status;
	/* nobody begins a call before everybody has opened the rings */
	status = sbn_agree(group, SBN_OP_JOIN, SYNCBN_OK, &(struct sbn_agreement){ 0 }, NULL);
	sbn_group_leave_op(group);
	return status;
}

static syncbn_status_t
join(struct sbn_process *process, const struct sbn_contract *contract, struct syncbn_group *group)
{
	syncbn_status_t status;

	group->rank = contract->rank;
	group->size = contract->world_size;
	group->transport = &sbn_transport_shm;
	group->process = process;
	group->parts = calloc((size_t)SBN_STREAMS * group->size, sizeof(*group->parts));
	group->barrier_lines = calloc(group->size, sizeof(struct sbn_barrier_line *));
	if (group->parts == NULL || group->barrier_lines == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a group of %" PRIu32 " ranks", group->size);
	status = sbn_segment_attach(contract->segment_fd, contract->run_id, contract->world_size,
				    &group->segment);
	if (status != SYNCBN_OK)
		return status;
	group->control = group->segment.control;
	group->own = sbn_control_rank(&group->control, group->rank);
	group->trace = sbn_trace_of(group->own);
	status = meet(group);
	if (status != SYNCBN_OK) /* without LEFT: to the peers this rank is lost */
		sbn_segment_close(&group->segment);
	return status;
}

syncbn_status_t
sbn_group_join(struct sbn_process *process, struct syncbn_group **world)
{
	struct sbn_contract contract;
	struct syncbn_group *group;
	syncbn_status_t status = sbn_contract_read(&contract);

	if (status != SYNCBN_OK)
		return status;
	process->first_touch = contract.first_touch;
	if (!contract.present) {
		status = sbn_group_alone(process, world);
		if (status == SYNCBN_OK)
			(*world)->is_world = true;
		return status;
	}
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a group");
	group->is_world = true;
	status = join(process, &contract, group);
	if (status != SYNCBN_OK) {
		free(group->parts);
		free(group->barrier_lines);
		free(group);
		return status;
	}
	*world = group;
	return SYNCBN_OK;
}
