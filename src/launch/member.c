/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/member.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch/job.h"
#include "launch/proc.h"

/*
 * The process that has joined as `number`, which is what it calls itself. One whose parents have
 * ended is the launcher's, a subreaper's, and no other rank's. 0: it has ended.
 */
static pid_t
find_process(const struct sbn_job *job, uint32_t rank, pid_t number)
{
	pid_t found = sbn_proc_find_descendant(job->process[rank].pid, number);

	if (found != 0)
		return found;
	found = sbn_proc_find_descendant(getpid(), number);
	for (uint32_t other = 0; other < job->n_ranks && found != 0; other++)
		if (job->process[other].running &&
		    sbn_proc_descends(found, job->process[other].pid))
			found = 0;
	return found;
}

struct sbn_member
sbn_member_find(const struct sbn_job *job, uint32_t rank)
{
	const struct sbn_control *control = &job->segment.control;
	struct sbn_member member = { .state = SBN_MEMBER_NONE };
	pid_t child = job->process[rank].pid;
	pid_t found;

	if (!(sbn_control_state(control, rank) & SBN_RANK_JOINED))
		return member;
	/* relaxed: written before JOINED, whose load above acquired it */
	member.pid = atomic_load_explicit(&sbn_control_rank(control, rank)->life.pid,
					  memory_order_relaxed);
	member.state = SBN_MEMBER_CHILD;
	if (member.pid == child || member.pid <= 0 || !sbn_proc_is_ours())
		return member;
	found = find_process(job, rank, member.pid);
	if (found == child)
		return member;
	member.state = SBN_MEMBER_ENDED;
	if (found == 0)
		return member;
	member.pid = found;
	member.pidfd = (int)syscall(SYS_pidfd_open, found, 0);
	if (member.pidfd >= 0)
		member.state = SBN_MEMBER_WATCHED;
	else if (errno != ESRCH)
		member.state = SBN_MEMBER_CHILD;
	return member;
}

void
sbn_member_unwatch(struct sbn_member *member, enum sbn_member_state state)
{
	if (member->state == SBN_MEMBER_WATCHED)
		close(member->pidfd);
	member->state = state;
}
