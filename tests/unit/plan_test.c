/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "launch/plan.h"

#include "machine.h"

static const char *const machines[] = {
	"pu:1",
	"pack:1 core:2 pu:1",
	"pack:1 core:3 pu:4",
	"pack:2 numa:4 core:4 pu:2",
	"pack:4 numa:1 core:5 pu:1",
	"pack:3 numa:2 core:3 pu:3",
	"hbm.xml",
	"memoryless.xml",
	"coreless.xml",
	"uneven.xml",
	"cxl.xml",
	"dies.xml",
	"gpus.xml",
	"lopsided.xml",
	"offline.xml",
	"snc4.xml",
	"wide.xml",
};

enum { N_MACHINES = sizeof(machines) / sizeof(machines[0]) };

static unsigned
count_pus(const struct sbn_domains *domains)
{
	unsigned n = 0;

	for (unsigned i = 0; i < domains->n; i++)
		n += domains->domain[i].n_pus;
	return n;
}

/* Calls check on every machine with every number of ranks that it has room for. */
static void
for_every_plan(void (*check)(const struct machine *machine, const struct sbn_plan *plan))
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct machine machine;

		machine_open(&machine, machines[i], SBN_MAP_NUMA);
		for (unsigned n = 1; n <= count_pus(&machine.domains); n++) {
			struct sbn_plan plan;

			assert_int_equal(sbn_plan_make(&machine.topology, &machine.domains, n,
						       false, &plan),
					 SYNCBN_OK);
			assert_int_equal(plan.n_ranks, n);
			check(&machine, &plan);
			sbn_plan_free(&plan);
		}
		machine_close(&machine);
	}
}

static void
check_disjoint(const struct machine *machine, const struct sbn_plan *plan)
{
	hwloc_bitmap_t seen = hwloc_bitmap_alloc();

	(void)machine;
	for (unsigned i = 0; i < plan->n_ranks; i++) {
		assert_false(hwloc_bitmap_iszero(plan->rank[i].cpus));
		assert_false(hwloc_bitmap_intersects(seen, plan->rank[i].cpus));
		assert_int_equal(hwloc_bitmap_weight(plan->rank[i].cpus), plan->rank[i].n_pus);
		assert_true(plan->rank[i].n_cores >= 1);
		hwloc_bitmap_or(seen, seen, plan->rank[i].cpus);
	}
	assert_false(plan->oversubscribed);
	hwloc_bitmap_free(seen);
}

static void
test_no_two_ranks_share_a_cpu(void **state)
{
	(void)state;
	for_every_plan(check_disjoint);
}

static void
check_one_domain_each(const struct machine *machine, const struct sbn_plan *plan)
{
	unsigned last = 0;

	for (unsigned i = 0; i < plan->n_ranks; i++) {
		const struct sbn_plan_rank *rank = &plan->rank[i];
		const struct sbn_domain *domain = &machine->domains.domain[rank->domain];

		assert_true(rank->domain >= last);
		last = rank->domain;
		assert_true(plan->domain_used[rank->domain]);
		assert_true(hwloc_bitmap_isincluded(rank->cpus, domain->cpus));
		assert_true(hwloc_bitmap_isequal(rank->nodes, domain->nodes));
	}
}

static void
test_every_rank_lies_in_one_domain_and_in_order(void **state)
{
	(void)state;
	for_every_plan(check_one_domain_each);
}

static void
check_cover(const struct machine *machine, const struct sbn_plan *plan)
{
	hwloc_bitmap_t all = hwloc_bitmap_alloc();

	for (unsigned i = 0; i < plan->n_ranks; i++)
		hwloc_bitmap_or(all, all, plan->rank[i].cpus);
	for (unsigned d = 0; d < plan->n_domains; d++) {
		hwloc_const_bitmap_t cpus = machine->domains.domain[d].cpus;

		assert_int_equal(plan->domain_used[d], hwloc_bitmap_intersects(all, cpus));
		assert_int_equal(plan->domain_used[d], hwloc_bitmap_isincluded(cpus, all));
		assert_true(plan->domain_used[d] || plan->n_ranks < plan->n_domains);
	}
	hwloc_bitmap_free(all);
}

