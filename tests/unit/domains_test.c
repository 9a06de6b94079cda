/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "machine.h"

/* "0-3@0 4-7@1": the CPUs and memory nodes of each domain */
static void
describe(const struct sbn_domains *domains, char *text, size_t bytes)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < domains->n; i++) {
		char cpus[256];
		char nodes[256];

		hwloc_bitmap_list_snprintf(cpus, sizeof(cpus), domains->domain[i].cpus);
		hwloc_bitmap_list_snprintf(nodes, sizeof(nodes), domains->domain[i].nodes);
		used += (size_t)snprintf(text + used, bytes - used, "%s%s@%s", i > 0 ? " " : "",
					 cpus, nodes);
	}
}

static void
assert_domains(const char *source, enum sbn_map map, const char *expected)
{
	struct machine machine;
	char text[4096];

	machine_open(&machine, source, map);
	describe(&machine.domains, text, sizeof(text));
	assert_string_equal(text, expected);
	machine_close(&machine);
}

static void
test_a_plain_machine_has_one_domain_a_node(void **state)
{
	(void)state;
	assert_domains("pack:2 numa:2 core:2 pu:2", SBN_MAP_NUMA, "0-3@0 4-7@1 8-11@2 12-15@3");
}

static void
test_a_machine_without_numa_is_one_domain(void **state)
{
	struct machine machine;

	(void)state;
	machine_open(&machine, "pack:2 core:2 pu:1", SBN_MAP_NUMA);
	assert_int_equal(machine.domains.n, 1);
	assert_int_equal(machine.domains.domain[0].n_cores, 4);
	assert_true(hwloc_bitmap_isset(machine.domains.domain[0].nodes, 0));
	machine_close(&machine);
}

static void
test_a_big_machine_is_counted_right(void **state)
{
	struct machine machine;
	unsigned n_pus = 0;

	(void)state;
	machine_open(&machine, "pack:8 numa:4 core:16 pu:2", SBN_MAP_NUMA);
	assert_int_equal(machine.domains.n, 32);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(machine.domains.domain[i].n_cores, 16);
		assert_int_equal(machine.domains.domain[i].package, i / 4);
		n_pus += machine.domains.domain[i].n_pus;
	}
	assert_int_equal(n_pus, 1024);
	machine_close(&machine);
}

static void
test_nodes_with_equal_cpus_are_one_domain(void **state)
{
	(void)state;
	assert_domains("hbm.xml", SBN_MAP_NUMA, "0-1@0,2 2-3@1,3");
}

static void
test_a_node_over_smaller_ones_is_a_tier_and_no_domain(void **state)
{
	(void)state;
	assert_domains("tier.xml", SBN_MAP_NUMA, "0-1@0 2-3@1");
}

static void
test_what_smaller_nodes_leave_of_a_larger_one_is_a_domain(void **state)
{
	(void)state;
	assert_domains("partial.xml", SBN_MAP_NUMA, "0-1@0 2-3@1");
}

static void
test_nodes_without_cpus_are_no_domains(void **state)
{
	(void)state;
	assert_domains("cpuless.xml", SBN_MAP_NUMA, "0-1@0-1 2-3@2");
}

static void
test_cores_without_memory_join_others_whole_and_evenly(void **state)
{
	struct machine machine;

	(void)state;
	assert_domains("memoryless.xml", SBN_MAP_NUMA, "0-1,3,6-7,9@0 2,4-5,8,10-11@2");
	machine_open(&machine, "memoryless.xml", SBN_MAP_NUMA);
	assert_int_equal(machine.domains.domain[1].package, 2);
	assert_int_equal(machine.domains.domain[1].n_cores, 3);
	machine_close(&machine);
}

static void
test_the_table_of_distances_counts_more_than_the_tree(void **state)
{
	(void)state;
	assert_domains("distances.xml", SBN_MAP_NUMA, "0-1@0 4-5@2 2-3,6-7@3");
}

