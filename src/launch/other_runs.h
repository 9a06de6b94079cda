/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of other launchers on this machine that use the same CPUs. */
#ifndef SBN_LAUNCH_OTHER_RUNS_H
#define SBN_LAUNCH_OTHER_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/placement.h"

/*
 * Writes a line when ranks of another syncbn-run may run on CPUs of the plan: which domain, and
 * that launcher's pid. False: there is none to be seen; /proc shows this PID namespace only.
 */
bool sbn_other_runs_tell(const struct sbn_placement *placement, char *line, size_t bytes);

#endif
