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
	bool memory_refused; /* the system does not let us set a memory policy here */
};

/*
 * The one line that every run prints, without a program's name and without a newline:
 * "2 ranks on 1 domain (1 core each), memory preferred". *line: free() it. NO_MEMORY.
 */
syncbn_status_t sbn_report_line(const struct sbn_report *report, char **line);

/* The table of --report and --dry-run: one line a rank. */
syncbn_status_t sbn_report_table(const struct sbn_report *report, FILE *out);

/*
 * {"domains": 8, "ranks": [{"rank": 0, "domain": 0, "cpuset": "0-3", "cores": 4, "pus": 8,
 * "node": 0}, ...]}: cpuset is the operating system's numbers, node the first memory node's, or -1.
 */
syncbn_status_t sbn_report_json(const struct sbn_report *report, FILE *out);

#endif