static void
test_a_cpuset_leaves_its_cpus_and_nodes_only(void **state)
{
	(void)state;
	assert_domains("cpuset.xml", SBN_MAP_NUMA, "1,6@0 2@1 4-5@2");
}

static void
test_cpus_apart_from_all_memory_are_one_domain(void **state)
{
	struct machine machine;

	(void)state;
	assert_domains("disjoint.xml", SBN_MAP_NUMA, "0-1@");
	machine_open(&machine, "disjoint.xml", SBN_MAP_NUMA);
	assert_true(machine.domains.whole_machine);
	machine_close(&machine);
}

static void
test_processing_units_count_where_there_are_no_cores(void **state)
{
	struct machine machine;

	(void)state;
	assert_domains("coreless.xml", SBN_MAP_CORE, "0@0 2@0 4@1 6@1");
	machine_open(&machine, "coreless.xml", SBN_MAP_NUMA);
	assert_int_equal(machine.domains.n, 2);
	assert_int_equal(machine.domains.domain[0].n_cores, 2);
	assert_int_equal(machine.domains.domain[0].n_pus, 2);
	machine_close(&machine);
}

static void
test_the_order_is_the_machines_and_not_the_node_numbers(void **state)
{
	(void)state;
	assert_domains("uneven.xml", SBN_MAP_NUMA, "0@7 1-2@3 3-5@0");
}

static void
test_the_other_maps_use_the_memory_around_them(void **state)
{
	static const char source[] = "pack:2 numa:2 l3:2 core:1 pu:2";

	(void)state;
	assert_domains(source, SBN_MAP_PACKAGE, "0-7@0-1 8-15@2-3");
	assert_domains(source, SBN_MAP_L3, "0-1@0 2-3@0 4-5@1 6-7@1 8-9@2 10-11@2 12-13@3 14-15@3");
	assert_domains("pack:1 core:2 pu:2", SBN_MAP_CORE, "0-1@0 2-3@0");
}

static void
test_a_map_without_objects_gives_one_domain(void **state)
{
	(void)state;
	assert_domains("pack:2 core:2 pu:1", SBN_MAP_L3, "0-3@0");
}

static void
test_kinds_of_memory_and_tiers_of_many_shapes(void **state)
{
	(void)state;
	assert_domains("snc4.xml", SBN_MAP_NUMA,
		       "0-2,10-12@0,4 3-5,13-15@1,5 6-7,16-17@2,6 8-9,18-19@3,7");
	assert_domains("gpus.xml", SBN_MAP_NUMA, "0-1,4-5@0,254-255 2-3,6-7@8,252-253");
	assert_domains("cxl.xml", SBN_MAP_NUMA, "0-1@0 2-3@1 4-5@2 6-7@3");
	assert_domains("lopsided.xml", SBN_MAP_NUMA, "0@0 1@1 2-3@2 4-7@3");
}

static void
test_a_die_without_memory_stays_in_its_package(void **state)
{
	(void)state;
	assert_domains("dies.xml", SBN_MAP_NUMA, "0-3@0 4@1 5-7@2");
}

static void
test_forbidden_memory_makes_no_domain(void **state)
{
	(void)state;
	assert_domains("cgroup.xml", SBN_MAP_NUMA, "0-5@0");
}

static void
test_numbers_with_holes(void **state)
{
	(void)state;
	assert_domains("offline.xml", SBN_MAP_NUMA, "0,3@0 4,8-9@1 7@2");
	assert_domains("wide.xml", SBN_MAP_NUMA, "0-1,512-513@0 256-257,768-769@64");
	assert_domains("smallest.xml", SBN_MAP_NUMA, "0@3");
}

