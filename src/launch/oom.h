/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a SIGKILL was the kernel's for want of memory. The kernel counts such kills, in the
 * cgroup (v2: memory.events, v1: memory.oom_control) and in the system (/proc/vmstat), before it
 * sends the signal; as many deaths as the count has risen by are put down to it.
 */
#ifndef SBN_LAUNCH_OOM_H
#define SBN_LAUNCH_OOM_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/cgroup.h"

enum sbn_oom_kill {
	SBN_OOM_NONE,
	SBN_OOM_CGROUP, /* the limit of the cgroup */
	SBN_OOM_SYSTEM  /* the machine's memory, or that of the nodes of --mem bind */
};

struct sbn_oom {
	struct sbn_cgroup cgroup;
	bool has_cgroup;
	uint64_t in_cgroup, in_system; /* kills that belong to somebody already */
};

/* Counts from now on. */
void sbn_oom_open(struct sbn_oom *oom);

/* Of a process that was killed by SIGKILL; takes one kill from the count. */
enum sbn_oom_kill sbn_oom_take(struct sbn_oom *oom);

/* The cgroup's limit in bytes; UINT64_MAX: none, or unknown. */
uint64_t sbn_oom_limit(const struct sbn_oom *oom);

#endif
