/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/topology.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "platform/affinity.h"

/*
 * What hwloc describes in seconds; twice as many as Linux can have. The time grows with the square
 * of the objects beside each other.
 */
enum { MAX_DESCRIBED = 16384, MAX_BESIDE = 1024 };

/*
 * hwloc builds whatever a description asks for, also when that takes hours or all memory. Numbers
 * count unless they belong to a name ("l3") or stand in (attributes) or [attached memory].
 */
static bool
description_is_small(const char *text)
{
	unsigned long long pus = 1;
	unsigned long long number;
	int nested = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '(' || *at == '[')
			nested++;
		else if (*at == ')' || *at == ']')
			nested--;
		if (nested != 0 || !isdigit((unsigned char)*at) ||
		    (at > text && isalnum((unsigned char)at[-1])))
			continue;
		number = strtoull(at, NULL, 10);
		if (number > MAX_BESIDE || (pus *= number) > MAX_DESCRIBED)
			return false;
	}
	return true;
}

/* The last level of a description must be the processing units: "core:4 pu:2", or plain "4 2". */
static bool
ends_with_pus(const char *text)
{
	const char *last = strrchr(text, ' ');

	last = last == NULL ? text : last + 1;
	return strncasecmp(last, "pu:", 3) == 0 || isdigit((unsigned char)*last);
}

/* Why something that is no file is no description either. */
static syncbn_status_t
fail_description(const char *source, int stat_errno)
{
	static const char example[] = "\"pack:2 numa:4 core:4 pu:2\"";

	if (strchr(source, '/') != NULL || strstr(source, ".xml") != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "topology \"%s\": %s", source,
				stat_errno == ENOENT ? "there is no such file" :
						       strerror(stat_errno));
	if (strchr(source, ':') != NULL && !ends_with_pus(source))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"topology \"%s\": a description must end with pu:N, such as %s",
				source, example);
	return sbn_fail(SYNCBN_ERR_INVALID,
			"topology \"%s\" is neither a file nor a description such as %s", source,
			example);
}

static syncbn_status_t
fail_xml(const char *source)
{
	return sbn_fail(SYNCBN_ERR_INVALID,
			"topology \"%s\" is not XML of hwloc 2 (lstopo m.xml writes it)", source);
}

/* Which of hwloc's two parsers of XML is there decides whether it looks at the text here. */
static syncbn_status_t
set_file(hwloc_topology_t hwloc, const char *source, const struct stat *file)
{
	if (S_ISDIR(file->st_mode) || access(source, R_OK) != 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "topology \"%s\" cannot be read as a file",
				source);
	errno = 0;
	return hwloc_topology_set_xml(hwloc, source) == 0 ? SYNCBN_OK : fail_xml(source);
}

static syncbn_status_t
set_source(hwloc_topology_t hwloc, const char *source)
{
	struct stat file;
	int stat_errno;

	if (stat(source, &file) == 0)
		return set_file(hwloc, source, &file);
	stat_errno = errno;
	if (!description_is_small(source))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"topology \"%s\": more than %d processing units, or %d "
				"beside each other",
				source, MAX_DESCRIBED, MAX_BESIDE);
	if (hwloc_topology_set_synthetic(hwloc, source) != 0)
		return fail_description(source, stat_errno);
	return SYNCBN_OK;
}

static syncbn_status_t
load_hwloc(const char *source, hwloc_topology_t hwloc)
{
	syncbn_status_t status;

	if (source != NULL && (status = set_source(hwloc, source)) != SYNCBN_OK)
		return status;
	if (hwloc_topology_load(hwloc) == 0)
		return SYNCBN_OK;
	if (source == NULL)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "hwloc cannot read this machine's topology");
	return fail_xml(source);
}

static syncbn_status_t
find_allowed(struct sbn_topology *topology)
{
	hwloc_const_bitmap_t by_cpuset = hwloc_topology_get_allowed_cpuset(topology->hwloc);
	syncbn_status_t status;

	if (!topology->this_machine) {
		hwloc_bitmap_copy(topology->allowed, by_cpuset);
	} else {
		status = sbn_affinity_get(topology->allowed);
		if (status != SYNCBN_OK)
			return status;
		hwloc_bitmap_and(topology->allowed, topology->allowed, by_cpuset);
	}
	/* a file may allow CPUs that it does not show */
	hwloc_bitmap_and(topology->allowed, topology->allowed,
			 hwloc_topology_get_topology_cpuset(topology->hwloc));
	return SYNCBN_OK;
}

syncbn_status_t
sbn_topology_load(const char *source, struct sbn_topology *topology)
{
	syncbn_status_t status;

	*topology = (struct sbn_topology){ .allowed = hwloc_bitmap_alloc() };
	if (topology->allowed == NULL || hwloc_topology_init(&topology->hwloc) != 0) {
		topology->hwloc = NULL;
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "hwloc topology");
		goto out_free;
	}
	status = load_hwloc(source, topology->hwloc);
	if (status != SYNCBN_OK)
		goto out_free;
	/* HWLOC_XMLFILE and HWLOC_SYNTHETIC show hwloc another machine without our asking */
	topology->this_machine =
		source == NULL && hwloc_topology_is_thissystem(topology->hwloc) == 1;
	status = find_allowed(topology);
	if (status == SYNCBN_OK)
		return status;
out_free:
	sbn_topology_free(topology);
	return status;
}

void
sbn_topology_free(struct sbn_topology *topology)
{
	if (topology->hwloc != NULL)
		hwloc_topology_destroy(topology->hwloc);
	hwloc_bitmap_free(topology->allowed);
	*topology = (struct sbn_topology){ 0 };
}

static hwloc_obj_t
last_pu_of(hwloc_obj_t core)
{
	while (core->last_child != NULL)
		core = core->last_child;
	return core;
}

hwloc_obj_t
sbn_core_next(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus, hwloc_obj_t prev)
{
	hwloc_obj_t pu = prev == NULL ? hwloc_get_obj_by_type(topology->hwloc, HWLOC_OBJ_PU, 0) :
					last_pu_of(prev)->next_cousin;
	hwloc_obj_t core;

	while (pu != NULL && !hwloc_bitmap_isset(cpus, pu->os_index))
		pu = pu->next_cousin;
	if (pu == NULL)
		return NULL;
	core = hwloc_get_ancestor_obj_by_type(topology->hwloc, HWLOC_OBJ_CORE, pu);
	return core != NULL ? core : pu;
}

void
sbn_core_first_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus,
		    hwloc_bitmap_t first)
{
	hwloc_obj_t core = NULL;

	hwloc_bitmap_zero(first);
	while ((core = sbn_core_next(topology, cpus, core)) != NULL) {
		int cpu = hwloc_bitmap_first(core->cpuset);

		while (!hwloc_bitmap_isset(cpus, (unsigned)cpu))
			cpu = hwloc_bitmap_next(core->cpuset, cpu);
		hwloc_bitmap_set(first, (unsigned)cpu);
	}
}
