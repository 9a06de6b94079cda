/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/diagnose.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fail.h"
#include "comm/call.h"
#include "comm/collective.h"

enum { TEXT = 192 };

/* What a member is in: a call of this group, or else what its rank shows. */
static void
describe(const struct syncbn_group *group, uint32_t member, char *text, size_t bytes)
{
	uint32_t rank = group->members[member];
	struct sbn_now now = sbn_group_now(group, member);

	if (now.inside)
		sbn_control_describe_now(&group->control, rank, now, text, bytes);
	else
		sbn_control_describe(&group->control, rank, text, bytes);
}

/* What it is in, or was in last, in this group. */
static void
describe_here(const struct syncbn_group *group, uint32_t member, char *text, size_t bytes)
{
	sbn_control_describe_now(&group->control, group->members[member],
				 sbn_group_now(group, member), text, bytes);
}

static void
describe_ended(const struct syncbn_group *group, uint32_t member, char *text, size_t bytes)
{
	const struct sbn_control *control = &group->control;
	uint32_t rank = group->members[member], state = sbn_control_state(control, rank);
	/* relaxed: written before JOINED, whose load above acquired it */
	int pid = atomic_load_explicit(&sbn_control_rank(control, rank)->life.pid,
				       memory_order_relaxed);
	char ending[TEXT];

	if (state & SBN_RANK_GONE)
		sbn_control_ending(control, rank, ending, sizeof(ending));
	else if (state & SBN_RANK_LEFT)
		snprintf(ending, sizeof(ending), "left by syncbn_finalize");
	else if (sbn_group_has_freed(group, member))
		snprintf(ending, sizeof(ending), "it has freed group %" PRIu32, group->number);
	else
		snprintf(ending, sizeof(ending), "lost");
	if (state & SBN_RANK_JOINED)
		snprintf(text, bytes, "rank %" PRIu32 " (pid %d) is gone (%s)", rank, pid, ending);
	else
		snprintf(text, bytes, "rank %" PRIu32 " is gone (%s)", rank, ending);
}

static syncbn_status_t
lost(struct syncbn_group *group, uint32_t member)
{
	char ended[2 * TEXT], was[TEXT], here[TEXT], also[TEXT + 32] = "";

	describe_ended(group, member, ended, sizeof(ended));
	describe(group, member, was, sizeof(was));
	describe(group, group->rank, here, sizeof(here));
	/* a call that has found it gone before it began is named by whoever made it */
	if (sbn_group_now(group, group->rank).inside)
		snprintf(also, sizeof(also), "; this rank is %s", here);
	return sbn_fail(SYNCBN_ERR_PEER_LOST,
			"%s; it was %s%s: look at what ended it; every rank must make the same "
			"calls and end with syncbn_finalize",
			ended, was, also);
}

static bool
is_in_layer(const struct syncbn_group *group, uint32_t member)
{
	enum sbn_op op = sbn_group_now(group, member).op;

	return op == SBN_OP_FORWARD || op == SBN_OP_BACKWARD;
}

/* Two that can never meet, and this rank, which may be one of them. */
static syncbn_status_t
mismatch(struct syncbn_group *group, uint32_t one, uint32_t other)
{
	const char *advice = "";
	char there[TEXT], also[TEXT + 32] = "", here[TEXT];

	if (sbn_group_now(group, other).op == SBN_OP_GROUP)
		advice = ", with the same lists of ranks";
	else if (is_in_layer(group, one) != is_in_layer(group, other))
		advice = "; a layer in evaluation exchanges nothing: all must be in one mode";
	if (one == group->rank)
		one = other;
	describe_here(group, one, there, sizeof(there));
	describe_here(group, other, here, sizeof(here));
	if (one != other && other != group->rank)
		snprintf(also, sizeof(also), "rank %" PRIu32 " is %s, ", group->members[other],
			 here);
	describe_here(group, group->rank, here, sizeof(here));
	return sbn_fail(SYNCBN_ERR_MISMATCH,
			"rank %" PRIu32 " is %s, %sthis rank (%" PRIu32
			") is %s: every rank must make the same calls in the same order%s",
			group->members[one], there, also, group->members[group->rank], here,
			advice);
}

