/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/diagnose.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fail.h"
#include "comm/call.h"

enum { TEXT = 192 };

static void
describe_ended(const struct sbn_control *control, uint32_t rank, char *text, size_t bytes)
{
	uint32_t state = sbn_control_state(control, rank);
	/* relaxed: written before JOINED, whose load above acquired it */
	int pid = atomic_load_explicit(&sbn_control_rank(control, rank)->life.pid,
				       memory_order_relaxed);
	char ending[TEXT];

	if (state & SBN_RANK_GONE)
		sbn_control_ending(control, rank, ending, sizeof(ending));
	else if (state & SBN_RANK_LEFT)
		snprintf(ending, sizeof(ending), "left by syncbn_finalize");
	else
		snprintf(ending, sizeof(ending), "lost");
	if (state & SBN_RANK_JOINED)
		snprintf(text, bytes, "rank %" PRIu32 " (pid %d) is gone (%s)", rank, pid, ending);
	else
		snprintf(text, bytes, "rank %" PRIu32 " is gone (%s)", rank, ending);
}

static syncbn_status_t
lost(struct syncbn_group *group, uint32_t rank)
{
	char ended[2 * TEXT], was[TEXT], here[TEXT];

	describe_ended(&group->control, rank, ended, sizeof(ended));
	sbn_control_describe(&group->control, rank, was, sizeof(was));
	sbn_control_describe(&group->control, group->rank, here, sizeof(here));
	return sbn_fail(
		SYNCBN_ERR_PEER_LOST,
		"%s; it was %s; this rank is %s: look at what ended it; every rank must make "
		"the same calls and end with syncbn_finalize",
		ended, was, here);
}

static syncbn_status_t
mismatch(struct syncbn_group *group, uint32_t other)
{
	char there[TEXT], here[TEXT];

	sbn_control_describe(&group->control, other, there, sizeof(there));
	sbn_control_describe(&group->control, group->rank, here, sizeof(here));
	return sbn_fail(SYNCBN_ERR_MISMATCH,
			"rank %" PRIu32 " is %s, this rank (%" PRIu32
			") is %s: every rank must make the same "
			"calls in the same order",
			other, there, group->rank, here);
}

/* The variable that lengthens the wait which this rank is in. */
static const char *
timeout_name(const struct syncbn_group *group)
{
	/* relaxed: this rank's own word */
	uint64_t word = atomic_load_explicit(&group->own->now.op, memory_order_relaxed);

	return sbn_now_unpack(word).op == SBN_OP_JOIN ? "SYNCBN_JOIN_TIMEOUT" : "SYNCBN_TIMEOUT";
}

syncbn_status_t
sbn_group_failure(struct syncbn_group *group)
{
	struct sbn_abort abort = sbn_control_aborted(&group->control);
	char here[TEXT], there[TEXT];

	if (abort.cause == SYNCBN_OK)
		return SYNCBN_OK;
	/* another process's word is no index before it is checked */
	if (abort.rank >= group->size)
		return sbn_fail(SYNCBN_ERR_PEER_LOST, "the run was stopped");
	if (abort.cause == SYNCBN_ERR_PEER_LOST)
		return lost(group, abort.rank);
	if (abort.cause == SYNCBN_ERR_MISMATCH)
		return mismatch(group, abort.rank);
	sbn_control_describe(&group->control, abort.rank, there, sizeof(there));
	sbn_control_describe(&group->control, group->rank, here, sizeof(here));
	return sbn_fail(SYNCBN_ERR_TIMEOUT,
			"rank %" PRIu32 " gave up waiting, %s; this rank (%" PRIu32
			") is %s: look at what holds the ranks that have not come, or raise %s "
			"(seconds)",
			abort.rank, there, group->rank, here, timeout_name(group));
}

syncbn_status_t
sbn_diagnose_lost(const struct sbn_wait *wait)
{
	sbn_control_abort(&wait->group->control, SYNCBN_ERR_PEER_LOST, wait->peer);
	return lost(wait->group, wait->peer);
}

syncbn_status_t
sbn_diagnose_mismatch(const struct sbn_wait *wait)
{
	sbn_control_abort(&wait->group->control, SYNCBN_ERR_MISMATCH, wait->group->rank);
	return mismatch(wait->group, wait->peer);
}

syncbn_status_t
sbn_diagnose_timeout(const struct sbn_wait *wait)
{
	struct syncbn_group *group = wait->group;
	char here[TEXT], there[TEXT];

	sbn_control_abort(&group->control, SYNCBN_ERR_TIMEOUT, group->rank);
	sbn_control_describe(&group->control, wait->peer, there, sizeof(there));
	sbn_control_describe(&group->control, group->rank, here, sizeof(here));
	return sbn_fail(SYNCBN_ERR_TIMEOUT,
			"rank %" PRIu32 " has not come within %d ms; it is %s; this rank (%" PRIu32
			") is %s: look at what holds rank %" PRIu32 ", or raise %s (seconds)",
			wait->peer, wait->timeout_ms, there, group->rank, here, wait->peer,
			timeout_name(group));
}

/* The last hint, for where the two calls read alike. */
static const char *
difference(const struct sbn_call *own, const struct sbn_call *theirs)
{
	bool layer = own->op == SBN_OP_FORWARD || own->op == SBN_OP_BACKWARD;

	if (layer && own->op == theirs->op && own->layer != theirs->layer)
		return ", another layer (the order of their making tells layers apart)";
	if (layer && own->op == theirs->op && own->agreed[2] != theirs->agreed[2])
		return ", with other settings of the layer (eps, momentum, affine, modes)";
	return "";
}

syncbn_status_t
sbn_diagnose_other_call(struct syncbn_group *group, uint32_t peer, const struct sbn_call *own,
			const struct sbn_call *theirs, uint64_t number)
{
	char here[TEXT + SBN_LAYER_NAME], there[TEXT + SBN_LAYER_NAME];

	sbn_control_abort(&group->control, SYNCBN_ERR_MISMATCH, group->rank);
	sbn_call_describe(group, group->rank, own, number, here, sizeof(here));
	sbn_call_describe(group, peer, theirs, number, there, sizeof(there));
	return sbn_fail(SYNCBN_ERR_MISMATCH,
			"rank %" PRIu32 " is in %s, this rank (%" PRIu32 ") in %s%s: every rank "
			"must make the same calls in the same order",
			peer, there, group->rank, here, difference(own, theirs));
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
	struct sbn_rank_block *peer = sbn_control_rank(&wait->group->control, wait->peer);
	/* C5 pairs with sbn_group_enter(): what the peer published before is seen after */
	struct sbn_now there =
		sbn_now_unpack(atomic_load_explicit(&peer->now.op, memory_order_acquire));
	/* relaxed: this rank's own word */
	struct sbn_now here = sbn_now_unpack(
		atomic_load_explicit(&wait->group->own->now.op, memory_order_relaxed));
	uint64_t begun;

	if (!there.inside || !here.inside || sbn_op_stream(there.op) == sbn_op_stream(here.op))
		return false;
	begun = calls_begun(wait->group, there.op) & ((UINT64_C(1) << 40) - 1);
	return begun + 1 == there.call;
}
