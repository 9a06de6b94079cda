/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/oom.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/math.h"

enum { TEXT_BYTES = 16384 };

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
read_text(const char *path, char text[TEXT_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_BYTES - 1);

	text[SBN_MAX(n, 0)] = '\0';
	if (fd >= 0)
		close(fd);
	return n > 0;
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
sbn_oom_count(const char *text, const char *key)
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
sbn_oom_cgroup(const char *text, bool v1, char path[PATH_MAX])
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
read_events(const struct sbn_oom *oom, char text[TEXT_BYTES])
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", oom->directory,
		 oom->v1 ? "memory.oom_control" : "memory.events");
	return read_text(path, text);
}

/* The cgroup of this process below a mount; in a container it may be the mount itself. */
static bool
find_below(const char *mount, struct sbn_oom *oom)
{
	char text[TEXT_BYTES], path[PATH_MAX];

	if (!read_text("/proc/self/cgroup", text) || !sbn_oom_cgroup(text, oom->v1, path))
		return false;
	if (snprintf(oom->directory, PATH_MAX, "%s%s", mount, path) < PATH_MAX &&
	    read_events(oom, text))
		return true;
	snprintf(oom->directory, PATH_MAX, "%s", mount);
	return read_events(oom, text);
}

static uint64_t
kills_in_cgroup(const struct sbn_oom *oom)
{
	char text[TEXT_BYTES];

	if (oom->directory[0] == '\0' || !read_events(oom, text))
		return 0;
	return sbn_oom_count(text, "oom_kill");
}

static uint64_t
kills_in_system(void)
{
	char text[TEXT_BYTES];

	return read_text("/proc/vmstat", text) ? sbn_oom_count(text, "oom_kill") : 0;
}

void
sbn_oom_open(struct sbn_oom *oom)
{
	size_t i = 0;

	*oom = (struct sbn_oom){ .v1 = false };
	for (; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		oom->v1 = mounts[i].v1;
		if (find_below(mounts[i].directory, oom))
			break;
		oom->directory[0] = '\0';
	}
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
	char path[PATH_MAX + 32], text[TEXT_BYTES];
	uint64_t limit;

	snprintf(path, sizeof(path), "%s/%s", oom->directory,
		 oom->v1 ? "memory.limit_in_bytes" : "memory.max");
	if (oom->directory[0] == '\0' || !read_text(path, text) || text[0] < '0' || text[0] > '9')
		return UINT64_MAX;
	limit = strtoull(text, NULL, 10);
	return limit > INT64_MAX / 2 ? UINT64_MAX : limit; /* v1 has a number for "no limit" */
}
