/* SPDX-License-Identifier: Apache-2.0 */
/* Joining the run that the launcher made. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "comm/agree.h"
#include "comm/slice.h"
#include "comm/tuning.h"
#include "comm/wait.h"
#include "platform/membarrier.h"
#include "shm/contract.h"

static syncbn_status_t
open_streams(struct syncbn_group *group)
{
	syncbn_status_t status =
		group->transport->share(group, SBN_OP_JOIN, sbn_slice_back_bytes(group),
					&group->shared);

	if (status == SYNCBN_OK)
		sbn_slice_open_back(group, group->shared.base, group->shared.stride);
	return status;
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
	/* ours from here on: a second process must not touch it */
	sbn_slice_open_front(group, sbn_control_rank(&group->control, 0)->bootstrap,
			     group->control.stride);
	group->own->cpus = group->process->place.cpus;
	sbn_group_enter(group, SBN_OP_JOIN, 0, 0);
	sbn_control_set_state(&group->control, group->rank, SBN_RANK_JOINED);
	sbn_control_ring_all(&group->control);
	return SYNCBN_OK;
}

/*
 * Whoever runs on this rank's CPUs does not come while it spins. Once those have come it may spin
 * for the others, who need no CPU of it; unless its own lanes need them.
 */
static void
find_sharers(struct syncbn_group *group)
{
	const struct sbn_cpus *own = &group->own->cpus;
	bool crowded = (unsigned)sbn_team_threads(group->process->team) > sbn_cpus_count(own);

	for (uint32_t rank = 0; rank < group->size; rank++)
		group->shares[rank] =
			crowded ||
			sbn_cpus_meet(own, &sbn_control_rank(&group->control, rank)->cpus);
	sbn_group_order_peers(group);
}

/*
 * From here on this rank's sleepers make F3, before anybody leaves out F1. Where no system can,
 * ranks that do not insist make fences of their own.
 */
static syncbn_status_t
prepare_fences(struct sbn_process *process)
{
	process->fences_for_all = process->fences != SBN_FENCES_FULL && sbn_membarrier_register();
	if (process->fences == SBN_FENCES_LIGHT && !process->fences_for_all)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"SYNCBN_FENCES is light, but this system has no membarrier, or "
				"refuses it; leave it out");
	return SYNCBN_OK;
}

/* What a rank says of itself: its threads, and which fences it can do with. */
static uint64_t
own_ways(const struct syncbn_group *group)
{
	const struct sbn_process *process = group->process;
	const enum sbn_fences fences = process->fences_for_all ? process->fences : SBN_FENCES_FULL;

	return (uint64_t)fences << 32 | (uint32_t)sbn_team_threads(process->team);
}

/* The lanes of all ranks together against the CPUs that they may use. */
static void
decide_to_spin(struct syncbn_group *group, const uint64_t *ways)
{
	struct sbn_cpus cpus = { 0 };
	uint64_t threads = 0;

	for (uint32_t rank = 0; rank < group->size; rank++) {
		sbn_cpus_unite(&cpus, &sbn_control_rank(&group->control, rank)->cpus);
		threads += (uint32_t)ways[rank];
	}
	group->may_spin = threads <= sbn_cpus_count(&cpus);
	group->process->is_crowded = !group->may_spin;
	if (!group->may_spin)
		find_sharers(group);
}

/*
 * F3 interrupts all ranks: where they sleep at once, whenever they wait, it costs more than it
 * saves.
 */
static void
decide_on_fences(struct syncbn_group *group, const uint64_t *ways)
{
	uint64_t least = SBN_FENCES_LIGHT;

	for (uint32_t rank = 0; rank < group->size; rank++)
		least = SBN_MIN(least, ways[rank] >> 32);
	group->light = least == SBN_FENCES_LIGHT || (least == SBN_FENCES_AUTO && group->may_spin);
	group->process->fences_for_all = group->light;
}

static syncbn_status_t
decide_on_ways(struct syncbn_group *group)
{
	syncbn_status_t status = prepare_fences(group->process);
	struct sbn_agreement own = { .value = own_ways(group) };
	uint64_t ways[group->size];

	status = sbn_agree(group, SBN_OP_JOIN, status, &own, ways);
	if (status == SYNCBN_OK) {
		decide_to_spin(group, ways);
		decide_on_fences(group, ways);
	}
	return status;
}

static syncbn_status_t
meet(struct syncbn_group *group)
{
	syncbn_status_t status;

	if ((status = say_hello(group)) != SYNCBN_OK ||
	    (status = await_everybody(group)) != SYNCBN_OK ||
	    (status = decide_on_ways(group)) != SYNCBN_OK ||
	    (status = open_streams(group)) != SYNCBN_OK)
		return status;
	/* nobody begins a call before everybody has opened the rings */
	status = sbn_agree(group, SBN_OP_JOIN, SYNCBN_OK, &(struct sbn_agreement){ 0 }, NULL);
	if (status == SYNCBN_OK)
		status = sbn_tuning_choose(group);
	if (status == SYNCBN_OK)
		status = sbn_agree(group, SBN_OP_JOIN, SYNCBN_OK, &(struct sbn_agreement){ 0 },
				   NULL);
	sbn_group_exit(group);
	return status;
}

/* The group of all ranks, as the contract says; it owns its segment. */
static syncbn_status_t
join(const struct sbn_contract *contract, struct syncbn_group *group)
{
	syncbn_status_t status = sbn_segment_attach(contract->segment_fd, contract->run_id,
						    contract->world_size, &group->segment);

	if (status != SYNCBN_OK)
		return status;
	group->is_world = true;
	group->transport = &sbn_transport_shm;
	for (uint32_t rank = 0; rank < group->size; rank++)
		group->members[rank] = rank;
	group->control = group->segment.control;
	group->own = sbn_control_rank(&group->control, group->rank);
	group->trace = sbn_trace_of(group->own, SBN_TRACE_WORLD);
	status = meet(group);
	if (status == SYNCBN_OK)
		return SYNCBN_OK;
	/* without LEFT: to the peers this rank is lost */
	if (group->shared.base != NULL)
		sbn_extent_unmap(&group->shared.extent);
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
		status = sbn_tuning_check();
		if (status == SYNCBN_OK)
			status = sbn_group_alone(process, world);
		if (status == SYNCBN_OK)
			(*world)->is_world = true;
		return status;
	}
	group = sbn_group_alloc(process, contract.rank, contract.world_size);
	if (group == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a group of %" PRIu32 " ranks",
				contract.world_size);
	status = join(&contract, group);
	if (status != SYNCBN_OK) {
		sbn_group_discard(group);
		return status;
	}
	*world = group;
	return SYNCBN_OK;
}
