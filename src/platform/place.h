/* SPDX-License-Identifier: Apache-2.0 */
/* Where this process may run: asked once, when it joins. */
#ifndef SBN_PLATFORM_PLACE_H
#define SBN_PLATFORM_PLACE_H

#include <syncbn/status.h>

#include "platform/nodes.h"

enum { SBN_MAX_CORES = 1024 };

struct sbn_place {
	struct sbn_cpus cpus;   /* the processing units that this process may use */
	struct sbn_nodes nodes; /* the memory nodes local to them; empty where NUMA is unknown */
	int n_cores;            /* at least 1; processing units where the machine shows no cores */
	uint16_t core_pu[SBN_MAX_CORES]; /* one processing unit of each core, ascending */
};

/* What the affinity mask and the topology say of the calling thread; else the mask alone. */
syncbn_status_t sbn_place_discover(struct sbn_place *place);

#endif
