/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every CPU belongs to the smallest object that has it. So the objects claim their CPUs from the
 * smallest to the largest: one with the same CPUs as an earlier one is a memory kind of that
 * domain, and one that finds nothing left is a tier above domains. All this is decided by the CPUs
 * that hwloc shows; the affinity mask is laid over the result, so that a mask within one domain
 * does not make a tier look like that domain's own memory.
 */
#include "platform/domains.h"

#include <stdlib.h>

#include "base/fail.h"
#include "platform/nearness.h"

const char *const sbn_map_names[5] = { "numa", "l3", "package", "core", "list" };

struct claim {
	hwloc_obj_t home; /* the object of the lowest logical index, among equals */
	struct sbn_domain domain;
};

struct claims {
	const struct sbn_topology *topology;
	struct claim *claim;
	unsigned n;
	hwloc_bitmap_t taken; /* CPUs that are claimed already */
};

static void
free_domain(struct sbn_domain *domain)
{
	hwloc_bitmap_free(domain->cpus);
	hwloc_bitmap_free(domain->nodes);
}

static syncbn_status_t
new_domain(struct sbn_domain *domain)
{
	*domain =
		(struct sbn_domain){ .cpus = hwloc_bitmap_alloc(), .nodes = hwloc_bitmap_alloc() };
	if (domain->cpus != NULL && domain->nodes != NULL)
		return SYNCBN_OK;
	free_domain(domain);
	return sbn_fail(SYNCBN_ERR_NO_MEMORY, "domains");
}

static hwloc_obj_type_t
object_type(const struct sbn_topology *topology, enum sbn_map map)
{
	static const hwloc_obj_type_t types[] = { HWLOC_OBJ_NUMANODE, HWLOC_OBJ_L3CACHE,
						  HWLOC_OBJ_PACKAGE, HWLOC_OBJ_CORE };

	if (map == SBN_MAP_CORE && hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_CORE) <= 0)
		return HWLOC_OBJ_PU;
	return types[map];
}

static int
by_size(const void *a, const void *b)
{
	const hwloc_obj_t x = *(const hwloc_obj_t *)a;
	const hwloc_obj_t y = *(const hwloc_obj_t *)b;
	int difference = hwloc_bitmap_weight(x->cpuset) - hwloc_bitmap_weight(y->cpuset);

	if (difference != 0)
		return difference;
	return (x->logical_index > y->logical_index) - (x->logical_index < y->logical_index);
}

static int
by_logical_index(const void *a, const void *b)
{
	unsigned x = ((const struct claim *)a)->home->logical_index;
	unsigned y = ((const struct claim *)b)->home->logical_index;

	return (x > y) - (x < y);
}

static struct claim *
claim_with_equal_cpus(struct claims *claims, hwloc_obj_t object)
{
	for (unsigned i = 0; i < claims->n; i++) {
		if (hwloc_bitmap_isequal(claims->claim[i].home->cpuset, object->cpuset))
			return &claims->claim[i];
	}
	return NULL;
}

static void
note_node(struct claim *claim, hwloc_obj_t object)
{
	if (object->type == HWLOC_OBJ_NUMANODE)
		hwloc_bitmap_set(claim->domain.nodes, object->os_index);
}

static syncbn_status_t
make_claim(struct claims *claims, hwloc_obj_t object)
{
	struct claim *claim = claim_with_equal_cpus(claims, object);
	syncbn_status_t status;

	if (claim != NULL) {
		note_node(claim, object);
		return SYNCBN_OK;
	}
	if (hwloc_bitmap_isincluded(object->cpuset, claims->taken))
		return SYNCBN_OK;
	claim = &claims->claim[claims->n];
	status = new_domain(&claim->domain);
	if (status != SYNCBN_OK)
		return status;
	claims->n++;
	claim->home = object;
	note_node(claim, object);
	hwloc_bitmap_andnot(claim->domain.cpus, object->cpuset, claims->taken);
	hwloc_bitmap_or(claims->taken, claims->taken, object->cpuset);
	return SYNCBN_OK;
}

