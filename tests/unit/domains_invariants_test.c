/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds of the domains of every machine, whatever it looks like and whatever part of it is
 * allowed. The rules are written down here a second time, CPU by CPU, where domains.c thinks in
 * objects. Machines: synthetic ones up to 32 domains and 1024 processing units, those of
 * tests/topologies, and recorded ones where there are some beside the source tree.
 */
#include <glob.h>

#include "machine.h"
#include "unit/random.h"

enum { MASKS = 12, MAX_PUS = 1024 };

static const char *const machines[] = {
	"pu:1",
	"core:1 pu:8",
	"pack:1 core:2 pu:1",
	"pack:2 core:3 pu:4",
	"pack:1 numa:2 core:1 pu:1",
	"pack:3 numa:1 core:5 pu:2",
	"pack:2 numa:4 core:4 pu:2",
	"numa:7 core:3 pu:1",
	"pack:4 die:2 numa:1 l3:2 core:2 pu:2",
	"group:3 pack:2 numa:2 core:2 pu:2",
	"pack:2 [numa] die:2 [numa] core:4 pu:2",
	"[numa] pack:2 [numa(memory=1GB)] core:4 pu:1",
	"pack:16 numa:1 core:8 pu:2",
	"pack:1 numa:32 core:4 pu:1",
	"pack:8 numa:4 core:16 pu:2",
	"cgroup.xml",
	"chiplets.xml",
	"coreless.xml",
	"cpuless.xml",
	"cpuset.xml",
	"cxl.xml",
	"dies.xml",
	"disjoint.xml",
	"distances.xml",
	"gpus.xml",
	"hbm.xml",
	"hybrid.xml",
	"lopsided.xml",
	"memoryless.xml",
	"offline.xml",
	"partial.xml",
	"smallest.xml",
	"snc4.xml",
	"tier.xml",
	"uneven.xml",
	"wide.xml",
};

typedef void (*check_fn)(const struct machine *machine);

/* ---- every machine, whole and in part ---- */

static void
check_domains(struct machine *machine, enum sbn_map map, check_fn check)
{
	sbn_domains_free(&machine->domains);
	assert_int_equal(sbn_domains_find(&machine->topology, map, &machine->domains), SYNCBN_OK);
	check(machine);
}

/* Allows some of the CPUs, never none. */
static void
choose_mask(struct machine *machine, hwloc_const_bitmap_t all, uint64_t *seed)
{
	uint64_t one_in = 1 + sbn_random_below(seed, 6);
	int cpu;

	hwloc_bitmap_copy(machine->topology.allowed, all);
	hwloc_bitmap_foreach_begin(cpu, all)
	{
		if (sbn_random_below(seed, one_in) != 0 &&
		    hwloc_bitmap_weight(machine->topology.allowed) > 1)
			hwloc_bitmap_clr(machine->topology.allowed, (unsigned)cpu);
	}
	hwloc_bitmap_foreach_end();
}

static void
check_machine(const char *source, enum sbn_map map, check_fn check)
{
	hwloc_bitmap_t all = hwloc_bitmap_alloc();
	struct machine machine;
	uint64_t seed = 7;

	machine_open(&machine, source, map);
	check(&machine);
	hwloc_bitmap_copy(all, machine.topology.allowed);
	for (int i = 0; i < MASKS && hwloc_bitmap_weight(all) <= MAX_PUS; i++) {
		choose_mask(&machine, all, &seed);
		check_domains(&machine, map, check);
	}
	machine_close(&machine);
	hwloc_bitmap_free(all);
}

static void
check_recorded(enum sbn_map map, check_fn check)
{
	const char *tree = getenv("SRC");
	char pattern[4096];
	glob_t files;

	snprintf(pattern, sizeof(pattern), "%s/../shared/topologies/*.xml",
		 tree != NULL ? tree : ".");
	if (glob(pattern, 0, NULL, &files) != 0)
		return;
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_machine(files.gl_pathv[i], map, check);
	globfree(&files);
}

static void
check_all(enum sbn_map map, check_fn check)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		check_machine(machines[i], map, check);
	check_recorded(map, check);
}

/* ---- the rules, CPU by CPU ---- */

static const struct sbn_domain *
domain_of(const struct machine *machine, int cpu)
{
	for (unsigned i = 0; i < machine->domains.n; i++)
		if (hwloc_bitmap_isset(machine->domains.domain[i].cpus, (unsigned)cpu))
			return &machine->domains.domain[i];
	return NULL;
}

static hwloc_obj_t
next_node(const struct machine *machine, hwloc_obj_t node)
{
	return hwloc_get_next_obj_by_type(machine->topology.hwloc, HWLOC_OBJ_NUMANODE, node);
}

/* The CPUs of the smallest memory node that has this one; 0: none has. */
static int
smallest_around(const struct machine *machine, int cpu)
{
	int smallest = 0;

	for (hwloc_obj_t node = NULL; (node = next_node(machine, node)) != NULL;) {
		int weight = hwloc_bitmap_weight(node->cpuset);

		if (hwloc_bitmap_isset(node->cpuset, (unsigned)cpu) &&
		    (smallest == 0 || weight < smallest))
			smallest = weight;
	}
	return smallest;
}

static void
check_cover(const struct machine *machine)
{
	hwloc_bitmap_t seen = hwloc_bitmap_alloc();

	for (unsigned i = 0; i < machine->domains.n; i++) {
		const struct sbn_domain *domain = &machine->domains.domain[i];

		assert_false(hwloc_bitmap_iszero(domain->cpus));
		assert_false(hwloc_bitmap_intersects(domain->cpus, seen));
		hwloc_bitmap_or(seen, seen, domain->cpus);
	}
	assert_true(hwloc_bitmap_isequal(seen, machine->topology.allowed));
	hwloc_bitmap_free(seen);
}

