/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"

static const char *
plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void
write_cores(const struct sbn_plan *plan, FILE *out)
{
	unsigned least = plan->rank[0].n_cores;
	unsigned most = least;

	for (unsigned i = 1; i < plan->n_ranks; i++) {
		least = SBN_MIN(least, plan->rank[i].n_cores);
		most = SBN_MAX(most, plan->rank[i].n_cores);
	}
	if (least < most)
		fprintf(out, " (%u to %u cores each)", least, most);
	else
		fprintf(out, " (%u core%s%s)", most, plural(most),
			plan->n_ranks > 1 ? " each" : "");
}

static void
write_idle(const struct sbn_plan *plan, FILE *out)
{
	const char *before = "";
	unsigned n_idle = 0;

	for (unsigned i = 0; i < plan->n_domains; i++)
		n_idle += !plan->domain_used[i];
	if (n_idle == 0)
		return;
	fprintf(out, "; idle: domain%s ", plural(n_idle));
	for (unsigned i = 0; i < plan->n_domains; i++) {
		unsigned last = i;

		if (plan->domain_used[i])
			continue;
		while (last + 1 < plan->n_domains && !plan->domain_used[last + 1])
			last++;
		if (last < i + 2)
			last = i; /* two are named one by one, more as a range */
		fprintf(out, last > i ? "%s%u-%u" : "%s%u", before, i, last);
		before = ", ";
		i = last;
	}
}

static void
write_line(const struct sbn_report *report, FILE *out)
{
	const struct sbn_plan *plan = report->plan;
	unsigned n_used = 0;
	unsigned n_pus = 0;

	for (unsigned i = 0; i < plan->n_domains; i++) {
		n_used += plan->domain_used[i];
		n_pus += plan->domain_used[i] ? report->domains->domain[i].n_pus : 0;
	}
	fprintf(out, "%u rank%s on %u domain%s", plan->n_ranks, plural(plan->n_ranks), n_used,
		plural(n_used));
	write_cores(plan, out);
	if (report->unbound)
		fputs(", not bound", out);
	fprintf(out, ", memory %s", sbn_mem_names[report->mem]);
	if (report->memory == SBN_MEMORY_REFUSED)
		fputs(" (not allowed here: first touch decides)", out);
	if (report->memory == SBN_MEMORY_FIRST_NODE)
		fputs(" (the first of several nodes: kernels before 5.15 prefer one only)", out);
	write_idle(plan, out);
	if (plan->oversubscribed)
		fprintf(out, "; oversubscribed: they share %u processing unit%s", n_pus,
			plural(n_pus));
	if (report->mixed_cores)
		fputs("; fast and slow cores in one rank: --cores performance takes the fast ones",
		      out);
	if (report->domains->whole_machine)
		fprintf(out, "; no %s found for these CPUs: all of them are one domain",
			report->domains->map == SBN_MAP_NUMA ? "local memory node" :
							       sbn_map_names[report->domains->map]);
}

syncbn_status_t
sbn_report_line(const struct sbn_report *report, char **line)
{
	size_t bytes;
	FILE *out = open_memstream(line, &bytes);

	if (out == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "report");
	write_line(report, out);
	if (fclose(out) != 0) {
		free(*line);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "report");
	}
	return SYNCBN_OK;
}

/* "0-3,8-11", or instead where the set is empty; *text: free() it. */
static syncbn_status_t
list_text(hwloc_const_bitmap_t set, const char *instead, char **text)
{
	int bytes = 0;

	if (hwloc_bitmap_iszero(set))
		*text = strdup(instead);
	else
		bytes = hwloc_bitmap_list_asprintf(text, set);
	if (bytes < 0 || *text == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "report");
	return SYNCBN_OK;
}

struct widths {
	int cpus;
	int nodes;
};

static syncbn_status_t
measure(const struct sbn_plan *plan, struct widths *widths)
{
	*widths = (struct widths){ .cpus = (int)strlen("CPUs"), .nodes = (int)strlen("memory") };
	for (unsigned i = 0; i < plan->n_ranks; i++) {
		int cpus = hwloc_bitmap_list_snprintf(NULL, 0, plan->rank[i].cpus);
		int nodes = hwloc_bitmap_list_snprintf(NULL, 0, plan->rank[i].nodes);

		if (cpus < 0 || nodes < 0)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "report");
		widths->cpus = SBN_MAX(widths->cpus, cpus);
		widths->nodes = SBN_MAX(widths->nodes, nodes);
	}
	return SYNCBN_OK;
}

