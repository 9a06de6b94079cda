/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_cache.h"

#include <hwloc.h>

#include "platform/topology.h"

enum { USUAL_CACHE = 32 << 20 };

/* Not sysconf: on some CPUs it gives the whole package's, of which a virtual machine has a part. */
static size_t
find(void)
{
	static const hwloc_obj_type_t types[] = { HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE };
	struct sbn_topology topology;
	size_t bytes = 0;

	if (sbn_topology_load(NULL, &topology) != SYNCBN_OK)
		return USUAL_CACHE;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && bytes == 0; i++) {
		hwloc_obj_t cache = NULL;

		while ((cache = hwloc_get_next_obj_by_type(topology.hwloc, types[i], cache)) !=
		       NULL)
			if (hwloc_bitmap_intersects(cache->cpuset, topology.allowed))
				bytes += cache->attr->cache.size;
	}
	sbn_topology_free(&topology);
	return bytes > 0 ? bytes : USUAL_CACHE;
}

size_t
perf_last_cache(void)
{
	static size_t bytes;

	if (bytes == 0)
		bytes = find();
	return bytes;
}
