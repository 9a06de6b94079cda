/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/strays.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static bool
is_stray(const struct sbn_job *job, pid_t pid)
{
	return pid != job->guard.pid && pid != job->output.relay && pid != job->input.feeder &&
	       getsid(pid) == getsid(0);
}

unsigned
sbn_strays_signal(const struct sbn_job *job, int number)
{
	/* all ranks are forked by the main thread, to which the kernel also gives the orphans */
	FILE *children = fopen("/proc/thread-self/children", "re");
	unsigned n = 0;
	int pid;

	if (children == NULL)
		return 0; /* a kernel without the list: only groups are ended */
	while (fscanf(children, "%d", &pid) == 1) {
		if (!is_stray(job, pid))
			continue;
		n++;
		if (number != 0)
			kill(pid, number);
	}
	fclose(children);
	return n;
}
