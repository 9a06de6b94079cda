/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/topology_source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"

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

/* ---- files ---- */

enum {
	/* no kernel numbers more; sets of CPUs are as long as the largest number in them */
	MAX_OS_INDEX = (1 << 20) - 1,
	PROBE_S = 60,
	HEAD_BYTES = 4096
};

/* The version of hwloc that the file's first lines name; 0: none. */
static long
version_of(const char *source)
{
	static const char before[] = "<topology version=\"";
	char head[HEAD_BYTES];
	ssize_t bytes = 0;
	const char *at;
	int fd = open(source, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		bytes = read(fd, head, sizeof(head) - 1);
		close(fd);
	}
	head[bytes > 0 ? bytes : 0] = '\0';
	at = strstr(head, before);
	return at == NULL ? 0 : strtol(at + sizeof(before) - 1, NULL, 10);
}

static syncbn_status_t
fail_xml(const char *source)
{
	long version = version_of(source);

	errno = 0;
	if (version > 2)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"topology \"%s\" was written by hwloc %ld, this one reads XML of "
				"hwloc 2: write it with that one's lstopo",
				source, version);
	return sbn_fail(SYNCBN_ERR_INVALID,
			"topology \"%s\" is not XML of hwloc 2 (lstopo m.xml writes it)", source);
}

/* Which of hwloc's two parsers of XML is there decides whether it looks at the text here. */
static bool
load_xml(hwloc_topology_t hwloc, const char *source)
{
	return hwloc_topology_set_xml(hwloc, source) == 0 && hwloc_topology_load(hwloc) == 0;
}

/* In a process of its own, hwloc having been seen to crash of broken XML, and to complain aloud. */
static _Noreturn void
probe_here(const char *source, unsigned long flags)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	hwloc_topology_t hwloc;

	if (null >= 0)
		dup2(null, STDERR_FILENO);
	alarm(PROBE_S);
	_exit(hwloc_topology_init(&hwloc) == 0 && hwloc_topology_set_flags(hwloc, flags) == 0 &&
			      load_xml(hwloc, source) ?
		      0 :
		      1);
}

static bool
survives_loading(const char *source, unsigned long flags)
{
	pid_t child = fork();
	int status = -1;

	if (child < 0)
		return true; /* without room for a process, the file is believed */
	if (child == 0)
		probe_here(source, flags);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}

static syncbn_status_t
load_file(const char *source, const struct stat *file, hwloc_topology_t hwloc)
{
	if (S_ISDIR(file->st_mode) || access(source, R_OK) != 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "topology \"%s\" cannot be read as a file",
				source);
	/* what comes through a pipe can be read only once */
	if (S_ISREG(file->st_mode) && !survives_loading(source, hwloc_topology_get_flags(hwloc)))
		return fail_xml(source);
	return load_xml(hwloc, source) ? SYNCBN_OK : fail_xml(source);
}

static syncbn_status_t
check_numbers(const char *source, hwloc_topology_t hwloc)
{
	static const hwloc_obj_type_t types[] = { HWLOC_OBJ_PU, HWLOC_OBJ_NUMANODE };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		hwloc_obj_t object = NULL;

		while ((object = hwloc_get_next_obj_by_type(hwloc, types[i], object)) != NULL)
			if (object->os_index > MAX_OS_INDEX)
				return sbn_fail(SYNCBN_ERR_INVALID,
						"topology \"%s\": a %s has the number %u; no "
						"system has one above %d",
						source, hwloc_obj_type_string(types[i]),
						object->os_index, MAX_OS_INDEX);
	}
	return SYNCBN_OK;
}

/* ---- all sources ---- */

static syncbn_status_t
load_description(const char *source, int stat_errno, hwloc_topology_t hwloc)
{
	if (!description_is_small(source))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"topology \"%s\": more than %d processing units, or %d "
				"beside each other",
				source, MAX_DESCRIBED, MAX_BESIDE);
	if (hwloc_topology_set_synthetic(hwloc, source) != 0 || hwloc_topology_load(hwloc) != 0)
		return fail_description(source, stat_errno);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_topology_load_source(const char *source, hwloc_topology_t hwloc)
{
	syncbn_status_t status;
	struct stat file;

	if (source == NULL && hwloc_topology_load(hwloc) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "hwloc cannot read this machine's topology");
	if (source == NULL)
		return SYNCBN_OK;
	if (stat(source, &file) != 0)
		return load_description(source, errno, hwloc);
	status = load_file(source, &file, hwloc);
	return status == SYNCBN_OK ? check_numbers(source, hwloc) : status;
}
