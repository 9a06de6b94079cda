/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's rank 0 grows the segment by one extent a list; where each lies follows from the
 * lists, which all have. Then each member claims its slice and opens its rings. Nobody has a group
 * before everybody has opened, and nobody keeps one when anybody has failed.
 */
#include "comm/split.h"

#include <inttypes.h>

#include "base/fail.h"
#include "base/hash.h"
#include "comm/agree.h"
#include "comm/slice.h"

/* What follows from the lists, and this rank's place in them. */
struct plan {
	uint64_t hash;    /* of all lists */
	uint32_t n_ranks; /* in all lists */
	uint64_t slice_bytes;
	uint64_t bytes; /* of all extents */
	const int *list;
	uint32_t n;      /* ranks of this rank's list; 0: it is in none */
	uint32_t index;  /* of the list */
	uint32_t rank;   /* this rank's place in it */
	uint64_t offset; /* of its extent, from the first list's */
};

static uint64_t
extent_bytes(const struct syncbn_group *parent, uint32_t n, uint64_t slice_bytes)
{
	struct sbn_extent_layout layout;

	if (n < 2)
		return 0; /* a group of one process needs none */
	sbn_extent_layout(n, slice_bytes, parent->control.page_bytes, &layout);
	return layout.bytes;
}

static void
plan_list(const struct syncbn_group *parent, struct plan *plan, const int *list, int n, int index)
{
	plan->hash = sbn_hash(plan->hash, &n, sizeof(n));
	plan->hash = sbn_hash(plan->hash, list, (size_t)n * sizeof(*list));
	for (int i = 0; i < n; i++) {
		if ((uint32_t)list[i] != parent->rank)
			continue;
		plan->list = list;
		plan->n = (uint32_t)n;
		plan->index = (uint32_t)index;
		plan->rank = (uint32_t)i;
		plan->offset = plan->bytes;
	}
	plan->n_ranks += (uint32_t)n;
	plan->bytes += extent_bytes(parent, (uint32_t)n, plan->slice_bytes);
}

static struct plan
plan_lists(const struct syncbn_group *parent, const struct sbn_lists *lists)
{
	struct plan plan = {
		.hash = SBN_HASH_START,
		.slice_bytes = sbn_slice_front_bytes(parent) + sbn_slice_back_bytes(parent),
	};
	const int *list = lists->ranks;

	for (int i = 0; i < lists->n_lists; i++) {
		plan_list(parent, &plan, list, lists->n_ranks[i], i);
		list += lists->n_ranks[i];
	}
	return plan;
}

/* All that needs no peer. */
static syncbn_status_t
prepare(struct syncbn_group *parent, const struct plan *plan, bool alone, struct syncbn_group **out)
{
	struct syncbn_group *group;

	if (plan->n < 2)
		return plan->n == 1 || alone ? sbn_group_alone(parent->process, out) : SYNCBN_OK;
	group = sbn_group_alloc(parent->process, plan->rank, plan->n);
	if (group == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a group of %" PRIu32 " ranks", plan->n);
	for (uint32_t i = 0; i < plan->n; i++) {
		group->members[i] = parent->members[plan->list[i]];
		group->shares[i] = parent->shares[plan->list[i]];
	}
	sbn_group_order_peers(group);
	group->transport = parent->transport;
	group->may_spin = parent->may_spin;
	group->light = parent->light;
	group->tuning = sbn_tuning_within(parent->tuning, parent->size, plan->n);
	group->segment = parent->segment;
	group->control = parent->control;
	group->own = parent->own;
	group->trace = sbn_trace_of(parent->own, SBN_TRACE_SUB_GROUPS);
	group->trace->many_writers = 1;
	*out = group;
	return SYNCBN_OK;
}

/* By the parent's rank 0: room for all, and numbers. */
static syncbn_status_t
grow(struct syncbn_group *parent, const struct plan *plan, const struct sbn_lists *lists,
     struct sbn_agreement *room)
{
	/* relaxed: numbers only have to differ */
	room->number =
		1 + atomic_fetch_add_explicit(&parent->control.head->groups_made,
					      (uint32_t)lists->n_lists, memory_order_relaxed);
	return plan->bytes == 0 ? SYNCBN_OK :
				  sbn_segment_grow(&parent->segment, plan->bytes, &room->value);
}

static syncbn_status_t
open_slice(struct syncbn_group *group, const struct plan *plan, const struct sbn_agreement *room)
{
	struct sbn_shared *shared = &group->shared;
	syncbn_status_t status =
		sbn_slice_claim(group, plan->slice_bytes, room->root_value + plan->offset, shared);

	group->number = room->number + plan->index;
	if (status != SYNCBN_OK)
		return status;
	sbn_slice_open_front(group, shared->base, shared->stride);
	sbn_slice_open_back(group, shared->base + sbn_slice_front_bytes(group), shared->stride);
	return SYNCBN_OK;
}

/*
 * After a failure. All know of it, unless the parent failed: then a peer may have got its group,
 * and finds that this rank has freed it.
 */
static void
undo(struct syncbn_group *parent, struct syncbn_group *group)
{
	bool open = group != NULL && group->seats[0] != NULL;

	if (open && (group->size == 1 || parent->failed != SYNCBN_OK)) {
		sbn_group_close(group);
		return;
	}
	if (group == NULL)
		return;
	if (group->shared.base != NULL && parent->failed == SYNCBN_OK)
		sbn_slice_give_back(group, &group->shared);
	else if (group->shared.base != NULL)
		sbn_extent_unmap(&group->shared.extent);
	sbn_group_discard(group);
}

syncbn_status_t
sbn_group_split(struct syncbn_group *parent, const struct sbn_lists *lists,
		struct syncbn_group **out)
{
	struct plan plan = plan_lists(parent, lists);
	struct sbn_agreement room = { .agreed = { plan.hash, (uint64_t)lists->n_lists,
						  plan.n_ranks } };
	struct sbn_agreement made = room;
	struct syncbn_group *group = NULL;
	syncbn_status_t status = sbn_group_check(parent);

	if (status != SYNCBN_OK)
		return status;
	status = prepare(parent, &plan, lists->all_get_one, &group);
	if (status == SYNCBN_OK && parent->rank == 0)
		status = grow(parent, &plan, lists, &room);
	status = sbn_agree(parent, SBN_OP_GROUP, status, &room, NULL);
	if (status == SYNCBN_OK) {
		if (plan.n > 1)
			status = open_slice(group, &plan, &room);
		status = sbn_agree(parent, SBN_OP_GROUP, status, &made, NULL);
	}
	if (status == SYNCBN_OK) {
		*out = group;
		return SYNCBN_OK;
	}
	undo(parent, group);
	if (room.value != 0 && parent->failed == SYNCBN_OK)
		sbn_segment_ungrow(&parent->segment, room.value + plan.bytes);
	return status;
}
