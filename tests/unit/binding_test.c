/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/binding.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <numaif.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/domains.h"
#include "platform/kernel_nodes.h"
#include "platform/mempolicy.h"

enum { SKIPPED = 77, NO_ERRNO = 0 };

struct machine {
	struct sbn_topology topology;
	struct sbn_domains domains;
};

/* Runs work in a child, so that nothing of it stays; 0 is success. */
static int
in_a_child(int (*work)(const struct machine *machine))
{
	struct machine machine;
	int wait_status = -1;
	pid_t child;

	if (sbn_topology_load(NULL, &machine.topology) != SYNCBN_OK ||
	    sbn_domains_find(&machine.topology, SBN_MAP_NUMA, &machine.domains) != SYNCBN_OK)
		return -1;
	child = fork();
	if (child == 0)
		_exit(work(&machine));
	waitpid(child, &wait_status, 0);
	sbn_domains_free(&machine.domains);
	sbn_topology_free(&machine.topology);
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

static void
assert_done(int code)
{
	if (code == SKIPPED)
		skip();
	assert_int_equal(code, 0);
}

/* From here on the call answers error in this process; mode >= 0: only for that first argument. */
static int
forbid(int call, int mode, unsigned error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)mode, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (mode < 0) /* whatever the argument is */
		filter[3] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return SKIPPED;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : SKIPPED;
}

static int
bind_to_one_cpu(const struct machine *machine)
{
	int cpu = hwloc_bitmap_last(machine->topology.allowed);
	hwloc_bitmap_t one = hwloc_bitmap_alloc();
	cpu_set_t *mask = CPU_ALLOC(SBN_MAX_CPUS);
	size_t bytes = CPU_ALLOC_SIZE(SBN_MAX_CPUS);

	hwloc_bitmap_only(one, (unsigned)cpu);
	if (sbn_bind_cpus(&machine->topology, one) != SYNCBN_OK)
		return 1;
	if (sched_getaffinity(0, bytes, mask) != 0 || CPU_COUNT_S(bytes, mask) != 1)
		return 2;
	return CPU_ISSET_S(cpu, bytes, mask) ? 0 : 3;
}

static void
test_a_process_is_bound_to_what_was_asked_for(void **state)
{
	(void)state;
	assert_done(in_a_child(bind_to_one_cpu));
}

static int
bind_beyond_the_machine(const struct machine *machine)
{
	hwloc_bitmap_t cpus = hwloc_bitmap_dup(machine->topology.allowed);

	hwloc_bitmap_set(cpus, 1 << 14);
	return sbn_bind_cpus(&machine->topology, cpus) == SYNCBN_ERR_SYSTEM ? 0 : 1;
}

static void
test_a_mask_that_the_system_would_cut_is_an_error(void **state)
{
	(void)state;
	assert_done(in_a_child(bind_beyond_the_machine));
}

static int
bind_where_the_system_does_something_else(const struct machine *machine)
{
	hwloc_bitmap_t one = hwloc_bitmap_alloc();

	if (hwloc_bitmap_weight(machine->topology.allowed) < 2)
		return SKIPPED;
	/* the call answers success and does nothing */
	if (forbid(SYS_sched_setaffinity, -1, NO_ERRNO) != 0)
		return SKIPPED;
	hwloc_bitmap_only(one, (unsigned)hwloc_bitmap_first(machine->topology.allowed));
	return sbn_bind_cpus(&machine->topology, one) == SYNCBN_ERR_SYSTEM ? 0 : 1;
}

static void
test_a_binding_that_reads_back_otherwise_is_an_error(void **state)
{
	(void)state;
	assert_done(in_a_child(bind_where_the_system_does_something_else));
}

static void
test_another_machine_cannot_be_bound(void **state)
{
	struct sbn_topology topology;

	(void)state;
	assert_int_equal(sbn_topology_load("core:2 pu:1", &topology), SYNCBN_OK);
	assert_int_equal(sbn_bind_cpus(&topology, topology.allowed), SYNCBN_ERR_INVALID);
	sbn_topology_free(&topology);
}

/* 0, or SKIPPED where this kernel or container has no memory policies */
static int
memory_policies_work(void)
{
	int mode;

	return get_mempolicy(&mode, NULL, 0, NULL, 0) == 0 ? 0 : SKIPPED;
}

static int
bind_memory_and_ask(const struct machine *machine, enum sbn_mem mem, int expected_mode)
{
	hwloc_bitmap_t node = hwloc_bitmap_alloc();
	enum sbn_memory outcome = SBN_MEMORY_REFUSED;
	int mode = -1;

	if (memory_policies_work() != 0)
		return SKIPPED;
	hwloc_bitmap_only(node, (unsigned)hwloc_bitmap_first(machine->domains.domain[0].nodes));
	if (sbn_bind_memory(mem, node, &outcome) != SYNCBN_OK || outcome != SBN_MEMORY_AS_ASKED)
		return 1;
	if (get_mempolicy(&mode, NULL, 0, NULL, 0) != 0)
		return 2;
	return mode == expected_mode ? 0 : 3;
}

