/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 3, TEXT_BYTES = 4096 };

/* The first bytes of /proc/PID/name as a string; false when there are none. */
static bool
read_text(pid_t pid, const char *name, char *text, size_t bytes)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, bytes - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return true;
}

static bool
read_stat(pid_t pid, const char *file, struct sbn_proc_stat *stat)
{
	char text[256];
	const char *name_end;
	int parent;

	if (!read_text(pid, file, text, sizeof(text)))
		return false;
	name_end = strrchr(text, ')');
	if (name_end == NULL || sscanf(name_end, ") %c %d", &stat->state, &parent) != 2)
		return false;
	stat->parent = parent;
	return true;
}

bool
sbn_proc_stat(pid_t pid, struct sbn_proc_stat *stat)
{
	return read_stat(pid, "stat", stat);
}

bool
sbn_proc_thread_stat(pid_t pid, pid_t thread, struct sbn_proc_stat *stat)
{
	char file[32];

	snprintf(file, sizeof(file), "task/%d/stat", (int)thread);
	return read_stat(pid, file, stat);
}

static bool
read_line(pid_t pid, const char *file, char *line, size_t bytes)
{
	if (!read_text(pid, file, line, bytes))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

bool
sbn_proc_thread_text(pid_t pid, pid_t thread, const char *file, char *text, size_t bytes)
{
	char path[48];

	snprintf(path, sizeof(path), "task/%d/%s", (int)thread, file);
	return read_line(pid, path, text, bytes);
}

const char *
sbn_proc_state_word(char state)
{
	switch (state) {
	case 'R':
		return "runs";
	case 'S':
	case 'I':
		return "sleeps";
	case 'D':
		return "in the kernel";
	case 'T':
		return "stopped";
	case 't':
		return "in a debugger";
	default:
		return "has ended";
	}
}

bool
sbn_proc_name(pid_t pid, char *name, size_t bytes)
{
	return read_line(pid, "comm", name, bytes);
}

bool
sbn_proc_cpus(pid_t pid, hwloc_bitmap_t cpus)
{
	static const char key[] = "Cpus_allowed_list:\t";
	char text[TEXT_BYTES];
	char *list;

	if (!read_text(pid, "status", text, sizeof(text)))
		return false;
	list = strstr(text, key);
	if (list == NULL)
		return false;
	list += sizeof(key) - 1;
	list[strcspn(list, "\n")] = '\0';
	return hwloc_bitmap_list_sscanf(cpus, list) == 0;
}

bool
sbn_proc_is_ours(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid();
}

bool
sbn_proc_descends(pid_t pid, pid_t ancestor)
{
	/* again where a parent has ended meanwhile */
	for (int i = 0; i < TRIES; i++) {
		struct sbn_proc_stat stat = { .parent = pid };

		while (stat.parent > 0 && stat.parent != ancestor)
			if (!sbn_proc_stat(stat.parent, &stat))
				break;
		if (stat.parent == ancestor)
			return true;
		if (stat.parent == 0)
			return false;
	}
	return false;
}

/* How a process numbers itself: the last number of a line like "NSpid: 4711 2". */
static pid_t
own_number(pid_t pid)
{
	char text[TEXT_BYTES];
	const char *line;
	const char *last;

	if (!read_text(pid, "status", text, sizeof(text)))
		return 0;
	line = strstr(text, "\nNSpid:");
	if (line == NULL)
		return pid;
	last = line + strlen("\nNSpid:");
	last += strcspn(last, "\n");
	while (last[-1] >= '0' && last[-1] <= '9')
		last--;
	return atoi(last);
}

pid_t
sbn_proc_find_descendant(pid_t ancestor, pid_t inner)
{
	struct dirent *entry;
	pid_t found = 0;
	DIR *proc;

	if (own_number(inner) == inner && sbn_proc_descends(inner, ancestor))
		return inner;
	proc = opendir("/proc");
	if (proc == NULL)
		return 0;
	while (found == 0 && (entry = readdir(proc)) != NULL) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && own_number(pid) == inner && sbn_proc_descends(pid, ancestor))
			found = pid;
	}
	closedir(proc);
	return found;
}
