/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/picture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"

enum {
	CELL = 18, /* a processing unit with the gap beside it */
	CORES_A_LINE = 16,
	CORES_AT_LEAST = 12, /* so that a card's text has room */
	CARDS_A_LINE = 4,
	MARGIN = 12,
	HEAD = 40, /* a card's two lines of text */
	FOOT = 22, /* its bar of memory */
	TITLE = 44
};

enum owner { NOBODY = -1, IDLE = -2 };

struct picture {
	const struct sbn_topology *topology;
	const struct sbn_report *report;
	FILE *out;
	int *owner; /* [n_cpus] a rank, or enum owner */
	int n_cpus;
	unsigned threads; /* most processing units of a core */
	unsigned cores;   /* most cores of a domain */
	unsigned card_width, card_height;
};

/* Color i of a row in which neighbors differ as much as they can: the golden angle apart. */
static void
write_color(int i, FILE *out)
{
	double hue = fmod(i * 137.50776405, 360.0) / 60.0;
	double lightness = 0.66 + 0.08 * (i / 7 % 3 - 1);
	double chroma = (1.0 - fabs(2.0 * lightness - 1.0)) * 0.62;
	double part = chroma * (1.0 - fabs(fmod(hue, 2.0) - 1.0));
	double base = lightness - chroma / 2.0;
	/* red, green and blue in each sixth of the circle: 2 the chroma, 1 the part, 0 nothing */
	static const int sixths[6][3] = { { 2, 1, 0 }, { 1, 2, 0 }, { 0, 2, 1 },
					  { 0, 1, 2 }, { 1, 0, 2 }, { 2, 0, 1 } };
	const double amount[3] = { base, part + base, chroma + base };
	const int *sixth = sixths[(int)hue % 6];

	fprintf(out, "#%02x%02x%02x", (int)(255 * amount[sixth[0]]), (int)(255 * amount[sixth[1]]),
		(int)(255 * amount[sixth[2]]));
}

/*
 * "0-3,8", cut where there is no room for more letters. Only digits, commas and dashes: nothing
 * that XML would take for its own.
 */
static void
write_list(hwloc_const_bitmap_t set, unsigned room, FILE *out)
{
	char *list = NULL;

	if (hwloc_bitmap_list_asprintf(&list, set) >= 0)
		fprintf(out, "%.*s%s", (int)room, list, strlen(list) > room ? "..." : "");
	free(list);
}

static void
note_owners(struct picture *picture)
{
	const struct sbn_plan *plan = picture->report->plan;
	const struct sbn_domains *domains = picture->report->domains;

	for (int cpu = 0; cpu < picture->n_cpus; cpu++) {
		picture->owner[cpu] = NOBODY;
		for (unsigned d = 0; d < domains->n; d++)
			if (hwloc_bitmap_isset(domains->domain[d].cpus, (unsigned)cpu))
				picture->owner[cpu] = IDLE;
	}
	for (unsigned i = plan->n_ranks; i-- > 0;)
		for (int cpu = hwloc_bitmap_first(plan->rank[i].cpus); cpu >= 0;
		     cpu = hwloc_bitmap_next(plan->rank[i].cpus, cpu))
			picture->owner[cpu] = (int)i;
}

static void
measure(struct picture *picture)
{
	const struct sbn_domains *domains = picture->report->domains;
	unsigned wide, high;

	for (unsigned d = 0; d < domains->n; d++) {
		hwloc_obj_t core = NULL;

		picture->cores = SBN_MAX(picture->cores, domains->domain[d].n_cores);
		while ((core = sbn_core_next(picture->topology, domains->domain[d].cpus, core)) !=
		       NULL)
			picture->threads = SBN_MAX(picture->threads,
						   (unsigned)hwloc_bitmap_weight(core->cpuset));
	}
	wide = SBN_MIN(SBN_MAX(picture->cores, CORES_AT_LEAST), CORES_A_LINE);
	high = (unsigned)sbn_ceil_div(picture->cores, CORES_A_LINE);
	picture->card_width = wide * CELL + MARGIN;
	picture->card_height = HEAD + high * (picture->threads * CELL + 4) + FOOT;
}

static void
write_cell(const struct picture *picture, int cpu, unsigned x, unsigned y)
{
	int owner = picture->owner[cpu];
	FILE *out = picture->out;

	fprintf(out, "<g><title>CPU %d: ", cpu);
	fprintf(out, owner >= 0 ? "rank %d" : owner == IDLE ? "idle" : "not used", owner);
	fprintf(out, "</title><rect x=\"%u\" y=\"%u\" width=\"16\" height=\"16\" rx=\"2\" fill=\"",
		x, y);
	if (owner >= 0)
		write_color(owner, out);
	else
		fputs(owner == IDLE ? "#e4e4e4" : "#ffffff", out);
	fprintf(out, "\" stroke=\"#777\"%s/>", owner == NOBODY ? " stroke-dasharray=\"2\"" : "");
	if (owner >= 0)
		fprintf(out,
			"<text x=\"%u\" y=\"%u\" font-size=\"8\" text-anchor=\"middle\">%d</text>",
			x + 8, y + 11, owner);
	fputs("</g>\n", out);
}

static void
write_cores(const struct picture *picture, const struct sbn_domain *domain, unsigned x, unsigned y)
{
	hwloc_obj_t core = NULL;
	unsigned column = 0;

	while ((core = sbn_core_next(picture->topology, domain->cpus, core)) != NULL) {
		unsigned thread = 0;

		if (column == CORES_A_LINE) {
			column = 0;
			y += picture->threads * CELL + 4;
		}
		for (int cpu = hwloc_bitmap_first(core->cpuset); cpu >= 0;
		     cpu = hwloc_bitmap_next(core->cpuset, cpu))
			write_cell(picture, cpu, x + column * CELL, y + thread++ * CELL);
		column++;
	}
}