static int
prefer_a_node(const struct machine *machine)
{
	return bind_memory_and_ask(machine, SBN_MEM_PREFERRED, MPOL_PREFERRED);
}

static int
bind_to_a_node(const struct machine *machine)
{
	return bind_memory_and_ask(machine, SBN_MEM_BIND, MPOL_BIND);
}

static int
interleave_on_a_node(const struct machine *machine)
{
	return bind_memory_and_ask(machine, SBN_MEM_INTERLEAVE, MPOL_INTERLEAVE);
}

static int
leave_it_to_first_touch(const struct machine *machine)
{
	if (set_mempolicy(MPOL_PREFERRED, NULL, 0) != 0)
		return SKIPPED;
	return bind_memory_and_ask(machine, SBN_MEM_FIRST_TOUCH, MPOL_DEFAULT);
}

static int
keep_what_is_inherited(const struct machine *machine)
{
	struct sbn_nodes nodes = { { 0 } };

	sbn_nodes_add(&nodes, (unsigned)hwloc_bitmap_first(machine->domains.domain[0].nodes));
	if (set_mempolicy(MPOL_BIND, sbn_kernel_nodes(&nodes), SBN_KERNEL_MAXNODE) != 0)
		return SKIPPED;
	return bind_memory_and_ask(machine, SBN_MEM_NONE, MPOL_BIND);
}

static void
test_each_word_gives_its_memory_policy(void **state)
{
	(void)state;
	assert_done(in_a_child(prefer_a_node));
	assert_done(in_a_child(bind_to_a_node));
	assert_done(in_a_child(interleave_on_a_node));
	assert_done(in_a_child(leave_it_to_first_touch));
	assert_done(in_a_child(keep_what_is_inherited));
}

static int
prefer_two_on_an_old_kernel(const struct machine *machine)
{
	hwloc_bitmap_t nodes = hwloc_bitmap_dup(machine->domains.domain[0].nodes);
	enum sbn_memory outcome = SBN_MEMORY_AS_ASKED;

	if (memory_policies_work() != 0 ||
	    forbid(SYS_set_mempolicy, MPOL_PREFERRED_MANY, EINVAL) != 0)
		return SKIPPED;
	hwloc_bitmap_set(nodes, (unsigned)hwloc_bitmap_last(nodes) + 1);
	if (sbn_bind_memory(SBN_MEM_PREFERRED, nodes, &outcome) != SYNCBN_OK)
		return 1;
	return outcome == SBN_MEMORY_FIRST_NODE ? 0 : 2;
}

static void
test_a_kernel_without_several_preferred_nodes_gets_the_first(void **state)
{
	(void)state;
	assert_done(in_a_child(prefer_two_on_an_old_kernel));
}

static int
bind_where_it_is_forbidden(const struct machine *machine)
{
	struct sbn_nodes nodes = { { 1 } };
	enum sbn_memory outcome = SBN_MEMORY_AS_ASKED;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (forbid(SYS_set_mempolicy, -1, EPERM) != 0 || forbid(SYS_mbind, -1, ENOSYS) != 0)
		return SKIPPED;
	if (sbn_bind_memory(SBN_MEM_BIND, machine->domains.domain[0].nodes, &outcome) != SYNCBN_OK)
		return 1;
	if (outcome != SBN_MEMORY_REFUSED)
		return 2;
	return sbn_memory_prefer(page, 4096, &nodes) ? 3 : 0;
}

static void
test_a_forbidden_memory_policy_is_no_error(void **state)
{
	(void)state;
	assert_done(in_a_child(bind_where_it_is_forbidden));
}

static int
prefer_a_node_for_a_page(const struct machine *machine)
{
	int node = hwloc_bitmap_first(machine->domains.domain[0].nodes);
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sbn_nodes nodes = { { 0 } };

	if (memory_policies_work() != 0)
		return SKIPPED;
	if (!sbn_memory_prefer(page, bytes, &nodes))
		return 1;
	sbn_nodes_add(&nodes, (unsigned)node);
	if (!sbn_memory_prefer(page, bytes, &nodes))
		return 2;
	page[0] = 1;
	return sbn_memory_node_of(page) == node ? 0 : 3;
}

static void
test_a_page_lies_on_the_node_that_was_preferred(void **state)
{
	(void)state;
	assert_done(in_a_child(prefer_a_node_for_a_page));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process_is_bound_to_what_was_asked_for),
		cmocka_unit_test(test_a_mask_that_the_system_would_cut_is_an_error),
		cmocka_unit_test(test_a_binding_that_reads_back_otherwise_is_an_error),
		cmocka_unit_test(test_another_machine_cannot_be_bound),
		cmocka_unit_test(test_each_word_gives_its_memory_policy),
		cmocka_unit_test(test_a_kernel_without_several_preferred_nodes_gets_the_first),
		cmocka_unit_test(test_a_forbidden_memory_policy_is_no_error),
		cmocka_unit_test(test_a_page_lies_on_the_node_that_was_preferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
