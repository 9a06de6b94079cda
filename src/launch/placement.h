/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a plan: a pure function of a machine, the CPUs that are allowed, and wishes. */
#ifndef SBN_LAUNCH_PLACEMENT_H
#define SBN_LAUNCH_PLACEMENT_H

#include <syncbn/status.h>

#include "launch/options.h"
#include "launch/plan.h"
#include "platform/domains.h"
#include "platform/topology.h"

struct sbn_placement {
	struct sbn_topology topology;
	struct sbn_domains domains;
	struct sbn_plan plan;
	bool mixed_cores; /* some rank has fast and slow cores: the slow ones set the pace */
};

/* Loads the machine that the options name. INVALID: a wish that it cannot fulfil. */
syncbn_status_t sbn_placement_make(const struct sbn_options *options,
				   struct sbn_placement *placement);

void sbn_placement_free(struct sbn_placement *placement);

#endif
