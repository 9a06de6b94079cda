/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/placement.h"

#include <string.h>

#include "base/fail.h"
#include "platform/choice.h"
#include "platform/domain_lists.h"

enum { MAX_DOMAIN = 1 << 16 };

static syncbn_status_t
find_domains(const struct sbn_options *options, struct sbn_placement *placement)
{
	if (options->map == SBN_MAP_LIST)
		return sbn_domains_from_lists(&placement->topology, options->map_list,
					      &placement->domains);
	return sbn_domains_find(&placement->topology, options->map, &placement->domains);
}

static syncbn_status_t
make_plan(const struct sbn_options *options, struct sbn_placement *placement)
{
	struct sbn_wishes wishes = { .n_ranks = options->n_ranks,
				     .per_domain = options->per_domain,
				     .oversubscribe = options->oversubscribe };
	hwloc_bitmap_t only = hwloc_bitmap_alloc();
	syncbn_status_t status = SYNCBN_OK;

	if (only == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--domains");
	if (options->domains != NULL) {
		wishes.only = only;
		status = sbn_list_parse("--domains", options->domains, strlen(options->domains),
					MAX_DOMAIN, only);
	}
	if (status == SYNCBN_OK)
		status = sbn_plan_wished(&placement->topology, &placement->domains, &wishes,
					 &placement->plan);
	hwloc_bitmap_free(only);
	return status;
}

static syncbn_status_t
look_for_mixed_cores(struct sbn_placement *placement)
{
	const struct sbn_plan *plan = &placement->plan;
	hwloc_bitmap_t fast = hwloc_bitmap_alloc();
	syncbn_status_t status;

	if (fast == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "kinds of cores");
	status = sbn_topology_fast_cpus(&placement->topology, fast);
	for (unsigned i = 0; i < plan->n_ranks && status == SYNCBN_OK; i++)
		placement->mixed_cores |= hwloc_bitmap_intersects(plan->rank[i].cpus, fast) &&
					  !hwloc_bitmap_isincluded(plan->rank[i].cpus, fast);
	hwloc_bitmap_free(fast);
	return status;
}

syncbn_status_t
sbn_placement_make(const struct sbn_options *options, struct sbn_placement *placement)
{
	syncbn_status_t status;

	*placement = (struct sbn_placement){ 0 };
	status = sbn_topology_load(options->topology, &placement->topology);
	if (status == SYNCBN_OK)
		status = sbn_topology_choose(&placement->topology, options->cores, options->smt);
	if (status == SYNCBN_OK)
		status = find_domains(options, placement);
	if (status == SYNCBN_OK)
		status = make_plan(options, placement);
	if (status == SYNCBN_OK)
		status = look_for_mixed_cores(placement);
	if (status != SYNCBN_OK)
		sbn_placement_free(placement);
	return status;
}

void
sbn_placement_free(struct sbn_placement *placement)
{
	sbn_plan_free(&placement->plan);
	sbn_domains_free(&placement->domains);
	sbn_topology_free(&placement->topology);
}
