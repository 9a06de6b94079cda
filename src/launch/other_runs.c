/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another launcher is a process called syncbn-run; its ranks are its children by another name, or
 * with another mask than its own while they are on their way to exec. Nothing is written down
 * anywhere, so nothing can be stale. Two runs that start at once: each looks after its ranks are
 * bound, so at least one sees the other.
 */
#include "launch/other_runs.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/proc.h"

static bool
is_launcher(pid_t pid)
{
	char name[32];

	return sbn_proc_name(pid, name, sizeof(name)) && strcmp(name, "syncbn-run") == 0;
}

/* Writes a child's mask into cpus when the child is a rank of another run than ours. */
static bool
is_foreign_rank(pid_t pid, pid_t launcher, hwloc_bitmap_t cpus, hwloc_bitmap_t launchers)
{
	if (launcher == getpid() || !is_launcher(launcher))
		return false;
	/* this run itself is started within that one, on that rank's CPUs */
	if (sbn_proc_descends(getpid(), pid) || !sbn_proc_cpus(pid, cpus))
		return false;
	return !is_launcher(pid) ||
	       (sbn_proc_cpus(launcher, launchers) && !hwloc_bitmap_isequal(cpus, launchers));
}

/* The number of the first domain in use that has some of the CPUs, or -1. */
static int
shared_domain(const struct sbn_plan *plan, hwloc_const_bitmap_t cpus)
{
	for (unsigned i = 0; i < plan->n_ranks; i++)
		if (hwloc_bitmap_intersects(plan->rank[i].cpus, cpus))
			return (int)plan->rank[i].domain;
	return -1;
}

struct search {
	const struct sbn_plan *plan;
	hwloc_bitmap_t cpus;
	hwloc_bitmap_t scratch;
	struct sbn_other_run other;
};

static bool
look_at(struct search *search, pid_t pid)
{
	struct sbn_proc_stat stat;

	if (!sbn_proc_stat(pid, &stat) ||
	    !is_foreign_rank(pid, stat.parent, search->cpus, search->scratch))
		return false;
	search->other = (struct sbn_other_run){
		.launcher = stat.parent,
		.domain = shared_domain(search->plan, search->cpus),
	};
	return search->other.domain >= 0;
}

static bool
look_at_all(struct search *search)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (proc != NULL && !found && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			found = look_at(search, (pid_t)atoi(entry->d_name));
	if (proc != NULL)
		closedir(proc);
	return found;
}

bool
sbn_other_run_find(const struct sbn_topology *topology, const struct sbn_plan *plan,
		   struct sbn_other_run *other)
{
	struct search search = { .plan = plan,
				 .cpus = hwloc_bitmap_alloc(),
				 .scratch = hwloc_bitmap_alloc() };
	bool found = search.cpus != NULL && search.scratch != NULL && topology->this_machine &&
		     sbn_proc_is_ours() && look_at_all(&search);

	if (found)
		*other = search.other;
	hwloc_bitmap_free(search.cpus);
	hwloc_bitmap_free(search.scratch);
	return found;
}
