/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_cache.h"

#include <hwloc.h>
#include <stdint.h>

#include "base/math.h"
#include "platform/topology.h"

enum { USUAL_CACHE = 32 << 20 };

/*
 * Not sysconf: on some CPUs it gives the whole package's, of which a virtual machine has a part. Of
 * all CPUs, not those that this rank is bound to: ranks make as many calls as each other by it.
 */
static struct perf_cache
find(void)
{
	static const hwloc_obj_type_t types[] = { HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE };
	struct perf_cache found = { 0, SIZE_MAX };
	struct sbn_topology topology;

	if (sbn_topology_load(NULL, &topology) != SYNCBN_OK)
		return (struct perf_cache){ USUAL_CACHE, USUAL_CACHE };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && found.all == 0; i++) {
		hwloc_obj_t cache = NULL;

		while ((cache = hwloc_get_next_obj_by_type(topology.hwloc, types[i], cache)) !=
		       NULL) {
			found.all += cache->attr->cache.size;
			found.smallest = SBN_MIN(found.smallest, (size_t)cache->attr->cache.size);
		}
	}
	sbn_topology_free(&topology);
	return found.all > 0 ? found : (struct perf_cache){ USUAL_CACHE, USUAL_CACHE };
}

struct perf_cache
perf_last_cache(void)
{
	static struct perf_cache cache;

	if (cache.all == 0)
		cache = find();
	return cache;
}
