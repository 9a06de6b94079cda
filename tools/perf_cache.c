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
	struct perf_cache found = { 0, SIZE_MAX, 0 };
	struct sbn_topology topology;

	if (sbn_topology_load(NULL, &topology) != SYNCBN_OK)
		return (struct perf_cache){ USUAL_CACHE, USUAL_CACHE, 0 };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && found.nearer == 0; i++) {
		hwloc_obj_t cache = NULL;
		size_t all = 0;

		while ((cache = hwloc_get_next_obj_by_type(topology.hwloc, types[i], cache)) !=
		       NULL) {
			if (cache->attr->cache.size == 0) /* as some virtual machines say */
				continue;
			all += cache->attr->cache.size;
			if (found.all == 0)
				found.smallest =
					SBN_MIN(found.smallest, (size_t)cache->attr->cache.size);
		}
		if (found.all == 0)
			found.all = all;
		else
			found.nearer = all;
	}
	sbn_topology_free(&topology);
	return found.all > 0 ? found : (struct perf_cache){ USUAL_CACHE, USUAL_CACHE, 0 };
}

struct perf_cache
perf_last_cache(void)
{
	static struct perf_cache cache;

	if (cache.all == 0)
		cache = find();
	return cache;
}

/* Ranks may share the last cache, or have one each; what is written may go through it. */
size_t
perf_cache_hot(const struct perf_cache *cache, size_t read, size_t written, size_t n_ranks,
	       bool *fits)
{
	const size_t room = SBN_MIN(cache->all / n_ranks, cache->smallest) / 4 * 3;
	const size_t wanted = sbn_ceil_div(PERF_CACHE_TIMES * cache->nearer, n_ranks * read);

	*fits = read <= room;
	return SBN_MAX(SBN_MIN(wanted, room / (read + written)), (size_t)1);
}
