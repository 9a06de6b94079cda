/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/binding.h"

#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "platform/affinity.h"
#include "platform/kernel_nodes.h"

const char *const sbn_mem_names[3] = { "preferred", "bind", "first-touch" };

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
	unsigned long *mask = sbn_kernel_nodes(&policy->nodes);

	return set_mempolicy(policy->mode, mask, SBN_KERNEL_MAXNODE) == 0;
}

/* Kernels before 5.15 know one preferred node only: *policy becomes what they were asked for. */
static bool
set_some_policy(struct policy *policy)
{
	if (set_policy(policy))
		return true;
	if (policy->mode != MPOL_PREFERRED_MANY || errno != EINVAL)
		return false;
	policy->mode = MPOL_PREFERRED;
	policy->nodes = sbn_nodes_first(&policy->nodes);
	return set_policy(policy);
}

static bool
not_allowed_here(void)
{
	return errno == EPERM || errno == ENOSYS || errno == EACCES;
}

static syncbn_status_t
compare_policy(const struct policy *wanted, bool *refused)
{
	struct policy got = { 0 };
	unsigned long *mask = sbn_kernel_nodes(&got.nodes);

	if (get_mempolicy(&got.mode, mask, SBN_KERNEL_MAXNODE, NULL, 0) != 0) {
		*refused = not_allowed_here();
		return *refused ? SYNCBN_OK : sbn_fail(SYNCBN_ERR_SYSTEM, "get_mempolicy");
	}
	if (got.mode == wanted->mode && memcmp(&got.nodes, &wanted->nodes, sizeof(got.nodes)) == 0)
		return SYNCBN_OK;
	errno = 0;
	return sbn_fail(SYNCBN_ERR_SYSTEM,
			"the system set memory policy %d instead of %d, or other nodes; has the "
			"cpuset changed?",
			got.mode, wanted->mode);
}

static struct policy
policy_for(enum sbn_mem mem, hwloc_const_bitmap_t nodes)
{
	struct policy policy = { .mode = MPOL_BIND };

	sbn_nodes_add_bitmap(&policy.nodes, nodes);
	if (mem == SBN_MEM_PREFERRED)
		policy.mode =
			sbn_nodes_count(&policy.nodes) > 1 ? MPOL_PREFERRED_MANY : MPOL_PREFERRED;
	return policy;
}

syncbn_status_t
sbn_bind_memory(enum sbn_mem mem, hwloc_const_bitmap_t nodes, bool *refused)
{
	struct policy policy = policy_for(mem, nodes);

	*refused = false;
	if (mem == SBN_MEM_FIRST_TOUCH || sbn_nodes_empty(&policy.nodes))
		return SYNCBN_OK;
	if (set_some_policy(&policy))
		return compare_policy(&policy, refused);
	*refused = not_allowed_here();
	return *refused ? SYNCBN_OK : sbn_fail(SYNCBN_ERR_SYSTEM, "set_mempolicy");
}
