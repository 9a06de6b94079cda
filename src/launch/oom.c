/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/oom.h"

#include <stdio.h>

static uint64_t
kills_in_cgroup(const struct sbn_oom *oom)
{
	char text[SBN_CGROUP_TEXT];

	if (!oom->has_cgroup ||
	    !sbn_cgroup_read(&oom->cgroup, oom->cgroup.v1 ? "memory.oom_control" : "memory.events",
			     text))
		return 0;
	return sbn_cgroup_number(text, "oom_kill");
}

static uint64_t
kills_in_system(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	uint64_t kills = 0;
	char line[128];

	while (file != NULL && kills == 0 && fgets(line, sizeof(line), file) != NULL)
		kills = sbn_cgroup_number(line, "oom_kill");
	if (file != NULL)
		fclose(file);
	return kills;
}

void
sbn_oom_open(struct sbn_oom *oom)
{
	oom->has_cgroup = sbn_cgroup_find(&oom->cgroup);
	oom->in_cgroup = kills_in_cgroup(oom);
	oom->in_system = kills_in_system();
}

enum sbn_oom_kill
sbn_oom_take(struct sbn_oom *oom)
{
	bool in_cgroup = kills_in_cgroup(oom) > oom->in_cgroup;
	bool in_system = kills_in_system() > oom->in_system;

	oom->in_cgroup += in_cgroup;
	oom->in_system += in_system; /* counts those in cgroups, too */
	if (in_cgroup)
		return SBN_OOM_CGROUP;
	return in_system ? SBN_OOM_SYSTEM : SBN_OOM_NONE;
}

uint64_t
sbn_oom_limit(const struct sbn_oom *oom)
{
	return oom->has_cgroup ? sbn_cgroup_limit(&oom->cgroup) : UINT64_MAX;
}
