/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/plan.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/math.h"
#include "shm/layout.h"

/*
 * Deals n seats to m parties, n >= m: one each, then the next always to the party whose weight a
 * seat stays largest (d'Hondt's rule: it makes the smallest share as large as can be). Nobody gets
 * more seats than its room, while there is room anywhere.
 */
static void
deal(unsigned n, unsigned m, const unsigned *weight, const unsigned *room, unsigned *seats)
{
	uint64_t all_room = 0;

	for (unsigned i = 0; i < m; i++) {
		seats[i] = 1;
		all_room += room[i];
	}
	for (unsigned dealt = m; dealt < n; dealt++) {
		unsigned best = m;

		for (unsigned i = 0; i < m; i++) {
			if (n <= all_room && seats[i] >= room[i])
				continue;
			if (best == m || (uint64_t)weight[i] * (seats[best] + 1) >
						 (uint64_t)weight[best] * (seats[i] + 1))
				best = i;
		}
		seats[best]++;
	}
}

/*
 * Fewer ranks than domains: the next one goes to the emptiest package, there to the domain with the
 * most cores. load[i]: the ranks in the package of domain i.
 */
static void
deal_whole_domains(const struct sbn_domains *domains, unsigned n, unsigned *n_ranks, unsigned *load)
{
	const struct sbn_domain *domain = domains->domain;

	for (unsigned dealt = 0; dealt < n; dealt++) {
		unsigned best = domains->n;

		for (unsigned i = 0; i < domains->n; i++) {
			if (n_ranks[i] != 0)
				continue;
			if (best == domains->n || load[i] < load[best] ||
			    (load[i] == load[best] && domain[i].n_cores > domain[best].n_cores))
				best = i;
		}
		n_ranks[best] = 1;
		for (unsigned i = 0; i < domains->n; i++)
			load[i] += domain[i].package == domain[best].package;
	}
}

/* *n_ranks: how many ranks each domain gets; the caller frees it. */
static syncbn_status_t
deal_to_domains(const struct sbn_domains *domains, unsigned n, unsigned **n_ranks)
{
	unsigned *counts = calloc(4 * (size_t)domains->n, sizeof(counts[0]));
	unsigned *load = counts + domains->n;
	unsigned *cores = load + domains->n;
	unsigned *pus = cores + domains->n;

	if (counts == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "plan");
	for (unsigned i = 0; i < domains->n; i++) {
		cores[i] = domains->domain[i].n_cores;
		pus[i] = domains->domain[i].n_pus;
	}
	if (n >= domains->n)
		deal(n, domains->n, cores, pus, counts);
	else
		deal_whole_domains(domains, n, counts, load);
	*n_ranks = counts;
	return SYNCBN_OK;
}

/* The cores of one domain; the processing units where the machine shows none. */
struct cores {
	hwloc_bitmap_t *cpus; /* [n] */
	unsigned *n_pus;      /* [n] */
	unsigned *n_ranks;    /* [n] */
	unsigned n;
};

static void
free_cores(struct cores *cores)
{
	for (unsigned i = 0; i < cores->n; i++)
		hwloc_bitmap_free(cores->cpus[i]);
	free(cores->cpus);
	free(cores->n_pus);
	free(cores->n_ranks);
}

static syncbn_status_t
find_cores(const struct sbn_topology *topology, const struct sbn_domain *domain,
	   struct cores *cores)
{
	hwloc_obj_t core = NULL;

	*cores = (struct cores){ .cpus = calloc(domain->n_cores, sizeof(cores->cpus[0])),
				 .n_pus = calloc(domain->n_cores, sizeof(cores->n_pus[0])),
				 .n_ranks = calloc(domain->n_cores, sizeof(cores->n_ranks[0])) };
	if (cores->cpus == NULL || cores->n_pus == NULL || cores->n_ranks == NULL)
		goto out_free;
	while ((core = sbn_core_next(topology, domain->cpus, core)) != NULL) {
		hwloc_bitmap_t cpus = hwloc_bitmap_alloc();

		if (cpus == NULL)
			goto out_free;
		hwloc_bitmap_and(cpus, core->cpuset, domain->cpus);
		cores->n_pus[cores->n] = (unsigned)hwloc_bitmap_weight(cpus);
		cores->cpus[cores->n++] = cpus;
	}
	return SYNCBN_OK;
out_free:
	free_cores(cores);
	return sbn_fail(SYNCBN_ERR_NO_MEMORY, "plan");
}

/* Cores enough: each rank gets whole cores, neighbours in hwloc's order. */
static void
give_whole_cores(const struct cores *cores, struct sbn_plan_rank *rank, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned begin = (unsigned)sbn_part_begin(cores->n, n, i);
		unsigned end = (unsigned)sbn_part_begin(cores->n, n, i + 1);

		for (unsigned k = begin; k < end; k++)
			hwloc_bitmap_or(rank[i].cpus, rank[i].cpus, cores->cpus[k]);
		rank[i].n_cores = end - begin;
	}
}

static void
add_part(hwloc_bitmap_t into, hwloc_const_bitmap_t cpus, unsigned begin, unsigned end)
{
	int cpu = hwloc_bitmap_first(cpus);

	for (unsigned i = 0; i < end; i++) {
		if (i >= begin)
			hwloc_bitmap_set(into, (unsigned)cpu);
		cpu = hwloc_bitmap_next(cpus, cpu);
	}
}

