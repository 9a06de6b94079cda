/* SPDX-License-Identifier: Apache-2.0 */
/* Broadcast in pieces through the ring. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"
#include "comm/call.h"
#include "comm/collective.h"

/* Takes the root's piece; INVALID where it has left the group. */
static syncbn_status_t
take_piece(struct sbn_running_call *running, unsigned char *piece, uint32_t root)
{
	struct syncbn_group *group = running->group;
	bool present = sbn_call_present(running, root);

	if (present && group->rank != root)
		memcpy(piece, sbn_call_row(running, root), running->call.n_items);
	sbn_call_end(running);
	if (present)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID, "the root, rank %" PRIu32 ", has left the group",
			group->members[root]);
}

static syncbn_status_t
broadcast_pieces(struct syncbn_group *group, unsigned char *data, size_t bytes, uint32_t root)
{
	for (size_t at = 0; at < bytes; at += SBN_DATA_ROOM) {
		struct sbn_call call = {
			.op = SBN_OP_BROADCAST,
			.n_items = (uint32_t)SBN_MIN(bytes - at, (size_t)SBN_DATA_ROOM),
			.n_lanes = 1,
			.agreed = { bytes, root },
		};
		struct sbn_running_call running;
		syncbn_status_t status =
			sbn_pass_piece(group, &call, group->rank == root ? data + at : NULL,
				       call.n_items, &running);

		if (status == SYNCBN_OK)
			status = take_piece(&running, data + at, root);
		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

syncbn_status_t
sbn_broadcast(struct syncbn_group *group, void *data, size_t bytes, uint32_t root)
{
	struct sbn_span span = sbn_span_begin(group, bytes);
	syncbn_status_t status =
		bytes == 0 ? sbn_group_check(group) : broadcast_pieces(group, data, bytes, root);

	sbn_span_end(group, &span, group->rank == root ? bytes : 0);
	return status;
}
