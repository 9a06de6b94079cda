/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/group.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

enum sbn_stream
sbn_op_stream(enum sbn_op op)
{
	switch (op) {
	case SBN_OP_JOIN:
	case SBN_OP_ARENA:
		return SBN_STREAM_CONTROL;
	case SBN_OP_FORWARD:
		return SBN_STREAM_FORWARD;
	case SBN_OP_BACKWARD:
		return SBN_STREAM_BACKWARD;
	case SBN_OP_ALL_REDUCE:
	case SBN_OP_BROADCAST:
		return SBN_STREAM_DATA;
	default:
		return SBN_STREAMS;
	}
}

void
sbn_group_enter(struct syncbn_group *group, enum sbn_op op, uint32_t name, uint64_t call)
{
	struct sbn_now now = { .inside = true, .op = op, .layer = name, .call = call };

	/* C5 pairs with sbn_diagnose_crossed(): who sees this sees what was published before */
	atomic_store_explicit(&group->own->now.op, sbn_now_pack(now), memory_order_release);
}

void
sbn_group_leave_op(struct syncbn_group *group)
{
	/* relaxed: this rank's own word */
	struct sbn_now now =
		sbn_now_unpack(atomic_load_explicit(&group->own->now.op, memory_order_relaxed));

	now.inside = false;
	/* relaxed: whoever reads "between operations" concludes nothing from it */
	atomic_store_explicit(&group->own->now.op, sbn_now_pack(now), memory_order_relaxed);
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
sbn_group_check(struct syncbn_group *group)
{
	syncbn_status_t status;

	if (group->failed != SYNCBN_OK)
		return sbn_fail(group->failed, "the group has failed before: %s", group->failure);
	status = sbn_group_failure(group);
	if (status != SYNCBN_OK)
		sbn_group_fail(group, status, sbn_last_error());
	return status;
}

void
sbn_group_close(struct syncbn_group *group)
{
	group->transport->close(group);
	free(group->parts);
	free(group->barrier_lines);
	free(group);
}
