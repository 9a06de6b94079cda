/* SPDX-License-Identifier: Apache-2.0 */
/* Which rank goes where: a pure function of domains and wishes. */
#ifndef SBN_LAUNCH_PLAN_H
#define SBN_LAUNCH_PLAN_H

#include <hwloc.h>
#include <stdbool.h>

#include <syncbn/status.h>

#include "platform/domains.h"

struct sbn_plan_rank {
	unsigned domain;      /* index among the domains */
	hwloc_bitmap_t cpus;  /* what the rank is bound to */
	hwloc_bitmap_t nodes; /* its domain's memory nodes; may be empty */
	unsigned n_cores;     /* at least 1 */
	unsigned n_pus;
};

struct sbn_plan {
	struct sbn_plan_rank *rank;
	unsigned n_ranks;
	unsigned n_domains;  /* of the machine */
	bool *domain_used;   /* [n_domains] */
	bool oversubscribed; /* ranks share CPUs */
};

struct sbn_wishes {
	unsigned n_ranks;          /* 0: per_domain on each domain */
	unsigned per_domain;       /* no more on any domain; 0: no limit, and one without n_ranks */
	hwloc_const_bitmap_t only; /* on these domains; NULL: on all */
	bool oversubscribe;
};

/*
 * Neither n_ranks nor per_domain: one rank a domain. Fewer ranks than domains: whole domains, over
 * the packages. More: every domain gets ranks in proportion to its cores (at least one), and cuts
 * its cores into disjoint parts; a core's processing units stay together while cores are enough.
 * INVALID: more ranks than processing units without oversubscribe, or than the domains may have
 * (the detail gives the number); `only` names a domain that is not there.
 */
syncbn_status_t sbn_plan_wished(const struct sbn_topology *topology,
				const struct sbn_domains *domains, const struct sbn_wishes *wishes,
				struct sbn_plan *plan);

/* The same with no other wishes than these. */
syncbn_status_t sbn_plan_make(const struct sbn_topology *topology,
			      const struct sbn_domains *domains, unsigned n_ranks,
			      bool oversubscribe, struct sbn_plan *plan);

void sbn_plan_free(struct sbn_plan *plan);

#endif
