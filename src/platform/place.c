/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/place.h"

#include <hwloc.h>

#include "base/fail.h"
#include "base/math.h"
#include "platform/affinity.h"
#include "platform/domains.h"
#include "platform/kernel_nodes.h"
#include "platform/topology.h"

static void
add_cpus(struct sbn_place *place, hwloc_const_bitmap_t cpus)
{
	for (int cpu = hwloc_bitmap_first(cpus); cpu >= 0 && cpu < SBN_MAX_CPUS;
	     cpu = hwloc_bitmap_next(cpus, cpu))
		sbn_cpus_add(&place->cpus, (unsigned)cpu);
}

/* one_each: the first processing unit of each core. Cores beyond the room are left out. */
static void
add_cores(struct sbn_place *place, hwloc_const_bitmap_t one_each)
{
	for (int cpu = hwloc_bitmap_first(one_each); cpu >= 0 && cpu <= UINT16_MAX;
	     cpu = hwloc_bitmap_next(one_each, cpu)) {
		if (place->n_cores == SBN_MAX_CORES)
			return;
		place->core_pu[place->n_cores++] = (uint16_t)cpu;
	}
	place->n_cores = SBN_MAX(place->n_cores, 1);
}

static void
add_nodes(struct sbn_place *place, const struct sbn_topology *topology)
{
	struct sbn_domains domains;

	if (sbn_domains_find(topology, SBN_MAP_NUMA, &domains) != SYNCBN_OK)
		return; /* no memory policy, then: first touch decides */
	for (unsigned i = 0; i < domains.n; i++)
		sbn_nodes_add_bitmap(&place->nodes, domains.domain[i].nodes);
	sbn_domains_free(&domains);
}

static bool
ask_hwloc(struct sbn_place *place, hwloc_bitmap_t cpus, hwloc_bitmap_t one_each)
{
	struct sbn_topology topology;
	bool usable;

	if (sbn_topology_load(NULL, &topology) != SYNCBN_OK)
		return false;
	usable = topology.this_machine && !hwloc_bitmap_iszero(topology.allowed);
	if (usable) {
		hwloc_bitmap_copy(cpus, topology.allowed);
		sbn_core_first_cpus(&topology, topology.allowed, one_each);
		add_nodes(place, &topology);
	}
	sbn_topology_free(&topology);
	return usable;
}

syncbn_status_t
sbn_place_discover(struct sbn_place *place)
{
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
	hwloc_bitmap_t one_each = hwloc_bitmap_alloc();
	syncbn_status_t status = SYNCBN_OK;

	*place = (struct sbn_place){ 0 };
	if (cpus == NULL || one_each == NULL) {
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "bitmap");
		goto out;
	}
	if (!ask_hwloc(place, cpus, one_each)) {
		status = sbn_affinity_get(cpus);
		if (status != SYNCBN_OK)
			goto out;
		hwloc_bitmap_copy(one_each, cpus);
	}
	add_cpus(place, cpus);
	add_cores(place, one_each);
out:
	hwloc_bitmap_free(cpus);
	hwloc_bitmap_free(one_each);
	return status;
}