static void
test_a_used_domain_is_used_whole_and_none_is_idle_without_need(void **state)
{
	(void)state;
	for_every_plan(check_cover);
}

/* While cores are enough, no core's processing units are spread over two ranks. */
static void
check_cores_together(const struct machine *machine, const struct sbn_plan *plan)
{
	for (unsigned i = 0; i < plan->n_ranks; i++) {
		const struct sbn_plan_rank *rank = &plan->rank[i];
		const struct sbn_domain *domain = &machine->domains.domain[rank->domain];
		unsigned n_here = 0;
		hwloc_obj_t core = NULL;

		for (unsigned k = 0; k < plan->n_ranks; k++)
			n_here += plan->rank[k].domain == rank->domain;
		while ((core = sbn_core_next(&machine->topology, rank->cpus, core)) != NULL) {
			if (n_here <= domain->n_cores)
				assert_true(hwloc_bitmap_isincluded(core->cpuset, rank->cpus));
			else
				assert_true(hwloc_bitmap_isincluded(rank->cpus, core->cpuset));
		}
	}
}

static void
test_cores_stay_whole_while_there_are_enough(void **state)
{
	(void)state;
	for_every_plan(check_cores_together);
}

static void
check_spread(const struct machine *machine, const struct sbn_plan *plan)
{
	unsigned n_ranks[64] = { 0 };
	unsigned n_domains[64] = { 0 };

	if (plan->n_ranks >= plan->n_domains)
		return;
	for (unsigned d = 0; d < plan->n_domains; d++)
		n_domains[machine->domains.domain[d].package]++;
	for (unsigned i = 0; i < plan->n_ranks; i++)
		n_ranks[machine->domains.domain[plan->rank[i].domain].package]++;
	for (unsigned a = 0; a < 64; a++) {
		for (unsigned b = 0; b < 64; b++)
			assert_true(n_domains[b] == n_ranks[b] || n_ranks[a] <= n_ranks[b] + 1);
	}
}

static void
test_few_ranks_spread_over_the_packages(void **state)
{
	(void)state;
	for_every_plan(check_spread);
}

/* n ranks on uneven.xml, whose domains have 1, 2 and 3 cores: how many each domain gets */
static void
assert_shares(unsigned n, const unsigned shares[3])
{
	unsigned counts[3] = { 0 };
	struct machine machine;
	struct sbn_plan plan;

	machine_open(&machine, "uneven.xml", SBN_MAP_NUMA);
	assert_int_equal(sbn_plan_make(&machine.topology, &machine.domains, n, true, &plan),
			 SYNCBN_OK);
	for (unsigned i = 0; i < n; i++)
		counts[plan.rank[i].domain]++;
	assert_memory_equal(counts, shares, sizeof(counts));
	sbn_plan_free(&plan);
	machine_close(&machine);
}

static void
test_larger_domains_come_first_and_get_more_ranks(void **state)
{
	(void)state;
	assert_shares(1, (const unsigned[]){ 0, 0, 1 });
	assert_shares(2, (const unsigned[]){ 0, 1, 1 });
	assert_shares(3, (const unsigned[]){ 1, 1, 1 });
	assert_shares(4, (const unsigned[]){ 1, 1, 2 });
	assert_shares(6, (const unsigned[]){ 1, 2, 3 });
	assert_shares(12, (const unsigned[]){ 2, 4, 6 });
}

static void
test_more_ranks_than_processing_units_are_refused_with_the_number(void **state)
{
	struct machine machine;
	struct sbn_plan plan;

	(void)state;
	machine_open(&machine, "pack:2 core:2 pu:2", SBN_MAP_NUMA);
	assert_int_equal(sbn_plan_make(&machine.topology, &machine.domains, 9, false, &plan),
			 SYNCBN_ERR_INVALID);
	assert_string_equal(
		sbn_last_error(),
		"-n 9: this machine has 8 processing units to use; ask for at most 8, or "
		"give --oversubscribe");
	machine_close(&machine);
}

