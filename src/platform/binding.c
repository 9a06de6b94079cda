/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/binding.h"

#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "platform/affinity.h"
#include "platform/kernel_nodes.h"

const char *const sbn_mem_names[SBN_N_MEM] = { "preferred", "bind", "interleave", "first-touch",
					       "none" };

static syncbn_status_t
fail_with_masks(hwloc_const_bitmap_t wanted, hwloc_const_bitmap_t got)
{
	char *wanted_text = NULL;
	char *got_text = NULL;

	if (hwloc_bitmap_list_asprintf(&wanted_text, wanted) < 0)
		wanted_text = NULL;
	if (hwloc_bitmap_list_asprintf(&got_text, got) < 0)
		got_text = NULL;
	errno = 0;
	sbn_fail(SYNCBN_ERR_SYSTEM,
		 "the system bound this process to CPUs %s instead of %s; has its cpuset changed?",
		 got_text != NULL ? got_text : "?", wanted_text != NULL ? wanted_text : "?");
	free(wanted_text);
	free(got_text);
	return SYNCBN_ERR_SYSTEM;
}

syncbn_status_t
sbn_bind_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus)
{
	syncbn_status_t status;
	hwloc_bitmap_t got;

	/* hwloc answers success there and does nothing */
	if (!topology->this_machine)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"the topology is not this machine's, so nothing can be bound; are "
				"HWLOC_XMLFILE or HWLOC_SYNTHETIC set?");
	if (hwloc_set_cpubind(topology->hwloc, cpus, HWLOC_CPUBIND_PROCESS) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "sched_setaffinity");
	got = hwloc_bitmap_alloc();
	if (got == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "bitmap");
	/* a mask partly outside the cpuset silently becomes the part inside */
	status = sbn_affinity_get(got);
	if (status == SYNCBN_OK && !hwloc_bitmap_isequal(got, cpus))
		status = fail_with_masks(cpus, got);
	hwloc_bitmap_free(got);
	return status;
}

struct policy {
	int mode;
	struct sbn_nodes nodes;
};

static bool
set_policy(const struct policy *policy)
{
	if (policy->mode == MPOL_DEFAULT)
		return set_mempolicy(MPOL_DEFAULT, NULL, 0) == 0;
	return set_mempolicy(policy->mode, sbn_kernel_nodes(&policy->nodes), SBN_KERNEL_MAXNODE) ==
	       0;
}

/* Kernels before 5.15 know one preferred node only: *policy becomes what they were asked for. */
static bool
set_some_policy(struct policy *policy, enum sbn_memory *outcome)
{
	if (set_policy(policy))
		return true;
	if (policy->mode != MPOL_PREFERRED_MANY || errno != EINVAL)
		return false;
	policy->mode = MPOL_PREFERRED;
	policy->nodes = sbn_nodes_first(&policy->nodes);
	*outcome = SBN_MEMORY_FIRST_NODE;
	return set_policy(policy);
}

/* What a refusal makes of a call: an outcome where it is known from containers, else an error. */
static syncbn_status_t
take_refusal(const char *call, enum sbn_memory *outcome)
{
	if (errno != EPERM && errno != ENOSYS && errno != EACCES)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "%s", call);
	*outcome = SBN_MEMORY_REFUSED;
	return SYNCBN_OK;
}

static syncbn_status_t
compare_policy(const struct policy *wanted, enum sbn_memory *outcome)
{
	struct policy got = { 0 };
	unsigned long *mask = sbn_kernel_nodes(&got.nodes);

	if (get_mempolicy(&got.mode, mask, SBN_KERNEL_MAXNODE, NULL, 0) != 0)
		return take_refusal("get_mempolicy", outcome);
	if (got.mode == wanted->mode && memcmp(&got.nodes, &wanted->nodes, sizeof(got.nodes)) == 0)
		return SYNCBN_OK;
	errno = 0;
	return sbn_fail(SYNCBN_ERR_SYSTEM,
			"the system set memory policy %d instead of %d, or other nodes; has the "
			"cpuset changed?",
			got.mode, wanted->mode);
}

static struct policy
policy_for(enum sbn_mem mem, hwloc_const_bitmap_t bitmap)
{
	struct sbn_nodes nodes = { { 0 } };

	sbn_nodes_add_bitmap(&nodes, bitmap);
	if (mem == SBN_MEM_FIRST_TOUCH || sbn_nodes_empty(&nodes))
		return (struct policy){ .mode = MPOL_DEFAULT };
	if (mem == SBN_MEM_BIND)
		return (struct policy){ .mode = MPOL_BIND, .nodes = nodes };
	if (mem == SBN_MEM_INTERLEAVE)
		return (struct policy){ .mode = MPOL_INTERLEAVE, .nodes = nodes };
	return (struct policy){
		.mode = sbn_nodes_count(&nodes) > 1 ? MPOL_PREFERRED_MANY : MPOL_PREFERRED,
		.nodes = nodes,
	};
}

syncbn_status_t
sbn_bind_memory(enum sbn_mem mem, hwloc_const_bitmap_t nodes, enum sbn_memory *outcome)
{
	struct policy policy = policy_for(mem, nodes);

	*outcome = SBN_MEMORY_AS_ASKED;
	if (mem == SBN_MEM_NONE)
		return SYNCBN_OK;
	if (set_some_policy(&policy, outcome))
		return compare_policy(&policy, outcome);
	return take_refusal("set_mempolicy", outcome);
}
