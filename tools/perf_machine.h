/* SPDX-License-Identifier: Apache-2.0 */
/* Where the ranks run: what stands above every table of theirs. */
#ifndef SYNCBN_PERF_MACHINE_H
#define SYNCBN_PERF_MACHINE_H

#include "comm/group.h"

/*
 * How long a cache line takes from rank 0 to a peer and back, nearest and farthest; 0: all share
 * rank 0's CPU, or there is none.
 */
struct perf_trip {
	double near_ns, far_ns;
};

struct perf_machine {
	char cpu[96];
	const char *isa;
	unsigned n_cpus; /* that the ranks may use together */
	char *places;    /* each rank's CPUs: "0,1/2,3" */
	struct perf_trip trip;
	struct sbn_tuning tuning;
};

/* Collective. */
syncbn_status_t perf_machine_find(struct syncbn_group *group, struct perf_machine *machine);
/* As it is now: the host of a virtual machine moves its CPUs. Collective. */
syncbn_status_t perf_trip_measure(struct syncbn_group *group, struct perf_trip *trip);

void perf_machine_free(struct perf_machine *machine);

/* "near", "far", or "" where a round trip says neither. */
const char *perf_machine_distance(double round_trip_ns);

#endif