static syncbn_status_t
make_claims(struct claims *claims, hwloc_obj_type_t type)
{
	hwloc_topology_t hwloc = claims->topology->hwloc;
	int n = hwloc_get_nbobjs_by_type(hwloc, type);
	syncbn_status_t status = SYNCBN_OK;
	hwloc_obj_t *object;

	if (n <= 0) /* -1: at several depths, which these types never are in a machine of hwloc 2 */
		return SYNCBN_OK;
	object = malloc((size_t)n * sizeof(object[0]));
	claims->claim = calloc((size_t)n, sizeof(claims->claim[0]));
	if (object == NULL || claims->claim == NULL) {
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "domains");
		goto out;
	}
	for (int i = 0; i < n; i++)
		object[i] = hwloc_get_obj_by_type(hwloc, type, (unsigned)i);
	qsort(object, (size_t)n, sizeof(object[0]), by_size);
	for (int i = 0; i < n && status == SYNCBN_OK; i++)
		status = make_claim(claims, object[i]);
out:
	free(object);
	return status;
}

static unsigned
package_of(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus)
{
	hwloc_obj_t pu =
		hwloc_get_pu_obj_by_os_index(topology->hwloc, (unsigned)hwloc_bitmap_first(cpus));
	hwloc_obj_t package =
		hwloc_get_ancestor_obj_by_type(topology->hwloc, HWLOC_OBJ_PACKAGE, pu);

	return package != NULL ? package->logical_index : 0;
}

/* Lays the allowed CPUs over the claims and drops those that have none of them. */
static void
keep_allowed(struct claims *claims)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < claims->n; i++) {
		struct claim claim = claims->claim[i];

		hwloc_bitmap_and(claim.domain.cpus, claim.domain.cpus, claims->topology->allowed);
		if (hwloc_bitmap_iszero(claim.domain.cpus)) {
			free_domain(&claim.domain);
			continue;
		}
		/* asked here, before orphans of another package join */
		claim.domain.package = package_of(claims->topology, claim.domain.cpus);
		claims->claim[kept++] = claim;
	}
	claims->n = kept;
	if (kept > 0)
		qsort(claims->claim, kept, sizeof(claims->claim[0]), by_logical_index);
}

/* What tells which of two domains some CPUs are nearer to, in this order. */
struct way {
	uint64_t latency; /* by the firmware's table */
	int depth;        /* of the deepest object around both */
	int n_cpus;       /* that the domain has so far */
};

static bool
is_shorter(const struct way *a, const struct way *b)
{
	if (a->latency != b->latency)
		return a->latency < b->latency;
	return a->depth != b->depth ? a->depth > b->depth : a->n_cpus < b->n_cpus;
}

static struct sbn_domain *
nearest_domain(struct claims *claims, const struct sbn_nearness *nearness,
	       hwloc_const_bitmap_t cpus, hwloc_bitmap_t both)
{
	struct sbn_domain *nearest = NULL;
	struct way shortest = { 0 };

	for (unsigned i = 0; i < claims->n; i++) {
		struct sbn_domain *domain = &claims->claim[i].domain;
		struct way way;

		hwloc_bitmap_or(both, claims->claim[i].home->cpuset, cpus);
		way.latency = sbn_nearness_of(nearness, cpus, domain->nodes);
		way.depth = hwloc_get_obj_covering_cpuset(claims->topology->hwloc, both)->depth;
		way.n_cpus = hwloc_bitmap_weight(domain->cpus);
		if (nearest == NULL || is_shorter(&way, &shortest)) {
			nearest = domain;
			shortest = way;
		}
	}
	return nearest;
}

/* A core's CPUs go to the same domain. */
static syncbn_status_t
give_away(struct claims *claims, hwloc_const_bitmap_t orphans)
{
	hwloc_bitmap_t family = hwloc_bitmap_alloc();
	hwloc_bitmap_t scratch = hwloc_bitmap_alloc();
	syncbn_status_t status = SYNCBN_OK;
	struct sbn_nearness nearness;
	hwloc_obj_t core = NULL;

	if (family == NULL || scratch == NULL) {
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "domains");
		goto out;
	}
	sbn_nearness_open(claims->topology, &nearness);
	while ((core = sbn_core_next(claims->topology, orphans, core)) != NULL) {
		struct sbn_domain *domain;

		hwloc_bitmap_and(family, orphans, core->cpuset);
		domain = nearest_domain(claims, &nearness, family, scratch);
		hwloc_bitmap_or(domain->cpus, domain->cpus, family);
	}
	sbn_nearness_close(&nearness);
out:
	hwloc_bitmap_free(family);
	hwloc_bitmap_free(scratch);
	return status;
}

