/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hwloc hides the nodes that may not be used, and with them their rows of the table: CPUs that have
 * no memory lose what tells whom they are near. So the machine is loaded once more with all of it.
 */
#include "platform/nearness.h"

#include <sys/stat.h>

#include "base/math.h"
#include "platform/topology_source.h"

/* A pipe tells its story once, and whoever opens it again may wait for ever. */
static bool
can_be_read_again(const char *source)
{
	struct stat file;

	return source == NULL || stat(source, &file) != 0 || S_ISREG(file.st_mode);
}

static hwloc_topology_t
load_whole(const char *source)
{
	hwloc_topology_t whole;

	if (!can_be_read_again(source) || hwloc_topology_init(&whole) != 0)
		return NULL;
	if (hwloc_topology_set_flags(whole, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) == 0 &&
	    sbn_topology_load_source(source, whole) == SYNCBN_OK)
		return whole;
	hwloc_topology_destroy(whole);
	return NULL;
}

void
sbn_nearness_open(const struct sbn_topology *topology, struct sbn_nearness *nearness)
{
	unsigned n = 1;

	*nearness = (struct sbn_nearness){ .whole = load_whole(topology->source) };
	if (nearness->whole != NULL &&
	    hwloc_distances_get_by_type(nearness->whole, HWLOC_OBJ_NUMANODE, &n, &nearness->latency,
					HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) != 0)
		nearness->latency = NULL;
	if (n == 0)
		nearness->latency = NULL;
}

/* The row of the smallest node that has all of these CPUs, or -1. */
static int
row_of(const struct hwloc_distances_s *latency, hwloc_const_bitmap_t cpus)
{
	int row = -1;

	for (unsigned i = 0; i < latency->nbobjs; i++) {
		hwloc_const_bitmap_t local = latency->objs[i]->cpuset;

		if (!hwloc_bitmap_isincluded(cpus, local))
			continue;
		if (row < 0 ||
		    hwloc_bitmap_weight(local) < hwloc_bitmap_weight(latency->objs[row]->cpuset))
			row = (int)i;
	}
	return row;
}

uint64_t
sbn_nearness_of(const struct sbn_nearness *nearness, hwloc_const_bitmap_t cpus,
		hwloc_const_bitmap_t nodes)
{
	const struct hwloc_distances_s *latency = nearness->latency;
	int row = latency == NULL ? -1 : row_of(latency, cpus);
	uint64_t nearest = SBN_NEARNESS_UNKNOWN;

	for (unsigned i = 0; row >= 0 && i < latency->nbobjs; i++)
		if (hwloc_bitmap_isset(nodes, latency->objs[i]->os_index))
			nearest = SBN_MIN(nearest,
					  latency->values[(unsigned)row * latency->nbobjs + i]);
	return nearest;
}

void
sbn_nearness_close(struct sbn_nearness *nearness)
{
	if (nearness->latency != NULL)
		hwloc_distances_release(nearness->whole, nearness->latency);
	if (nearness->whole != NULL)
		hwloc_topology_destroy(nearness->whole);
	*nearness = (struct sbn_nearness){ 0 };
}