static void
test_domains_are_disjoint_and_cover_the_allowed_cpus(void **state)
{
	(void)state;
	for (enum sbn_map map = SBN_MAP_NUMA; map <= SBN_MAP_CORE; map++)
		check_all(map, check_cover);
}

/* A CPU's domain has the memory that is nearest to it, and none that is nearer to others. */
static void
check_nearest_memory(const struct machine *machine)
{
	int cpu;

	hwloc_bitmap_foreach_begin(cpu, machine->topology.allowed)
	{
		const struct sbn_domain *domain = domain_of(machine, cpu);
		int smallest = smallest_around(machine, cpu);

		for (hwloc_obj_t node = NULL; (node = next_node(machine, node)) != NULL;)
			if (hwloc_bitmap_isset(node->cpuset, (unsigned)cpu))
				assert_int_equal(hwloc_bitmap_weight(node->cpuset) == smallest,
						 hwloc_bitmap_isset(domain->nodes, node->os_index));
	}
	hwloc_bitmap_foreach_end();
}

static void
test_every_cpu_has_its_nearest_memory(void **state)
{
	(void)state;
	check_all(SBN_MAP_NUMA, check_nearest_memory);
}

/* Two CPUs with the same nearest memory are in one domain. */
static void
check_one_domain_each(const struct machine *machine)
{
	for (hwloc_obj_t node = NULL; (node = next_node(machine, node)) != NULL;) {
		const struct sbn_domain *its = NULL;
		int cpu;

		hwloc_bitmap_foreach_begin(cpu, node->cpuset)
		{
			const struct sbn_domain *domain = domain_of(machine, cpu);

			if (domain == NULL ||
			    hwloc_bitmap_weight(node->cpuset) != smallest_around(machine, cpu))
				continue;
			assert_true(its == NULL || its == domain);
			its = domain;
		}
		hwloc_bitmap_foreach_end();
	}
}

static void
test_a_node_makes_one_domain_at_most(void **state)
{
	(void)state;
	check_all(SBN_MAP_NUMA, check_one_domain_each);
}

/* How deep the smallest object is that has both a CPU and all local CPUs of a domain's memory. */
static int
common_depth(const struct machine *machine, int cpu, const struct sbn_domain *domain)
{
	hwloc_bitmap_t both = hwloc_bitmap_alloc();
	int smallest = -1, depth;

	for (hwloc_obj_t node = NULL; (node = next_node(machine, node)) != NULL;) {
		int weight = hwloc_bitmap_weight(node->cpuset);

		if (hwloc_bitmap_isset(domain->nodes, node->os_index) &&
		    (smallest < 0 || weight < smallest)) {
			smallest = weight;
			hwloc_bitmap_copy(both, node->cpuset);
		}
	}
	hwloc_bitmap_set(both, (unsigned)cpu);
	depth = hwloc_get_obj_covering_cpuset(machine->topology.hwloc, both)->depth;
	hwloc_bitmap_free(both);
	return depth;
}

static void
check_orphans(const struct machine *machine)
{
	int cpu;

	hwloc_bitmap_foreach_begin(cpu, machine->topology.allowed)
	{
		const struct sbn_domain *domain = domain_of(machine, cpu);

		if (smallest_around(machine, cpu) != 0 || machine->domains.whole_machine)
			continue;
		for (unsigned i = 0; i < machine->domains.n; i++)
			assert_true(common_depth(machine, cpu, domain) >=
				    common_depth(machine, cpu, &machine->domains.domain[i]));
	}
	hwloc_bitmap_foreach_end();
}

static void
test_cpus_without_memory_are_in_the_nearest_domain(void **state)
{
	(void)state;
	check_all(SBN_MAP_NUMA, check_orphans);
}

static void
check_order(const struct machine *machine)
{
	unsigned last = 0;

	for (unsigned i = 0; i < machine->domains.n; i++) {
		unsigned first = UINT32_MAX;

		for (hwloc_obj_t node = NULL; (node = next_node(machine, node)) != NULL;)
			if (hwloc_bitmap_isset(machine->domains.domain[i].nodes, node->os_index) &&
			    node->logical_index < first)
				first = node->logical_index;
		assert_true(i == 0 || first > last);
		last = first;
	}
}

static void
test_domains_stand_in_the_machines_order(void **state)
{
	(void)state;
	check_all(SBN_MAP_NUMA, check_order);
}

static void
check_counts(const struct machine *machine)
{
	for (unsigned i = 0; i < machine->domains.n; i++) {
		const struct sbn_domain *domain = &machine->domains.domain[i];
		hwloc_bitmap_t first = hwloc_bitmap_alloc();

		sbn_core_first_cpus(&machine->topology, domain->cpus, first);
		assert_int_equal(domain->n_cores, hwloc_bitmap_weight(first));
		assert_int_equal(domain->n_pus, hwloc_bitmap_weight(domain->cpus));
		assert_in_range(domain->n_cores, 1, domain->n_pus);
		hwloc_bitmap_free(first);
	}
}

static void
test_cores_and_processing_units_are_counted(void **state)
{
	(void)state;
	for (enum sbn_map map = SBN_MAP_NUMA; map <= SBN_MAP_CORE; map++)
		check_all(map, check_counts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains_are_disjoint_and_cover_the_allowed_cpus),
		cmocka_unit_test(test_every_cpu_has_its_nearest_memory),
		cmocka_unit_test(test_a_node_makes_one_domain_at_most),
		cmocka_unit_test(test_cpus_without_memory_are_in_the_nearest_domain),
		cmocka_unit_test(test_domains_stand_in_the_machines_order),
		cmocka_unit_test(test_cores_and_processing_units_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