static void
test_a_mask_within_a_domain_does_not_change_its_memory(void **state)
{
	struct machine machine;
	char text[256];

	(void)state;
	machine_open(&machine, "tier.xml", SBN_MAP_NUMA);
	sbn_domains_free(&machine.domains);
	hwloc_bitmap_clr_range(machine.topology.allowed, 2, 3);
	assert_int_equal(sbn_domains_find(&machine.topology, SBN_MAP_NUMA, &machine.domains),
			 SYNCBN_OK);
	describe(&machine.domains, text, sizeof(text));
	assert_string_equal(text, "0-1@0");
	machine_close(&machine);
}

static void
test_no_allowed_cpu_is_an_error(void **state)
{
	struct machine machine;

	(void)state;
	machine_open(&machine, "pack:1 core:2 pu:1", SBN_MAP_NUMA);
	sbn_domains_free(&machine.domains);
	hwloc_bitmap_zero(machine.topology.allowed);
	assert_int_equal(sbn_domains_find(&machine.topology, SBN_MAP_NUMA, &machine.domains),
			 SYNCBN_ERR_INVALID);
	machine_close(&machine);
}

static void
test_what_is_no_machine_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "core",
					   "no-such-file.xml",
					   "/",
					   "/dev/null",
					   "core:1000000000 pu:1000000000",
					   "pu:0",
					   "core:99999999999999999999",
					   "core:2 pu:4000" };
	struct sbn_topology topology;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sbn_topology_load(bad[i], &topology), SYNCBN_ERR_INVALID);
		assert_non_null(strstr(sbn_last_error(), bad[i]));
	}
}

static void
assert_refused(const char *source, const char *says)
{
	const char *tree = getenv("SRC");
	struct sbn_topology topology;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/topologies/%s", tree != NULL ? tree : ".", source);
	assert_int_equal(sbn_topology_load(path, &topology), SYNCBN_ERR_INVALID);
	if (strstr(sbn_last_error(), says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sbn_last_error(), says);
}

static void
test_files_that_hwloc_cannot_read_are_refused(void **state)
{
	(void)state;
	assert_refused("hwloc3.xml", "was written by hwloc 3");
	assert_refused("broken.xml", "is not XML of hwloc 2");
	assert_refused("numbers.xml", "has the number 4000000000");
	assert_refused("../tools/dry_run.sh", "is not XML of hwloc 2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_plain_machine_has_one_domain_a_node),
		cmocka_unit_test(test_a_machine_without_numa_is_one_domain),
		cmocka_unit_test(test_a_big_machine_is_counted_right),
		cmocka_unit_test(test_nodes_with_equal_cpus_are_one_domain),
		cmocka_unit_test(test_a_node_over_smaller_ones_is_a_tier_and_no_domain),
		cmocka_unit_test(test_what_smaller_nodes_leave_of_a_larger_one_is_a_domain),
		cmocka_unit_test(test_nodes_without_cpus_are_no_domains),
		cmocka_unit_test(test_cores_without_memory_join_others_whole_and_evenly),
		cmocka_unit_test(test_the_table_of_distances_counts_more_than_the_tree),
		cmocka_unit_test(test_a_cpuset_leaves_its_cpus_and_nodes_only),
		cmocka_unit_test(test_cpus_apart_from_all_memory_are_one_domain),
		cmocka_unit_test(test_processing_units_count_where_there_are_no_cores),
		cmocka_unit_test(test_the_order_is_the_machines_and_not_the_node_numbers),
		cmocka_unit_test(test_the_other_maps_use_the_memory_around_them),
		cmocka_unit_test(test_a_map_without_objects_gives_one_domain),
		cmocka_unit_test(test_kinds_of_memory_and_tiers_of_many_shapes),
		cmocka_unit_test(test_a_die_without_memory_stays_in_its_package),
		cmocka_unit_test(test_forbidden_memory_makes_no_domain),
		cmocka_unit_test(test_numbers_with_holes),
		cmocka_unit_test(test_files_that_hwloc_cannot_read_are_refused),
		cmocka_unit_test(test_a_mask_within_a_domain_does_not_change_its_memory),
		cmocka_unit_test(test_no_allowed_cpu_is_an_error),
		cmocka_unit_test(test_what_is_no_machine_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
