/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/topology.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "platform/affinity.h"
#include "platform/topology_source.h"

static syncbn_status_t
find_allowed(struct sbn_topology *topology)
{
	hwloc_const_bitmap_t by_cpuset = hwloc_topology_get_allowed_cpuset(topology->hwloc);
	syncbn_status_t status;

	if (!topology->this_machine) {
		hwloc_bitmap_copy(topology->allowed, by_cpuset);
	} else {
		status = sbn_affinity_get(topology->allowed);
		if (status != SYNCBN_OK)
			return status;
		hwloc_bitmap_and(topology->allowed, topology->allowed, by_cpuset);
	}
	/* a file may allow CPUs that it does not show */
	hwloc_bitmap_and(topology->allowed, topology->allowed,
			 hwloc_topology_get_topology_cpuset(topology->hwloc));
	return SYNCBN_OK;
}

syncbn_status_t
sbn_topology_load(const char *source, struct sbn_topology *topology)
{
	syncbn_status_t status;

	*topology = (struct sbn_topology){ .allowed = hwloc_bitmap_alloc() };
	topology->source = source == NULL ? NULL : strdup(source);
	if (topology->allowed == NULL || (source != NULL && topology->source == NULL) ||
	    hwloc_topology_init(&topology->hwloc) != 0) {
		topology->hwloc = NULL;
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "hwloc topology");
		goto out_free;
	}
	status = sbn_topology_load_source(source, topology->hwloc);
	if (status != SYNCBN_OK)
		goto out_free;
	/* HWLOC_XMLFILE and HWLOC_SYNTHETIC show hwloc another machine without our asking */
	topology->this_machine =
		source == NULL && hwloc_topology_is_thissystem(topology->hwloc) == 1;
	status = find_allowed(topology);
	if (status == SYNCBN_OK)
		return status;
out_free:
	sbn_topology_free(topology);
	return status;
}

void
sbn_topology_free(struct sbn_topology *topology)
{
	if (topology->hwloc != NULL)
		hwloc_topology_destroy(topology->hwloc);
	hwloc_bitmap_free(topology->allowed);
	free(topology->source);
	*topology = (struct sbn_topology){ 0 };
}

static hwloc_obj_t
last_pu_of(hwloc_obj_t core)
{
	while (core->last_child != NULL)
		core = core->last_child;
	return core;
}

hwloc_obj_t
sbn_core_next(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus, hwloc_obj_t prev)
{
	hwloc_obj_t pu = prev == NULL ? hwloc_get_obj_by_type(topology->hwloc, HWLOC_OBJ_PU, 0) :
					last_pu_of(prev)->next_cousin;
	hwloc_obj_t core;

	while (pu != NULL && !hwloc_bitmap_isset(cpus, pu->os_index))
		pu = pu->next_cousin;
	if (pu == NULL)
		return NULL;
	core = hwloc_get_ancestor_obj_by_type(topology->hwloc, HWLOC_OBJ_CORE, pu);
	return core != NULL ? core : pu;
}

void
sbn_core_first_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus,
		    hwloc_bitmap_t first)
{
	hwloc_obj_t core = NULL;

	hwloc_bitmap_zero(first);
	while ((core = sbn_core_next(topology, cpus, core)) != NULL) {
		int cpu = hwloc_bitmap_first(core->cpuset);

		while (!hwloc_bitmap_isset(cpus, (unsigned)cpu))
			cpu = hwloc_bitmap_next(core->cpuset, cpu);
		hwloc_bitmap_set(first, (unsigned)cpu);
	}
}
