/* SPDX-License-Identifier: Apache-2.0 */
/* The memory cgroup of this process, v1 or v2: its files, its limits and what they leave. */
#ifndef SBN_PLATFORM_CGROUP_H
#define SBN_PLATFORM_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SBN_CGROUP_TEXT = 16384 };

struct sbn_cgroup {
	char directory[PATH_MAX]; /* below a mount, or the mount itself */
	size_t mount;             /* the directory's first bytes are the mount's path */
	bool v1;
};

/* false: there is none, and no other function may be called. */
bool sbn_cgroup_find(struct sbn_cgroup *cgroup);

/*
 * Of the cgroup at a path below a mount; where that has no files of memory, or is not seen from
 * here, as in a container, of the next one above that has.
 */
bool sbn_cgroup_below(struct sbn_cgroup *cgroup, const char *mount, const char *path, bool v1);

/* Reads one of its files; an unreadable or empty one is an empty text, and false. */
bool sbn_cgroup_read(const struct sbn_cgroup *cgroup, const char *file, char text[SBN_CGROUP_TEXT]);

/* The smallest of its limit and those above it, in bytes; UINT64_MAX: none, or unknown. */
uint64_t sbn_cgroup_limit(const struct sbn_cgroup *cgroup);

/* Bytes that these limits leave, the cache of files counted as free; UINT64_MAX: no limit. */
uint64_t sbn_cgroup_room(const struct sbn_cgroup *cgroup);

/* ---- pure ---- */

/* The number behind a key at the beginning of a line, as in "oom_kill 3"; 0 without one. */
uint64_t sbn_cgroup_number(const char *text, const char *key);

/* Writes the path of the memory cgroup in /proc/PID/cgroup's text; false: there is none. */
bool sbn_cgroup_path(const char *text, bool v1, char path[PATH_MAX]);

#endif
