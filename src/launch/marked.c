/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/marked.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/proc.h"

enum { ENVIRONMENT_BYTES = 1 << 20 };

bool
sbn_marked_has(const char *environment, size_t bytes, const char *entry)
{
	size_t length = strlen(entry);

	for (size_t at = 0; at < bytes;) {
		const char *end = memchr(environment + at, '\0', bytes - at);
		size_t here = end == NULL ? bytes - at : (size_t)(end - environment - at);

		if (here == length && memcmp(environment + at, entry, length) == 0)
			return true;
		at += here + 1;
	}
	return false;
}

static bool
has_entry(pid_t pid, const char *entry, char *buffer)
{
	size_t used = 0;
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (used < ENVIRONMENT_BYTES &&
	       (n = read(fd, buffer + used, ENVIRONMENT_BYTES - used)) > 0)
		used += (size_t)n;
	close(fd);
	return sbn_marked_has(buffer, used, entry);
}

static bool
has_segment(pid_t pid, const struct sbn_mark *mark)
{
	struct dirent *entry;
	struct stat file;
	bool found = false;
	char path[32];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (fds == NULL)
		return false;
	while (!found && (entry = readdir(fds)) != NULL)
		found = isdigit((unsigned char)entry->d_name[0]) &&
			fstatat(dirfd(fds), entry->d_name, &file, 0) == 0 &&
			file.st_dev == mark->device && file.st_ino == mark->inode;
	closedir(fds);
	return found;
}

unsigned
sbn_marked_kill(const struct sbn_mark *mark, pid_t session)
{
	char *buffer = malloc(ENVIRONMENT_BYTES);
	DIR *proc = buffer != NULL && sbn_proc_is_ours() ? opendir("/proc") : NULL;
	struct dirent *entry;
	unsigned n = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		pid_t pid = atoi(entry->d_name);

		if (!isdigit((unsigned char)entry->d_name[0]) || getsid(pid) != session ||
		    (!has_entry(pid, mark->entry, buffer) && !has_segment(pid, mark)))
			continue;
		n += kill(pid, SIGKILL) == 0;
	}
	if (proc != NULL)
		closedir(proc);
	free(buffer);
	return n;
}