/* The variable that lengthens the wait which the member is in, or gave up. */
static const char *
timeout_name(const struct syncbn_group *group, uint32_t member)
{
	return sbn_group_now(group, member).op == SBN_OP_JOIN ? "SYNCBN_JOIN_TIMEOUT" :
								"SYNCBN_TIMEOUT";
}

static syncbn_status_t
gave_up(struct syncbn_group *group, uint32_t one, uint32_t other)
{
	char there[TEXT], here[TEXT];

	describe_here(group, one, there, sizeof(there));
	describe(group, group->rank, here, sizeof(here));
	return sbn_fail(SYNCBN_ERR_TIMEOUT,
			"rank %" PRIu32 " gave up waiting for rank %" PRIu32
			", %s; this rank (%" PRIu32
			") is %s: look at what holds the ranks that have not come, or raise %s "
			"(seconds)",
			group->members[one], group->members[other], there,
			group->members[group->rank], here, timeout_name(group, one));
}

/* The rank of the group with that number in the run; the group's size: none. */
static uint32_t
member_of(const struct syncbn_group *group, uint32_t rank)
{
	uint32_t member = 0;

	while (member < group->size && group->members[member] != rank)
		member++;
	return member;
}

syncbn_status_t
sbn_group_failure(struct syncbn_group *group)
{
	struct sbn_abort abort = sbn_group_aborted(group);
	uint32_t member = member_of(group, abort.rank), other = member_of(group, abort.other);

	if (abort.cause == SYNCBN_OK)
		return SYNCBN_OK;
	/* another process's word is no index before it is checked */
	if (member == group->size)
		return sbn_fail(SYNCBN_ERR_PEER_LOST, "the run was stopped");
	if (other == group->size)
		other = member;
	if (abort.cause == SYNCBN_ERR_PEER_LOST)
		return lost(group, member);
	if (abort.cause == SYNCBN_ERR_MISMATCH)
		return mismatch(group, member, other);
	return gave_up(group, member, other);
}

syncbn_status_t
sbn_diagnose_lost(const struct sbn_wait *wait)
{
	sbn_group_abort(wait->group, SYNCBN_ERR_PEER_LOST, wait->peer, wait->peer);
	return lost(wait->group, wait->peer);
}

syncbn_status_t
sbn_diagnose_mismatch(const struct sbn_wait *wait)
{
	sbn_group_abort(wait->group, SYNCBN_ERR_MISMATCH, wait->group->rank, wait->peer);
	return mismatch(wait->group, wait->group->rank, wait->peer);
}

/* What else may keep a peer from a layer's exchange. */
static const char *
advice_on_layer(const struct syncbn_group *group, uint32_t peer)
{
	if (!is_in_layer(group, group->rank) || sbn_group_now(group, peer).inside)
		return "";
	return "; a layer in evaluation exchanges nothing: is it in training on every rank?";
}

syncbn_status_t
sbn_diagnose_timeout(const struct sbn_wait *wait)
{
	struct syncbn_group *group = wait->group;
	uint32_t rank = group->members[wait->peer];
	char here[TEXT], there[TEXT];

	sbn_group_abort(group, SYNCBN_ERR_TIMEOUT, group->rank, wait->peer);
	describe(group, wait->peer, there, sizeof(there));
	describe(group, group->rank, here, sizeof(here));
	return sbn_fail(SYNCBN_ERR_TIMEOUT,
			"rank %" PRIu32 " has not come within %d ms; it is %s; this rank (%" PRIu32
			") is %s: look at what holds rank %" PRIu32 ", or raise %s (seconds)%s",
			rank, wait->timeout_ms, there, group->members[group->rank], here, rank,
			timeout_name(group, group->rank), advice_on_layer(group, wait->peer));
}

static bool
are_of_other_layers(const struct sbn_call *own, const struct sbn_call *theirs)
{
	return (own->op == SBN_OP_FORWARD || own->op == SBN_OP_BACKWARD) && own->op == theirs->op &&
	       own->layer != theirs->layer;
}

/* One's data lies in an arena, the other's does not, or elsewhere in one. */
static bool
lie_elsewhere(const struct sbn_call *own, const struct sbn_call *theirs)
{
	return (own->op == SBN_OP_ALL_REDUCE || own->op == SBN_OP_BUCKET) &&
	       own->op == theirs->op && own->agreed[0] == theirs->agreed[0] &&
	       own->agreed[1] == theirs->agreed[1] && own->agreed[2] == theirs->agreed[2] &&
	       own->agreed[3] != theirs->agreed[3];
}