/* More ranks than cores: they cut the cores' processing units, or share where even those end. */
static void
give_parts_of_cores(const struct cores *cores, struct sbn_plan_rank *rank, unsigned n)
{
	deal(n, cores->n, cores->n_pus, cores->n_pus, cores->n_ranks);
	for (unsigned k = 0; k < cores->n; k++) {
		unsigned n_pus = cores->n_pus[k];
		unsigned n_parts = cores->n_ranks[k] <= n_pus ? cores->n_ranks[k] : 1;

		for (unsigned i = 0; i < cores->n_ranks[k]; i++, rank++) {
			unsigned part = i % n_parts;

			add_part(rank->cpus, cores->cpus[k],
				 (unsigned)sbn_part_begin(n_pus, n_parts, part),
				 (unsigned)sbn_part_begin(n_pus, n_parts, part + 1));
			rank->n_cores = 1;
		}
	}
}

/* Cuts one domain into the places of n ranks. */
static syncbn_status_t
cut_domain(const struct sbn_topology *topology, const struct sbn_domain *domain,
	   struct sbn_plan_rank *rank, unsigned n)
{
	struct cores cores;
	syncbn_status_t status = find_cores(topology, domain, &cores);

	if (status != SYNCBN_OK)
		return status;
	if (n <= cores.n)
		give_whole_cores(&cores, rank, n);
	else
		give_parts_of_cores(&cores, rank, n);
	for (unsigned i = 0; i < n; i++) {
		rank[i].n_pus = (unsigned)hwloc_bitmap_weight(rank[i].cpus);
		hwloc_bitmap_copy(rank[i].nodes, domain->nodes);
	}
	free_cores(&cores);
	return SYNCBN_OK;
}

static syncbn_status_t
alloc_plan(const struct sbn_domains *domains, unsigned n, struct sbn_plan *plan)
{
	plan->rank = calloc(n, sizeof(plan->rank[0]));
	plan->domain_used = calloc(domains->n, sizeof(plan->domain_used[0]));
	if (plan->rank == NULL || plan->domain_used == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "plan");
	plan->n_domains = domains->n;
	for (plan->n_ranks = 0; plan->n_ranks < n; plan->n_ranks++) {
		struct sbn_plan_rank *rank = &plan->rank[plan->n_ranks];

		rank->cpus = hwloc_bitmap_alloc();
		rank->nodes = hwloc_bitmap_alloc();
		if (rank->cpus == NULL || rank->nodes == NULL) {
			plan->n_ranks++; /* so that this one is freed */
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "plan");
		}
	}
	return SYNCBN_OK;
}

static syncbn_status_t
place_ranks(const struct sbn_topology *topology, const struct sbn_domains *domains,
	    struct sbn_plan *plan)
{
	unsigned *n_ranks = NULL;
	unsigned first = 0;
	syncbn_status_t status = deal_to_domains(domains, plan->n_ranks, &n_ranks);

	if (status != SYNCBN_OK)
		return status;
	for (unsigned d = 0; d < domains->n && status == SYNCBN_OK; d++) {
		for (unsigned i = 0; i < n_ranks[d]; i++)
			plan->rank[first + i].domain = d;
		plan->domain_used[d] = n_ranks[d] > 0;
		if (n_ranks[d] > 0)
			status = cut_domain(topology, &domains->domain[d], &plan->rank[first],
					    n_ranks[d]);
		first += n_ranks[d];
	}
	free(n_ranks);
	return status;
}

static syncbn_status_t
check_wish(const struct sbn_domains *domains, unsigned n, bool oversubscribe, bool *over)
{
	unsigned n_pus = 0;

	for (unsigned i = 0; i < domains->n; i++)
		n_pus += domains->domain[i].n_pus;
	*over = n > n_pus;
	if (n > SBN_MAX_RANKS)
		return sbn_fail(SYNCBN_ERR_INVALID, "-n %u: there can be at most %d ranks", n,
				SBN_MAX_RANKS);
	if (*over && !oversubscribe)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"-n %u: this machine has %u processing unit%s to use; ask for at "
				"most %u, or give --oversubscribe",
				n, n_pus, n_pus == 1 ? "" : "s", n_pus);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_plan_make(const struct sbn_topology *topology, const struct sbn_domains *domains,
	      unsigned n_ranks, bool oversubscribe, struct sbn_plan *plan)
{
	unsigned n = n_ranks != 0 ? n_ranks : domains->n;
	syncbn_status_t status;

	*plan = (struct sbn_plan){ 0 };
	status = check_wish(domains, n, oversubscribe, &plan->oversubscribed);
	if (status == SYNCBN_OK)
		status = alloc_plan(domains, n, plan);
	if (status == SYNCBN_OK)
		status = place_ranks(topology, domains, plan);
	if (status != SYNCBN_OK)
		sbn_plan_free(plan);
	return status;
}

void
sbn_plan_free(struct sbn_plan *plan)
{
	for (unsigned i = 0; i < plan->n_ranks; i++) {
		hwloc_bitmap_free(plan->rank[i].cpus);
		hwloc_bitmap_free(plan->rank[i].nodes);
	}
	free(plan->rank);
	free(plan->domain_used);
	*plan = (struct sbn_plan){ 0 };
}
