/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/choice.h"

#include <string.h>

#include <hwloc/cpukinds.h>

#include "base/fail.h"

const char *const sbn_cores_names[2] = { "all", "performance" };
const char *const sbn_smt_names[2] = { "yes", "no" };

struct kind {
	int efficiency; /* -1: not known; else larger is faster */
	const char *name;
};

static struct kind
kind_of(hwloc_topology_t hwloc, unsigned index, hwloc_bitmap_t cpus)
{
	struct kind kind = { .efficiency = -1 };
	struct hwloc_info_s *infos = NULL;
	unsigned n_infos = 0;

	if (hwloc_cpukinds_get_info(hwloc, index, cpus, &kind.efficiency, &n_infos, &infos, 0) != 0)
		return (struct kind){ .efficiency = -1 };
	for (unsigned i = 0; i < n_infos; i++) {
		if (strcmp(infos[i].name, "CoreType") == 0)
			kind.name = infos[i].value;
	}
	return kind;
}

/* hwloc orders kinds by efficiency, the last one is the fastest. */
static void
unite_fastest(hwloc_topology_t hwloc, unsigned n_kinds, hwloc_bitmap_t cpus, hwloc_bitmap_t fast)
{
	struct kind fastest = kind_of(hwloc, n_kinds - 1, fast);

	if (fastest.efficiency < 0) {
		hwloc_bitmap_copy(fast, hwloc_topology_get_topology_cpuset(hwloc));
		return;
	}
	for (unsigned i = 0; i + 1 < n_kinds; i++) {
		struct kind kind = kind_of(hwloc, i, cpus);

		if (kind.name != NULL && fastest.name != NULL &&
		    strcmp(kind.name, fastest.name) == 0)
			hwloc_bitmap_or(fast, fast, cpus);
	}
}

syncbn_status_t
sbn_topology_fast_cpus(const struct sbn_topology *topology, hwloc_bitmap_t fast)
{
	int n_kinds = hwloc_cpukinds_get_nr(topology->hwloc, 0);
	hwloc_bitmap_t cpus = hwloc_bitmap_alloc();

	if (cpus == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "kinds of cores");
	if (n_kinds > 0)
		unite_fastest(topology->hwloc, (unsigned)n_kinds, cpus, fast);
	else
		hwloc_bitmap_copy(fast, hwloc_topology_get_topology_cpuset(topology->hwloc));
	hwloc_bitmap_free(cpus);
	return SYNCBN_OK;
}

static void
keep_fast(struct sbn_topology *topology, hwloc_const_bitmap_t fast)
{
	if (hwloc_bitmap_intersects(topology->allowed, fast))
		hwloc_bitmap_and(topology->allowed, topology->allowed, fast);
}

syncbn_status_t
sbn_topology_choose(struct sbn_topology *topology, enum sbn_cores cores, enum sbn_smt smt)
{
	hwloc_bitmap_t scratch = hwloc_bitmap_alloc();
	syncbn_status_t status = SYNCBN_OK;

	if (scratch == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a choice of cores");
	if (cores == SBN_CORES_PERFORMANCE &&
	    (status = sbn_topology_fast_cpus(topology, scratch)) == SYNCBN_OK)
		keep_fast(topology, scratch);
	if (status == SYNCBN_OK && smt == SBN_SMT_NO) {
		sbn_core_first_cpus(topology, topology->allowed, scratch);
		hwloc_bitmap_copy(topology->allowed, scratch);
	}
	hwloc_bitmap_free(scratch);
	return status;
}