/* What differs where the two calls read alike, and what to do. */
static const char *
difference(const struct sbn_call *own, const struct sbn_call *theirs)
{
	bool layer = own->op == SBN_OP_FORWARD || own->op == SBN_OP_BACKWARD;

	if (are_of_other_layers(own, theirs))
		return ": every rank must make its layers in the same order, which tells them "
		       "apart, and the same calls";
	if (lie_elsewhere(own, theirs))
		return ": data must lie at the same offset of the same arena on all ranks, or in "
		       "none";
	if (layer && own->op == theirs->op && own->agreed[2] != theirs->agreed[2])
		return ", with other settings of the layer (eps, momentum, affine, activation, "
		       "policies): every rank must make it with the same config";
	if (own->op == SBN_OP_BACKWARD && own->op == theirs->op &&
	    own->agreed[3] != theirs->agreed[3])
		return ", which wants other gradients: every rank must want the same";
	if (own->op == SBN_OP_BACKWARD && own->op == theirs->op &&
	    own->agreed[1] >> 32 != theirs->agreed[1] >> 32)
		return ", of another forward pass: every rank must give the saved objects in the "
		       "same order";
	if (own->op == SBN_OP_GROUP && theirs->op == SBN_OP_GROUP)
		return "; the lists of ranks differ: every rank must give the same lists";
	if ((own->op == SBN_OP_ALL_REDUCE || own->op == SBN_OP_BUCKET) && own->op == theirs->op &&
	    (own->agreed[2] & SBN_REDUCE_OP) == (theirs->agreed[2] & SBN_REDUCE_OP) &&
	    own->agreed[2] != theirs->agreed[2])
		return ", with another divisor: every rank must choose the same with "
		       "syncbn_group_set_divisor";
	return ": every rank must make the same calls in the same order";
}

syncbn_status_t
sbn_diagnose_other_call(struct syncbn_group *group, uint32_t peer, const struct sbn_call *own,
			const struct sbn_call *theirs, uint64_t number)
{
	char here[TEXT + SBN_LAYER_NAME], there[TEXT + SBN_LAYER_NAME], layers[96] = "";

	sbn_group_abort(group, SYNCBN_ERR_MISMATCH, group->rank, peer);
	sbn_call_describe(group, group->rank, own, number, here, sizeof(here));
	sbn_call_describe(group, peer, theirs, number, there, sizeof(there));
	if (are_of_other_layers(own, theirs))
		snprintf(layers, sizeof(layers),
			 ", another layer (there number %" PRIu32
			 " in the order of making, here %" PRIu32 ")",
			 theirs->layer, own->layer);
	return sbn_fail(SYNCBN_ERR_MISMATCH,
			"rank %" PRIu32 " is in %s, this rank (%" PRIu32 ") in %s%s%s",
			group->members[peer], there, group->members[group->rank], here, layers,
			difference(own, theirs));
}

static uint64_t
calls_begun(const struct syncbn_group *group, enum sbn_op op)
{
	if (op == SBN_OP_BARRIER)
		return group->barrier.arrivals;
	return sbn_op_stream(op) < SBN_STREAMS ? group->rings[sbn_op_stream(op)].call : UINT64_MAX;
}

bool
sbn_diagnose_crossed(const struct sbn_wait *wait)
{
	const struct syncbn_group *group = wait->group;
	struct sbn_now there = sbn_group_now(group, wait->peer);
	struct sbn_now here = sbn_group_now(group, group->rank);
	uint64_t begun;

	if (wait->in_flight || !there.inside || !here.inside ||
	    sbn_op_stream(there.op) == sbn_op_stream(here.op))
		return false;
	/* who returns has left, and waits for whoever has not: nobody waits for it */
	if (there.op == SBN_OP_RETURN || here.op == SBN_OP_RETURN)
		return false;
	begun = calls_begun(group, there.op);
	/* of several in flight it may wait for a later one than this rank's next */
	return begun != UINT64_MAX && sbn_leave_way(begun, there.call) > 0;
}
