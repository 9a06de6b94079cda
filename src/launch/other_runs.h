/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of other launchers on this machine that use the same CPUs. */
#ifndef SBN_LAUNCH_OTHER_RUNS_H
#define SBN_LAUNCH_OTHER_RUNS_H

#include <stdbool.h>
#include <sys/types.h>

#include "launch/plan.h"
#include "platform/topology.h"

/* Its launcher, and a domain of ours that it uses, too. */
struct sbn_other_run {
	pid_t launcher;
	int domain;
};

/*
 * Whether ranks of another syncbn-run may run on CPUs of the plan. False: there are none to be
 * seen; /proc shows this PID namespace only.
 */
bool sbn_other_run_find(const struct sbn_topology *topology, const struct sbn_plan *plan,
			struct sbn_other_run *other);

#endif
