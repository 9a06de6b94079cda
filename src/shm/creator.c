/* SPDX-License-Identifier: Apache-2.0 */
#include "shm/creator.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0: there is no such process, or no /proc. */
static uint64_t
start_time_of(int32_t pid)
{
	char path[48], text[1024];
	uint64_t start = 0;
	const char *after_name;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%" PRId32 "/stat", pid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return 0;
	/* the name, in brackets, may hold anything; the start time is the 20th field after it */
	if (fgets(text, sizeof(text), stat) != NULL && (after_name = strrchr(text, ')')) != NULL)
		sscanf(after_name + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
		       " %*d %*d %" SCNu64,
		       &start);
	fclose(stat);
	return start;
}

static uint64_t
own_pid_space(void)
{
	struct stat space;

	return stat("/proc/self/ns/pid", &space) == 0 ? (uint64_t)space.st_ino : 0;
}

struct sbn_creator
sbn_creator_self(void)
{
	return (struct sbn_creator){
		.pid = getpid(),
		.start_time = start_time_of(getpid()),
		.pid_space = own_pid_space(),
	};
}

bool
sbn_creator_has_ended(const struct sbn_creator *creator)
{
	/* our own number tells whether this /proc numbers processes as we do */
	if (creator->start_time == 0 || creator->pid_space == 0 ||
	    creator->pid_space != own_pid_space() || start_time_of(getpid()) == 0)
		return false;
	return start_time_of(creator->pid) != creator->start_time;
}
