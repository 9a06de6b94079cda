/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/ending.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { MEMORY_BYTES = 160, KIB = 1024 };

void
sbn_ending_note(struct sbn_job *job, uint32_t rank)
{
	struct sbn_process *process = &job->process[rank];

	if (WIFSIGNALED(process->wait_status) && WTERMSIG(process->wait_status) == SIGKILL)
		process->oom = sbn_oom_take(&job->oom);
}

static const char *
oom_words(enum sbn_oom_kill oom)
{
	if (oom == SBN_OOM_CGROUP)
		return ", out of memory";
	return oom == SBN_OOM_SYSTEM ? ", perhaps out of memory" : "";
}

/* As the segment says it, but also of a rank that has not been marked as gone. */
static void
describe_own(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes)
{
	char ending[SBN_ENDING_BYTES];

	sbn_control_ending(&job->segment.control, rank, ending, sizeof(ending));
	snprintf(text, bytes, "%s%s", ending, oom_words(job->process[rank].oom));
}

void
sbn_ending_describe(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes)
{
	const struct sbn_process *process = &job->process[rank];
	bool left = sbn_control_state(&job->segment.control, rank) & SBN_RANK_LEFT;
	bool telling = WIFEXITED(process->wait_status) && WEXITSTATUS(process->wait_status) != 0;

	if (process->member.state == SBN_MEMBER_ENDED && !left && !telling)
		snprintf(text, bytes, "the rank's process %d has ended", (int)process->member.pid);
	else if (process->running)
		snprintf(text, bytes, "still runs");
	else
		describe_own(job, rank, text, bytes);
}

/* For example ": its cgroup allows 512 MiB; it had 498 MiB at most". */
static void
explain_memory(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes)
{
	const struct sbn_process *process = &job->process[rank];
	uint64_t limit = sbn_oom_limit(&job->oom);
	char allows[64] = "";

	text[0] = '\0';
	if (process->oom == SBN_OOM_NONE)
		return;
	if (process->oom == SBN_OOM_SYSTEM)
		snprintf(allows, sizeof(allows), "the kernel has killed for memory meanwhile; ");
	else if (limit != UINT64_MAX)
		snprintf(allows, sizeof(allows), "its cgroup allows %.4g MiB; ",
			 (double)limit / KIB / KIB);
	snprintf(text, bytes, ": %sit had %.4g MiB at most", allows,
		 (double)process->peak_kib / KIB);
}

void
sbn_ending_explain(const struct sbn_job *job, uint32_t rank, char *text, size_t bytes)
{
	char own[SBN_ENDING_BYTES + 32], memory[MEMORY_BYTES];

	describe_own(job, rank, own, sizeof(own));
	explain_memory(job, rank, memory, sizeof(memory));
	snprintf(text, bytes, "%s%s", own, memory);
}
