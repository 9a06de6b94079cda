/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher tells of its plan: one line, a table, or JSON. */
#ifndef SBN_LAUNCH_REPORT_H
#define SBN_LAUNCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "launch/plan.h"
#include "platform/binding.h"

struct sbn_report {
	const struct sbn_domains *domains;
	const struct sbn_plan *plan;
	enum sbn_mem mem;
	enum sbn_memory memory; /* what became of it; dry runs ask for nothing */
	bool unbound;           /* --bind-to none */
	bool mixed_cores;       /* some rank has fast and slow ones */
};

/*
 * The one line that every run prints, without a program's name and without a newline:
 * "2 ranks on 1 domain (1 core each), memory preferred". *line: free() it. NO_MEMORY.
 */
syncbn_status_t sbn_report_line(const struct sbn_report *report, char **line);

/* The table of --report and --dry-run: one line a rank. */
syncbn_status_t sbn_report_table(const struct sbn_report *report, FILE *out);

/*
 * {"domains": 8, "memory": "preferred", "map": "numa", "bound": true, "ranks": [{"rank": 0,
 * "domain": 0, "cpuset": "0-3", "cores": 4, "pus": 8, "node": 0, "package": 0, "nodes": [0, 8]},
 * ...]}: the operating system's numbers of CPUs and memory nodes; node is the first one's, or -1.
 * memory is the policy that holds, which is first-touch where another one is refused.
 */
syncbn_status_t sbn_report_json(const struct sbn_report *report, FILE *out);

/*
 * Writes a line when `chosen`, the caller's OMP_NUM_THREADS or NULL, is more than some rank's
 * cores; false: there is nothing to tell.
 */
bool sbn_report_threads(const struct sbn_plan *plan, const char *chosen, char *line, size_t bytes);

#endif