static const char *
policy_of(const struct sbn_report *report, const struct sbn_plan_rank *rank)
{
	if (report->mem == SBN_MEM_NONE)
		return sbn_mem_names[SBN_MEM_NONE];
	/* all that can be asked for without a node, and all there is where we may not ask */
	if (report->memory == SBN_MEMORY_REFUSED || hwloc_bitmap_iszero(rank->nodes))
		return sbn_mem_names[SBN_MEM_FIRST_TOUCH];
	return sbn_mem_names[report->mem];
}

/* The nodes that the rank's memory is asked of. */
static syncbn_status_t
nodes_text(const struct sbn_report *report, const struct sbn_plan_rank *rank, char **text)
{
	if (report->mem != SBN_MEM_NONE)
		return list_text(rank->nodes, "-", text);
	*text = strdup("-");
	return *text != NULL ? SYNCBN_OK : sbn_fail(SYNCBN_ERR_NO_MEMORY, "report");
}

static syncbn_status_t
write_row(const struct sbn_report *report, unsigned i, const struct widths *widths, FILE *out)
{
	const struct sbn_plan_rank *rank = &report->plan->rank[i];
	char *cpus = NULL;
	char *nodes = NULL;
	syncbn_status_t status = list_text(rank->cpus, "-", &cpus);

	if (status == SYNCBN_OK)
		status = nodes_text(report, rank, &nodes);
	if (status == SYNCBN_OK)
		fprintf(out, "%4u  %6u  %7u  %-*s  %5u  %4u  %-*s  %s\n", i, rank->domain,
			report->domains->domain[rank->domain].package, widths->cpus, cpus,
			rank->n_cores, rank->n_pus, widths->nodes, nodes, policy_of(report, rank));
	free(cpus);
	free(nodes);
	return status;
}

syncbn_status_t
sbn_report_table(const struct sbn_report *report, FILE *out)
{
	struct widths widths;
	syncbn_status_t status = measure(report->plan, &widths);

	if (status != SYNCBN_OK)
		return status;
	fprintf(out, "rank  domain  package  %-*s  cores   PUs  %-*s  policy\n", widths.cpus,
		"CPUs", widths.nodes, "memory");
	for (unsigned i = 0; i < report->plan->n_ranks && status == SYNCBN_OK; i++)
		status = write_row(report, i, &widths, out);
	return status;
}

/* "0, 2" */
static void
write_nodes(hwloc_const_bitmap_t nodes, FILE *out)
{
	for (int node = hwloc_bitmap_first(nodes); node >= 0; node = hwloc_bitmap_next(nodes, node))
		fprintf(out, "%s%d", node == hwloc_bitmap_first(nodes) ? "" : ", ", node);
}

static syncbn_status_t
write_object(const struct sbn_report *report, unsigned i, FILE *out)
{
	const struct sbn_plan_rank *rank = &report->plan->rank[i];
	char *cpus;
	syncbn_status_t status = list_text(rank->cpus, "", &cpus);

	if (status != SYNCBN_OK)
		return status;
	fprintf(out,
		"%s\n  {\"rank\": %u, \"domain\": %u, \"cpuset\": \"%s\", \"cores\": %u, "
		"\"pus\": %u, \"node\": %d, \"package\": %u, \"nodes\": [",
		i == 0 ? "" : ",", i, rank->domain, cpus, rank->n_cores, rank->n_pus,
		hwloc_bitmap_first(rank->nodes), report->domains->domain[rank->domain].package);
	write_nodes(rank->nodes, out);
	fputs("]}", out);
	free(cpus);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_report_json(const struct sbn_report *report, FILE *out)
{
	enum sbn_mem mem = report->memory == SBN_MEMORY_REFUSED ? SBN_MEM_FIRST_TOUCH : report->mem;
	syncbn_status_t status = SYNCBN_OK;

	fprintf(out,
		"{\"domains\": %u, \"memory\": \"%s\", \"map\": \"%s\", \"bound\": %s, "
		"\"ranks\": [",
		report->plan->n_domains, sbn_mem_names[mem], sbn_map_names[report->domains->map],
		report->unbound ? "false" : "true");
	for (unsigned i = 0; i < report->plan->n_ranks && status == SYNCBN_OK; i++)
		status = write_object(report, i, out);
	fputs("\n]}\n", out);
	return status;
}

bool
sbn_report_threads(const struct sbn_plan *plan, const char *chosen, char *line, size_t bytes)
{
	long threads = chosen == NULL ? 0 : strtol(chosen, NULL, 10);

	for (unsigned i = 0; i < plan->n_ranks; i++) {
		if (threads <= (long)plan->rank[i].n_cores)
			continue;
		snprintf(line, bytes,
			 "OMP_NUM_THREADS is set to %ld, more than the %u core%s of rank %u: "
			 "threads will share cores; unset it, and each rank gets a thread a core",
			 threads, plan->rank[i].n_cores, plural(plan->rank[i].n_cores), i);
		return true;
	}
	return false;
}