/* "ranks 4-7": those of a domain follow each other */
static void
write_ranks(const struct picture *picture, unsigned domain)
{
	const struct sbn_plan *plan = picture->report->plan;
	unsigned first = 0;
	unsigned n = 0;

	for (unsigned i = plan->n_ranks; i-- > 0;) {
		if (plan->rank[i].domain != domain)
			continue;
		first = i;
		n++;
	}
	if (n == 0)
		fputs("idle", picture->out);
	else if (n == 1)
		fprintf(picture->out, "rank %u", first);
	else
		fprintf(picture->out, "ranks %u-%u", first, first + n - 1);
}

static void
write_card(const struct picture *picture, unsigned index, unsigned x, unsigned y)
{
	const struct sbn_report *report = picture->report;
	const struct sbn_domain *domain = &report->domains->domain[index];
	FILE *out = picture->out;

	fprintf(out,
		"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"6\" fill=\"#fafafa\" "
		"stroke=\"#444\"/>\n",
		x, y, picture->card_width, picture->card_height);
	fprintf(out, "<text x=\"%u\" y=\"%u\" font-weight=\"bold\">domain %u: ", x + 7, y + 15,
		index);
	write_ranks(picture, index);
	fprintf(out, "</text>\n<text x=\"%u\" y=\"%u\">package %u, CPUs ", x + 7, y + 31,
		domain->package);
	write_list(domain->cpus, picture->card_width / 8 - 14, out);
	fputs("</text>\n", out);
	write_cores(picture, domain, x + 7, y + HEAD);
	fprintf(out,
		"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"17\" fill=\"#dde6f0\"/>\n"
		"<text x=\"%u\" y=\"%u\">memory ",
		x + 5, y + picture->card_height - FOOT, picture->card_width - 10, x + 9,
		y + picture->card_height - FOOT + 13);
	if (hwloc_bitmap_iszero(domain->nodes))
		fputs("of no known node", out);
	else
		fputs(hwloc_bitmap_weight(domain->nodes) > 1 ? "nodes " : "node ", out);
	write_list(domain->nodes, picture->card_width / 8 - 8, out);
	fputs("</text>\n", out);
}

static void
write_unused(const struct picture *picture, unsigned y)
{
	hwloc_bitmap_t unused =
		hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(picture->topology->hwloc));

	for (int cpu = 0; unused != NULL && cpu < picture->n_cpus; cpu++)
		if (picture->owner[cpu] != NOBODY)
			hwloc_bitmap_clr(unused, (unsigned)cpu);
	if (unused != NULL && !hwloc_bitmap_iszero(unused)) {
		fprintf(picture->out,
			"<text x=\"%d\" y=\"%u\">left out by cpuset, affinity or options: CPUs ",
			MARGIN, y);
		write_list(unused, 60, picture->out);
		fputs("</text>\n", picture->out);
	}
	hwloc_bitmap_free(unused);
}

static void
write_all(const struct picture *picture)
{
	const struct sbn_report *report = picture->report;
	unsigned n = report->domains->n;
	unsigned columns = SBN_MIN(n, CARDS_A_LINE);
	unsigned lines = (unsigned)sbn_ceil_div(n, CARDS_A_LINE);
	unsigned step_x = picture->card_width + MARGIN;
	unsigned step_y = picture->card_height + MARGIN;
	unsigned width = MARGIN + columns * step_x;
	unsigned height = TITLE + lines * step_y + 2 * MARGIN;

	fprintf(picture->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text x=\"%d\" y=\"28\" font-size=\"17\">syncbn-run: %u rank%s, memory %s%s</text>"
		"\n",
		width, height, width, height, MARGIN, report->plan->n_ranks,
		report->plan->n_ranks == 1 ? "" : "s", sbn_mem_names[report->mem],
		report->memory == SBN_MEMORY_REFUSED ? " (not allowed here)" : "");
	for (unsigned i = 0; i < n; i++)
		write_card(picture, i, MARGIN + i % columns * step_x, TITLE + i / columns * step_y);
	write_unused(picture, height - MARGIN);
	fputs("</svg>\n", picture->out);
}

syncbn_status_t
sbn_picture_write(const struct sbn_topology *topology, const struct sbn_report *report, FILE *out)
{
	struct picture picture = { .topology = topology, .report = report, .out = out };

	picture.n_cpus = hwloc_bitmap_last(hwloc_topology_get_topology_cpuset(topology->hwloc)) + 1;
	picture.owner = calloc((size_t)picture.n_cpus, sizeof(picture.owner[0]));
	if (picture.owner == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "picture");
	note_owners(&picture);
	measure(&picture);
	write_all(&picture);
	free(picture.owner);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_picture_save(const struct sbn_topology *topology, const struct sbn_report *report,
		 const char *path)
{
	FILE *out = fopen(path, "we");
	syncbn_status_t status;
	bool whole;

	if (out == NULL)
		return sbn_fail(SYNCBN_ERR_SYSTEM,
				"--svg %s cannot be written; name a file in a folder that can be",
				path);
	status = sbn_picture_write(topology, report, out);
	errno = 0;
	whole = !ferror(out);
	if ((fclose(out) != 0 || !whole) && status == SYNCBN_OK)
		status = sbn_fail(SYNCBN_ERR_SYSTEM, "--svg %s cannot be written whole", path);
	return status;
}