static void
test_oversubscribed_ranks_share_cores_evenly(void **state)
{
	unsigned on_core[4] = { 0 };
	struct machine machine;
	struct sbn_plan plan;

	(void)state;
	machine_open(&machine, "pack:1 core:4 pu:1", SBN_MAP_NUMA);
	assert_int_equal(sbn_plan_make(&machine.topology, &machine.domains, 10, true, &plan),
			 SYNCBN_OK);
	assert_true(plan.oversubscribed);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(plan.rank[i].n_cores, 1);
		on_core[hwloc_bitmap_first(plan.rank[i].cpus)]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(on_core[i], 2, 3);
	sbn_plan_free(&plan);
	machine_close(&machine);
}

static void
test_without_a_number_every_domain_gets_a_rank(void **state)
{
	struct machine machine;
	struct sbn_plan plan;

	(void)state;
	machine_open(&machine, "pack:8 numa:4 core:16 pu:2", SBN_MAP_NUMA);
	assert_int_equal(sbn_plan_make(&machine.topology, &machine.domains, 0, false, &plan),
			 SYNCBN_OK);
	assert_int_equal(plan.n_ranks, 32);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(plan.rank[i].domain, i);
		assert_int_equal(plan.rank[i].n_cores, 16);
	}
	sbn_plan_free(&plan);
	machine_close(&machine);
}

static void
assert_wished(struct sbn_wishes wishes, const unsigned shares[3])
{
	unsigned counts[3] = { 0 };
	struct machine machine;
	struct sbn_plan plan;

	machine_open(&machine, "uneven.xml", SBN_MAP_NUMA);
	assert_int_equal(sbn_plan_wished(&machine.topology, &machine.domains, &wishes, &plan),
			 SYNCBN_OK);
	for (unsigned i = 0; i < plan.n_ranks; i++)
		counts[plan.rank[i].domain]++;
	assert_memory_equal(counts, shares, sizeof(counts));
	for (unsigned d = 0; d < 3; d++)
		assert_int_equal(plan.domain_used[d], shares[d] > 0);
	sbn_plan_free(&plan);
	machine_close(&machine);
}

static void
test_a_number_a_domain_is_kept_and_only_some_may_be_used(void **state)
{
	hwloc_bitmap_t only = hwloc_bitmap_alloc();

	(void)state;
	hwloc_bitmap_set_range(only, 1, 2);
	assert_wished((struct sbn_wishes){ .per_domain = 2, .oversubscribe = true },
		      (const unsigned[]){ 2, 2, 2 });
	assert_wished((struct sbn_wishes){ .n_ranks = 4, .per_domain = 2, .oversubscribe = true },
		      (const unsigned[]){ 1, 1, 2 });
	assert_wished((struct sbn_wishes){ .only = only }, (const unsigned[]){ 0, 1, 1 });
	assert_wished((struct sbn_wishes){ .only = only, .n_ranks = 5 },
		      (const unsigned[]){ 0, 2, 3 });
	hwloc_bitmap_free(only);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_two_ranks_share_a_cpu),
		cmocka_unit_test(test_every_rank_lies_in_one_domain_and_in_order),
		cmocka_unit_test(test_a_used_domain_is_used_whole_and_none_is_idle_without_need),
		cmocka_unit_test(test_cores_stay_whole_while_there_are_enough),
		cmocka_unit_test(test_few_ranks_spread_over_the_packages),
		cmocka_unit_test(test_larger_domains_come_first_and_get_more_ranks),
		cmocka_unit_test(test_more_ranks_than_processing_units_are_refused_with_the_number),
		cmocka_unit_test(test_oversubscribed_ranks_share_cores_evenly),
		cmocka_unit_test(test_a_number_a_domain_is_kept_and_only_some_may_be_used),
		cmocka_unit_test(test_without_a_number_every_domain_gets_a_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
