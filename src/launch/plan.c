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

/* The domains to deal to: those of the machine, or those that were asked for. */
struct table {
	struct sbn_domains domains; /* copies, whose sets are the machine's */
	unsigned *index;            /* [domains.n] their numbers on the machine */
	unsigned *n_ranks;          /* [domains.n] dealt */
};

static void
free_table(struct table *table)
{
	free(table->domains.domain);
	free(table->index);
	free(table->n_ranks);
}

static syncbn_status_t
lay_table(const struct sbn_domains *domains, hwloc_const_bitmap_t only, struct table *table)
{
	*table = (struct table){
		.domains.domain = calloc(domains->n, sizeof(domains->domain[0])),
		.index = calloc(domains->n, sizeof(table->index[0])),
		.n_ranks = calloc(domains->n, sizeof(table->n_ranks[0])),
	};
	if (table->domains.domain == NULL || table->index == NULL || table->n_ranks == NULL) {
		free_table(table);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "plan");
	}
	for (unsigned i = 0; i < domains->n; i++) {
		if (only != NULL && !hwloc_bitmap_isset(only, i))
			continue;
		table->domains.domain[table->domains.n] = domains->domain[i];
		table->index[table->domains.n++] = i;
	}
	return SYNCBN_OK;
}

/* How many ranks a domain may have. */
static unsigned
room_of(const struct sbn_domain *domain, const struct sbn_wishes *wishes)
{
	if (wishes->per_domain == 0)
		return domain->n_pus;
	return wishes->oversubscribe ? wishes->per_domain :
				       SBN_MIN(domain->n_pus, wishes->per_domain);
}

static syncbn_status_t
deal_to_table(const struct sbn_wishes *wishes, unsigned n, struct table *table)
{
	const struct sbn_domains *domains = &table->domains;
	unsigned *load = calloc(2 * (size_t)domains->n, sizeof(load[0]));
	unsigned *room;

	if (load == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "plan");
	room = load + domains->n;
	if (n < domains->n) {
		deal_whole_domains(domains, n, table->n_ranks, load);
	} else {
		unsigned *cores = load; /* their weights */

		for (unsigned i = 0; i < domains->n; i++) {
			cores[i] = domains->domain[i].n_cores;
			room[i] = room_of(&domains->domain[i], wishes);
		}
		deal(n, domains->n, cores, room, table->n_ranks);
	}
	free(load);
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
place_ranks(const struct sbn_topology *topology, const struct sbn_wishes *wishes,
	    struct table *table, struct sbn_plan *plan)
{
	unsigned first = 0;
	syncbn_status_t status = deal_to_table(wishes, plan->n_ranks, table);

	for (unsigned d = 0; d < table->domains.n && status == SYNCBN_OK; d++) {
		const struct sbn_domain *domain = &table->domains.domain[d];
		unsigned n = table->n_ranks[d];

		for (unsigned i = 0; i < n; i++)
			plan->rank[first + i].domain = table->index[d];
		plan->domain_used[table->index[d]] = n > 0;
		plan->oversubscribed |= n > domain->n_pus;
		if (n > 0)
			status = cut_domain(topology, domain, &plan->rank[first], n);
		first += n;
	}
	return status;
}

static syncbn_status_t
fail_room(const struct sbn_wishes *wishes, unsigned n, unsigned n_domains, unsigned room)
{
	if (wishes->per_domain == 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"-n %u: this machine has %u processing unit%s to use; ask for at "
				"most %u, or give --oversubscribe",
				n, room, room == 1 ? "" : "s", room);
	if (n > (uint64_t)wishes->per_domain * n_domains)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"-n %u: --per-domain %u lets %u domain%s have %u; give more of one "
				"or less of the other",
				n, wishes->per_domain, n_domains, n_domains == 1 ? "" : "s",
				wishes->per_domain * n_domains);
	return sbn_fail(SYNCBN_ERR_INVALID,
			"--per-domain %u: the domains have processing units for %u rank%s only; "
			"ask for fewer, or give --oversubscribe",
			wishes->per_domain, room, room == 1 ? "" : "s");
}

/* *n: how many ranks there are to be. */
static syncbn_status_t
count_ranks(const struct sbn_domains *domains, const struct sbn_wishes *wishes, unsigned *n)
{
	uint64_t wanted = wishes->n_ranks;
	unsigned room = 0;
	bool is_limit = wishes->per_domain != 0 || !wishes->oversubscribe;

	if (wanted == 0)
		wanted = (uint64_t)SBN_MAX(wishes->per_domain, 1) * domains->n;
	if (wanted > SBN_MAX_RANKS)
		return sbn_fail(SYNCBN_ERR_INVALID, "-n %u: there can be at most %d ranks",
				(unsigned)SBN_MIN(wanted, UINT32_MAX), SBN_MAX_RANKS);
	*n = (unsigned)wanted;
	for (unsigned i = 0; i < domains->n; i++)
		room += room_of(&domains->domain[i], wishes);
	return is_limit && *n > room ? fail_room(wishes, *n, domains->n, room) : SYNCBN_OK;
}

static syncbn_status_t
check_only(const struct sbn_domains *domains, hwloc_const_bitmap_t only)
{
	int last = only != NULL ? hwloc_bitmap_last(only) : 0;

	if (last < (int)domains->n)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"--domains: there is no domain %d; --dry-run shows the %u of this machine",
			last, domains->n);
}

syncbn_status_t
sbn_plan_wished(const struct sbn_topology *topology, const struct sbn_domains *domains,
		const struct sbn_wishes *wishes, struct sbn_plan *plan)
{
	struct table table;
	unsigned n = 0;
	syncbn_status_t status = check_only(domains, wishes->only);

	*plan = (struct sbn_plan){ 0 };
	if (status == SYNCBN_OK)
		status = lay_table(domains, wishes->only, &table);
	if (status != SYNCBN_OK)
		return status;
	status = count_ranks(&table.domains, wishes, &n);
	if (status == SYNCBN_OK)
		status = alloc_plan(domains, n, plan);
	if (status == SYNCBN_OK)
		status = place_ranks(topology, wishes, &table, plan);
	if (status != SYNCBN_OK)
		sbn_plan_free(plan);
	free_table(&table);
	return status;
}

syncbn_status_t
sbn_plan_make(const struct sbn_topology *topology, const struct sbn_domains *domains,
	      unsigned n_ranks, bool oversubscribe, struct sbn_plan *plan)
{
	const struct sbn_wishes wishes = { .n_ranks = n_ranks, .oversubscribe = oversubscribe };

	return sbn_plan_wished(topology, domains, &wishes, plan);
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
