/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

void
sbn_group_discard(struct syncbn_group *group)
{
	free(group->members);
	free(group->shares);
	free(group->peers);
	free(group->seats);
	free(group->parts);
	free(group->barrier_lines);
	free(group->leave_lines);
	free(group->meeting_lines);
	free(group->flight);
	free(group);
}

struct syncbn_group *
sbn_group_alloc(struct sbn_process *process, uint32_t rank, uint32_t size)
{
	struct syncbn_group *group = calloc(1, sizeof(*group));

	if (group == NULL)
		return NULL;
	group->process = process;
	group->rank = rank;
	group->size = size;
	group->divisor = SYNCBN_DIVISOR_INITIAL;
	group->tuning = (struct sbn_tuning){ SBN_NEVER, SBN_NEVER, SBN_NEVER };
	group->members = calloc(size, sizeof(*group->members));
	group->shares = calloc(size, sizeof(*group->shares));
	group->peers = calloc(size, sizeof(*group->peers));
	group->seats = calloc(size, sizeof(struct sbn_seat *));
	group->parts = calloc((size_t)SBN_STREAMS * size, sizeof(unsigned char *));
	group->barrier_lines = calloc(size, sizeof(struct sbn_barrier_line *));
	group->leave_lines = calloc(size, sizeof(struct sbn_leave_line *));
	group->meeting_lines = calloc(size, sizeof(struct sbn_barrier_line *));
	if (group->members == NULL || group->shares == NULL || group->peers == NULL ||
	    group->seats == NULL || group->parts == NULL || group->barrier_lines == NULL ||
	    group->leave_lines == NULL || group->meeting_lines == NULL) {
		sbn_group_discard(group);
		return NULL;
	}
	sbn_group_order_peers(group);
	return group;
}

void
sbn_group_order_peers(struct syncbn_group *group)
{
	uint32_t n = 0;

	for (int sharing = 1; sharing >= 0; sharing--)
		for (uint32_t rank = 0; rank < group->size; rank++)
			if (rank != group->rank && group->shares[rank] == (sharing == 1))
				group->peers[n++] = rank;
}

void
sbn_group_close(struct syncbn_group *group)
{
	group->transport->close(group);
	sbn_group_discard(group);
}

enum sbn_stream
sbn_op_stream(enum sbn_op op)
{
	switch (op) {
	case SBN_OP_JOIN:
	case SBN_OP_ARENA:
	case SBN_OP_GROUP:
		return SBN_STREAM_CONTROL;
	case SBN_OP_FORWARD:
		return SBN_STREAM_FORWARD;
	case SBN_OP_BACKWARD:
		return SBN_STREAM_BACKWARD;
	case SBN_OP_ALL_REDUCE:
	case SBN_OP_BROADCAST:
	case SBN_OP_ALL_GATHER:
	case SBN_OP_REDUCE_SCATTER:
		return SBN_STREAM_DATA;
	case SBN_OP_BUCKET:
		return SBN_STREAM_BUCKETS;
	default:
		return SBN_STREAMS;
	}
}

struct sbn_now
sbn_group_now(const struct syncbn_group *group, uint32_t member)
{
	/* C5 pairs with sbn_group_enter(): what the member published before is seen after */
	return sbn_now_unpack(
		atomic_load_explicit(&group->seats[member]->now, memory_order_acquire));
}

void
sbn_group_fail(struct syncbn_group *group, syncbn_status_t status, const char *detail)
{
	sbn_fail_adopt(detail);
	if (group->failed != SYNCBN_OK)
		return;
	group->failed = status;
	snprintf(group->failure, sizeof(group->failure), "%s", detail);
}

syncbn_status_t
sbn_group_check_failure(struct syncbn_group *group)
{
	syncbn_status_t status;

	if (group->failed != SYNCBN_OK)
		return sbn_fail(group->failed, "the group has failed before: %s", group->failure);
	status = sbn_group_failure(group);
	if (status != SYNCBN_OK)
		sbn_group_fail(group, status, sbn_last_error());
	return status;
}

syncbn_status_t
sbn_group_check_closely(struct syncbn_group *group)
{
	syncbn_status_t status = sbn_group_check_failure(group);

	if (status == SYNCBN_OK && group->leave.left)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"this rank has left the group: its next call on it is "
				"syncbn_group_return");
	return status;
}

syncbn_status_t
sbn_group_check_landed(const struct syncbn_group *group)
{
	if (group->n_in_flight == 0)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%" PRIu32 " of the group's all-reduces are in flight: end them first with "
			"syncbn_all_reduce_end",
			group->n_in_flight);
}

uint32_t
sbn_group_name_layer(struct syncbn_group *group, uint32_t number, const char *name)
{
	struct sbn_rank_block *own = group->own;
	/* relaxed: groups of several threads need numbers of their own, and no order */
	uint32_t index = atomic_fetch_add_explicit(&own->n_layer_names, 1, memory_order_relaxed);

	if (index >= SBN_MAX_LAYERS)
		return index + 1;
	/* C4: published by the first call of this layer */
	if (name != NULL)
		snprintf(own->layer_names[index], SBN_LAYER_NAME, "%s", name);
	else
		snprintf(own->layer_names[index], SBN_LAYER_NAME, "bn%" PRIu32, number);
	return index + 1;
}
