/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The domains of a machine: what one process is bound to.
 *
 * For SBN_MAP_NUMA: the NUMA nodes whose CPUs are among the allowed ones; nodes with equal CPUs are
 * one domain (memory kinds); a node whose CPUs are exactly the union of smaller ones is a memory
 * tier, not a domain; CPUs left without local memory join the nearest domain; where nothing is
 * left, one domain of all CPUs. Ordered by hwloc's logical index. The other maps are the same rule
 * on L3 caches, packages and cores (processing units where the machine shows no cores).
 */
#ifndef SBN_PLATFORM_DOMAINS_H
#define SBN_PLATFORM_DOMAINS_H

#include <hwloc.h>

#include <syncbn/status.h>

#include "platform/topology.h"

enum sbn_map { SBN_MAP_NUMA, SBN_MAP_L3, SBN_MAP_PACKAGE, SBN_MAP_CORE, SBN_MAP_LIST };

/* Indexed by enum sbn_map. */
extern const char *const sbn_map_names[5];

struct sbn_domain {
	hwloc_bitmap_t cpus;  /* allowed CPUs, not empty, disjoint from the other domains' */
	hwloc_bitmap_t nodes; /* OS indices of the memory nodes nearest to them; may be empty */
	unsigned n_cores;     /* processing units where the machine shows no cores */
	unsigned n_pus;
	unsigned package; /* logical index of the package that holds it (0 where unknown) */
};

struct sbn_domains {
	struct sbn_domain *domain;
	unsigned n;
	enum sbn_map map;
	bool whole_machine; /* no object of the map has any of the CPUs: one domain of all */
};

/*
 * map: not LIST. INVALID: no CPU is allowed. NO_MEMORY. Whatever it returns, sbn_domains_free may
 * follow.
 */
syncbn_status_t sbn_domains_find(const struct sbn_topology *topology, enum sbn_map map,
				 struct sbn_domains *domains);

/*
 * Fills in what follows from the CPUs of domains that somebody else has made: nodes, n_cores,
 * n_pus, package.
 */
syncbn_status_t sbn_domains_complete(const struct sbn_topology *topology,
				     struct sbn_domains *domains);

void sbn_domains_free(struct sbn_domains *domains);

#endif
