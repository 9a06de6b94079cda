/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/math.h"

/* Where the hierarchies are mounted; v2 alone, v1, v2 beside v1. */
static const struct {
	const char *directory;
	bool v1;
} mounts[] = {
	{ "/sys/fs/cgroup", false },
	{ "/sys/fs/cgroup/memory", true },
	{ "/sys/fs/cgroup/unified", false },
};

static bool
read_text(const char *path, char text[SBN_CGROUP_TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, SBN_CGROUP_TEXT - 1);

	text[SBN_MAX(n, 0)] = '\0';
	if (fd >= 0)
		close(fd);
	return n > 0;
}

bool
sbn_cgroup_read(const struct sbn_cgroup *cgroup, const char *file, char text[SBN_CGROUP_TEXT])
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", cgroup->directory, file);
	return read_text(path, text);
}

static const char *
value_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return line + length + 1;
	}
	return NULL;
}

uint64_t
sbn_cgroup_number(const char *text, const char *key)
{
	const char *value = value_of(text, key);

	return value == NULL ? 0 : strtoull(value, NULL, 10);
}

/* Whether "memory" is one of the words between commas. */
static bool
has_memory(const char *words, size_t length)
{
	static const char memory[] = "memory";
	size_t n = sizeof(memory) - 1;

	for (size_t at = 0; at < length; at++) {
		size_t word = 0;

		while (at + word < length && words[at + word] != ',')
			word++;
		if (word == n && strncmp(words + at, memory, n) == 0)
			return true;
		at += word;
	}
	return false;
}

bool
sbn_cgroup_path(const char *text, bool v1, char path[PATH_MAX])
{
	/* lines such as "4:memory:/a/b" and "0::/a/b" */
	for (const char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		const char *words = memchr(line, ':', length);
		const char *end = words == NULL ? NULL : strchr(words + 1, ':');

		if (end != NULL && end < line + length &&
		    (v1 ? has_memory(words + 1, (size_t)(end - words - 1)) : end == words + 1)) {
			snprintf(path, PATH_MAX, "%.*s", (int)(line + length - end - 1), end + 1);
			return true;
		}
		line += length + (line[length] == '\n');
	}
	return false;
}

static bool
is_there(const struct sbn_cgroup *cgroup)
{
	char text[SBN_CGROUP_TEXT];

	return sbn_cgroup_read(cgroup, cgroup->v1 ? "memory.oom_control" : "memory.events", text);
}

/* false: it was the mount already. */
static bool
go_up(struct sbn_cgroup *cgroup)
{
	char *slash = strrchr(cgroup->directory + cgroup->mount, '/');

	if (slash != NULL)
		*slash = '\0';
	return slash != NULL;
}

bool
sbn_cgroup_below(struct sbn_cgroup *cgroup, const char *mount, const char *path, bool v1)
{
	bool found;

	cgroup->v1 = v1;
	cgroup->mount = strlen(mount);
	if (snprintf(cgroup->directory, PATH_MAX, "%s%s", mount, path) >= PATH_MAX)
		snprintf(cgroup->directory, PATH_MAX, "%s", mount);
	do
		found = is_there(cgroup);
	while (!found && go_up(cgroup));
	return found;
}

bool
sbn_cgroup_find(struct sbn_cgroup *cgroup)
{
	char text[SBN_CGROUP_TEXT], path[PATH_MAX];

	if (!read_text("/proc/self/cgroup", text))
		return false;
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (sbn_cgroup_path(text, mounts[i].v1, path) &&
		    sbn_cgroup_below(cgroup, mounts[i].directory, path, mounts[i].v1))
			return true;
	return false;
}

static uint64_t
own_limit(const struct sbn_cgroup *cgroup)
{
	char text[SBN_CGROUP_TEXT];
	uint64_t limit;

	if (!sbn_cgroup_read(cgroup, cgroup->v1 ? "memory.limit_in_bytes" : "memory.max", text) ||
	    text[0] < '0' || text[0] > '9')
		return UINT64_MAX;
	limit = strtoull(text, NULL, 10);
	return limit > INT64_MAX / 2 ? UINT64_MAX : limit; /* v1 has a number for "no limit" */
}

/* Bytes in use that are not cache of files, which the kernel drops when memory is wanted. */
static uint64_t
used(const struct sbn_cgroup *cgroup)
{
	char text[SBN_CGROUP_TEXT];
	uint64_t bytes, cache;
	const char *total = cgroup->v1 ? "total_" : "";
	char inactive[32], active[32];

	sbn_cgroup_read(cgroup, cgroup->v1 ? "memory.usage_in_bytes" : "memory.current", text);
	bytes = strtoull(text, NULL, 10);
	sbn_cgroup_read(cgroup, "memory.stat", text);
	snprintf(inactive, sizeof(inactive), "%sinactive_file", total);
	snprintf(active, sizeof(active), "%sactive_file", total);
	cache = sbn_cgroup_number(text, inactive) + sbn_cgroup_number(text, active);
	return bytes - SBN_MIN(bytes, cache);
}

uint64_t
sbn_cgroup_limit(const struct sbn_cgroup *cgroup)
{
	struct sbn_cgroup at = *cgroup;
	uint64_t limit = UINT64_MAX;

	do
		limit = SBN_MIN(limit, own_limit(&at));
	while (go_up(&at));
	return limit;
}

uint64_t
sbn_cgroup_room(const struct sbn_cgroup *cgroup)
{
	struct sbn_cgroup at = *cgroup;
	uint64_t room = UINT64_MAX;

	do {
		uint64_t limit = own_limit(&at), taken;

		if (limit == UINT64_MAX)
			continue;
		taken = used(&at);
		room = SBN_MIN(room, limit - SBN_MIN(limit, taken));
	} while (go_up(&at));
	return room;
}