/* CPUs without local memory join the nearest domain. */
static syncbn_status_t
adopt_orphans(struct claims *claims)
{
	hwloc_bitmap_t orphans = hwloc_bitmap_dup(claims->topology->allowed);
	syncbn_status_t status = SYNCBN_OK;

	if (orphans == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "domains");
	for (unsigned i = 0; i < claims->n; i++)
		hwloc_bitmap_andnot(orphans, orphans, claims->claim[i].domain.cpus);
	if (!hwloc_bitmap_iszero(orphans))
		status = give_away(claims, orphans);
	hwloc_bitmap_free(orphans);
	return status;
}

static void
count_units(const struct sbn_topology *topology, struct sbn_domain *domain)
{
	hwloc_obj_t core = sbn_core_next(topology, domain->cpus, NULL);

	domain->n_pus = (unsigned)hwloc_bitmap_weight(domain->cpus);
	for (domain->n_cores = 0; core != NULL; domain->n_cores++)
		core = sbn_core_next(topology, domain->cpus, core);
}

static syncbn_status_t
settle(struct claims *claims, struct sbn_domains *domains)
{
	syncbn_status_t status = SYNCBN_OK;

	keep_allowed(claims);
	domains->domain = calloc(claims->n > 0 ? claims->n : 1, sizeof(domains->domain[0]));
	if (domains->domain == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "domains");
	if (claims->n > 0) {
		status = adopt_orphans(claims);
		for (; domains->n < claims->n; domains->n++)
			domains->domain[domains->n] = claims->claim[domains->n].domain;
		claims->n = 0; /* the domains own the sets from here on */
	} else if ((status = new_domain(&domains->domain[0])) == SYNCBN_OK) {
		domains->n = 1;
		domains->whole_machine = true;
		hwloc_bitmap_copy(domains->domain[0].cpus, claims->topology->allowed);
	}
	for (unsigned i = 0; i < domains->n; i++)
		count_units(claims->topology, &domains->domain[i]);
	return status;
}

static syncbn_status_t
find_by_type(const struct sbn_topology *topology, hwloc_obj_type_t type,
	     struct sbn_domains *domains)
{
	struct claims claims = { .topology = topology, .taken = hwloc_bitmap_alloc() };
	syncbn_status_t status;

	if (claims.taken == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "domains");
	status = make_claims(&claims, type);
	if (status == SYNCBN_OK)
		status = settle(&claims, domains);
	for (unsigned i = 0; i < claims.n; i++)
		free_domain(&claims.claim[i].domain);
	free(claims.claim);
	hwloc_bitmap_free(claims.taken);
	return status;
}

/* A domain of another kind uses the memory of every NUMA domain that it has CPUs of. */
static syncbn_status_t
borrow_nodes(const struct sbn_topology *topology, struct sbn_domains *domains)
{
	struct sbn_domains numa = { 0 };
	syncbn_status_t status = find_by_type(topology, HWLOC_OBJ_NUMANODE, &numa);

	for (unsigned i = 0; i < domains->n; i++) {
		struct sbn_domain *domain = &domains->domain[i];

		for (unsigned j = 0; j < numa.n; j++) {
			if (hwloc_bitmap_intersects(domain->cpus, numa.domain[j].cpus))
				hwloc_bitmap_or(domain->nodes, domain->nodes, numa.domain[j].nodes);
		}
	}
	sbn_domains_free(&numa);
	return status;
}

syncbn_status_t
sbn_domains_find(const struct sbn_topology *topology, enum sbn_map map, struct sbn_domains *domains)
{
	syncbn_status_t status;

	*domains = (struct sbn_domains){ .map = map };
	if (hwloc_bitmap_iszero(topology->allowed))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"no CPU is allowed: cpuset and affinity have none in common");
	status = find_by_type(topology, object_type(topology, map), domains);
	if (status == SYNCBN_OK && map != SBN_MAP_NUMA)
		status = borrow_nodes(topology, domains);
	if (status != SYNCBN_OK)
		sbn_domains_free(domains);
	return status;
}

syncbn_status_t
sbn_domains_complete(const struct sbn_topology *topology, struct sbn_domains *domains)
{
	for (unsigned i = 0; i < domains->n; i++) {
		struct sbn_domain *domain = &domains->domain[i];

		domain->package = package_of(topology, domain->cpus);
		count_units(topology, domain);
	}
	return borrow_nodes(topology, domains);
}

void
sbn_domains_free(struct sbn_domains *domains)
{
	for (unsigned i = 0; i < domains->n; i++)
		free_domain(&domains->domain[i]);
	free(domains->domain);
	*domains = (struct sbn_domains){ 0 };
}
