/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_machine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncbn/syncbn.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/math.h"
#include "perf_cpuinfo.h"
#include "perf_work.h"
#include "platform/futex.h"

/* Cores of one cache answer in 60-120 ns, those of another in 300-530. */
enum { NEAR_NS = 180, FAR_NS = 250 };

enum { ROUNDS = 9, TRIPS = 1000, GIVE_UP_NS = 100 * 1000 * 1000 };

const char *
perf_machine_distance(double round_trip_ns)
{
	if (round_trip_ns <= 0)
		return "";
	return round_trip_ns < NEAR_NS ? "near" : round_trip_ns > FAR_NS ? "far" : "";
}

static const struct sbn_cpus *
cpus_of(const struct syncbn_group *group, uint32_t rank)
{
	return group->size == 1 ? &group->process->place.cpus :
				  &sbn_control_rank(&group->control, rank)->cpus;
}

static char *
print_places(const struct syncbn_group *group)
{
	size_t bytes = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &bytes);

	if (out == NULL)
		return NULL;
	for (uint32_t rank = 0; rank < group->size; rank++) {
		const char *before = rank == 0 ? "" : "/";

		for (unsigned cpu = 0; cpu < SBN_MAX_CPUS; cpu++) {
			if (!sbn_cpus_has(cpus_of(group, rank), cpu))
				continue;
			fprintf(out, "%s%u", before, cpu);
			before = ",";
		}
	}
	fclose(out);
	return text;
}

/* Waits for the peer's turn to end, but not for ever: it may have ended itself. */
static bool
await_turn(_Atomic uint64_t *line, uint64_t turn)
{
	uint64_t end_ns = 0;

	/* acquire: pairs with the store in bounce(), for form; nothing else is handed over */
	for (unsigned looks = 1; atomic_load_explicit(line, memory_order_acquire) != turn;
	     looks++) {
		sbn_cpu_pause();
		if (looks % 1024 != 0)
			continue;
		if (end_ns == 0)
			end_ns = sbn_now_ns() + GIVE_UP_NS;
		if (sbn_now_ns() > end_ns)
			return false;
	}
	return true;
}

/* The line goes to the peer and back, `TRIPS` times. */
static double
bounce(_Atomic uint64_t *line, bool first, uint64_t turn)
{
	uint64_t start_ns = sbn_now_ns();

	for (int trip = 0; trip < TRIPS; trip++, turn += 2) {
		if (!await_turn(line, first ? turn : turn + 1))
			return 0;
		/* release: see await_turn() */
		atomic_store_explicit(line, first ? turn + 1 : turn + 2, memory_order_release);
	}
	if (first && !await_turn(line, turn))
		return 0;
	return (double)(sbn_now_ns() - start_ns) / TRIPS;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* By rank 0 and one peer; all others wait. 0: it took too long. */
static syncbn_status_t
measure_peer(struct syncbn_group *group, const struct sbn_shared *shared, uint32_t peer,
	     double *round_trip_ns)
{
	/* a line of the peer's own, so that every measurement begins at 0 */
	_Atomic uint64_t *line = (_Atomic uint64_t *)(shared->base + peer * shared->stride);
	double ns[ROUNDS] = { 0 };
	syncbn_status_t status = syncbn_barrier(group);

	if (status == SYNCBN_OK && (group->rank == 0 || group->rank == peer)) {
		for (uint64_t round = 0; round < ROUNDS; round++)
			ns[round] = bounce(line, group->rank == 0, 2 * round * TRIPS);
		qsort(ns, ROUNDS, sizeof(ns[0]), compare);
	}
	*round_trip_ns = ns[ROUNDS / 2];
	return status == SYNCBN_OK ? syncbn_barrier(group) : status;
}

syncbn_status_t
perf_trip_measure(struct syncbn_group *group, struct perf_trip *trip)
{
	struct sbn_shared shared;
	syncbn_status_t status =
		group->transport->share(group, SBN_OP_ARENA, sizeof(uint64_t), &shared);

	*trip = (struct perf_trip){ 0 };
	if (status != SYNCBN_OK)
		return status;
	for (uint32_t peer = 1; peer < group->size && status == SYNCBN_OK; peer++) {
		double ns = 0;

		if (sbn_cpus_meet(cpus_of(group, 0), cpus_of(group, peer)))
			continue;
		status = measure_peer(group, &shared, peer, &ns);
		if (ns > 0 && (trip->near_ns <= 0 || ns < trip->near_ns))
			trip->near_ns = ns;
		trip->far_ns = SBN_MAX(trip->far_ns, ns);
	}
	if (status == SYNCBN_OK)
		status = syncbn_barrier(group);
	group->transport->unshare(group, &shared);
	return status;
}

syncbn_status_t
perf_machine_find(struct syncbn_group *group, struct perf_machine *machine)
{
	char *cpu = perf_cpuinfo("model name");
	struct sbn_cpus all = { { 0 } };

	*machine = (struct perf_machine){
		.isa = group->process->kernels->name,
		.tuning = group->tuning,
	};
	snprintf(machine->cpu, sizeof(machine->cpu), "%s", cpu != NULL ? cpu : "unknown CPU");
	free(cpu);
	for (uint32_t rank = 0; rank < group->size; rank++)
		sbn_cpus_unite(&all, cpus_of(group, rank));
	machine->n_cpus = sbn_cpus_count(&all);
	machine->places = print_places(group);
	if (machine->places == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the list of CPUs");
	return perf_trip_measure(group, &machine->trip);
}

void
perf_machine_free(struct perf_machine *machine)
{
	free(machine->places);
	machine->places = NULL;
}
