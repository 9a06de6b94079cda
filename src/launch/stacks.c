/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "launch/proc.h"
#include "launch/say.h"
#include "launch/text.h"
#include "launch/unwind.h"

enum { NAME_BYTES = 32, MAX_GROUPS = 16, MAX_NAMED = 8 };

syncbn_status_t
sbn_stacks_open(uint32_t n_ranks, struct sbn_stacks *stacks)
{
	*stacks = (struct sbn_stacks){ .n_ranks = n_ranks };
	stacks->held = calloc(n_ranks, sizeof(*stacks->held));
	if (stacks->held == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "the threads of %u ranks", n_ranks);
	return SYNCBN_OK;
}

/* ---- without stacks ---- */

static void
say_thread(pid_t process, pid_t thread)
{
	char name[NAME_BYTES] = "?", wchan[NAME_BYTES * 2] = "";
	struct sbn_proc_stat stat = { .state = '?' };

	sbn_proc_thread_stat(process, thread, &stat);
	sbn_proc_thread_text(process, thread, "comm", name, sizeof(name));
	sbn_proc_thread_text(process, thread, "wchan", wchan, sizeof(wchan));
	if (strcmp(wchan, "0") == 0)
		wchan[0] = '\0';
	sbn_say("  thread %d (%s): %s%s%s", (int)thread, name, sbn_proc_state_word(stat.state),
		wchan[0] != '\0' ? ", in " : "", wchan);
}

static void
say_threads(const struct sbn_threads *threads)
{
	for (size_t i = 0; i < threads->n && i < MAX_GROUPS; i++)
		say_thread(threads->pid, threads->thread[i].id);
	if (threads->n > MAX_GROUPS)
		sbn_say("  and %zu more threads", threads->n - MAX_GROUPS + threads->n_more);
}

static void
say_reason(struct sbn_stacks *stacks, const struct sbn_threads *threads)
{
	if (stacks->reason_told)
		return;
	stacks->reason_told = true;
	if (!sbn_unwind_is_built_in)
		sbn_say("there are no stacks: syncbn-run was built without libdw (Debian: "
			"libdw-dev)");
	else if (threads->error != 0)
		sbn_say("there are no stacks: ptrace: %s (a debugger holds the process, or the "
			"container or kernel.yama.ptrace_scope forbids it)",
			strerror(threads->error));
	else
		sbn_say("there are no stacks: the process's map of files cannot be read");
}

/* ---- with stacks ---- */

static bool
same_stack(const struct sbn_stack *a, const struct sbn_stack *b)
{
	return a->n == b->n && memcmp(a->address, b->address, a->n * sizeof(a->address[0])) == 0;
}

/* "threads 71, 72 and 5 more (train)": all that have the stack of the first one. */
static void
say_owners(const struct sbn_threads *threads, const struct sbn_stack *stacks, size_t first)
{
	struct sbn_text text = { .used = 0 };
	char name[NAME_BYTES] = "?";
	size_t n = 0;

	sbn_proc_thread_text(threads->pid, threads->thread[first].id, "comm", name, sizeof(name));
	for (size_t i = first; i < threads->n; i++)
		if (same_stack(&stacks[i], &stacks[first]) && n++ < MAX_NAMED)
			sbn_text_append(&text, "%s%d", n == 1 ? "" : ", ",
					(int)threads->thread[i].id);
	if (n > MAX_NAMED)
		sbn_text_append(&text, " and %zu more", n - MAX_NAMED);
	sbn_say("  thread%s %s (%s)", n == 1 ? "" : "s", text.data, name);
}

static void
say_stack(struct sbn_unwinder *unwinder, const struct sbn_stack *stack)
{
	char name[SBN_FRAME_BYTES];

	for (size_t i = 0; i < stack->n; i++) {
		sbn_unwind_name(unwinder, stack->address[i], name);
		sbn_say("    %s", name);
	}
	if (stack->more)
		sbn_say("    and more");
	if (stack->n == 0)
		sbn_say("    could not be stopped or read");
}

static bool
came_before(const struct sbn_stack *stacks, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (same_stack(&stacks[before], &stacks[i]))
			return true;
	return false;
}

static void
say_stacks(struct sbn_unwinder *unwinder, const struct sbn_threads *threads,
	   const struct sbn_stack *stacks)
{
	size_t n_said = 0;

	for (size_t i = 0; i < threads->n; i++) {
		if (came_before(stacks, i))
			continue;
		if (n_said++ == MAX_GROUPS) {
			sbn_say("  and more threads with other stacks");
			return;
		}
		say_owners(threads, stacks, i);
		say_stack(unwinder, &stacks[i]);
	}
	if (threads->n_more > 0)
		sbn_say("  and %zu more threads", threads->n_more);
}

/* ---- a rank ---- */

static void
let_go(struct sbn_threads *threads, struct sbn_job *job, uint32_t rank)
{
	bool all = sbn_threads_release(threads);

	if (threads->ended && threads->pid == job->process[rank].pid)
		sbn_job_note_end(job, rank, threads->wait_status);
	if (all)
		threads->n = 0;
}

/* Its memory goes first, its entry in /proc when it has been reaped. */
static bool
has_ended(const struct sbn_threads *threads)
{
	char pages[NAME_BYTES];

	for (size_t i = 0; i < threads->n; i++)
		if (sbn_proc_thread_text(threads->pid, threads->thread[i].id, "statm", pages,
					 sizeof(pages)) &&
		    strncmp(pages, "0 ", 2) != 0)
			return false;
	return sbn_proc_is_ours();
}

static void
say_what_there_is(struct sbn_stacks *stacks, const struct sbn_threads *threads, uint32_t rank)
{
	if (has_ended(threads)) {
		sbn_say("rank %u, process %d: has ended", rank, (int)threads->pid);
		return;
	}
	say_reason(stacks, threads);
	sbn_say("rank %u, process %d:", rank, (int)threads->pid);
	say_threads(threads);
}

/* The process stands as short as possible: it is let go before names are looked up. */
static void
say_rank(struct sbn_stacks *stacks, struct sbn_job *job, uint32_t rank, pid_t pid)
{
	struct sbn_threads *held = &stacks->held[rank];
	struct sbn_unwinder *unwinder = sbn_unwind_open(pid);
	struct sbn_stack *stack = calloc(SBN_THREADS_MAX, sizeof(*stack));
	struct sbn_threads shown;
	bool any = false;

	if (unwinder != NULL && stack != NULL) {
		sbn_threads_stop(pid, held);
		for (size_t i = 0; i < held->n; i++)
			if (held->thread[i].stopped)
				sbn_unwind_thread(unwinder, held->thread[i].id, &stack[i]);
		for (size_t i = 0; i < held->n; i++)
			any |= stack[i].n > 0;
	} else {
		sbn_threads_list(pid, held);
	}
	shown = *held;
	let_go(held, job, rank);
	if (any) {
		sbn_say("rank %u, process %d:", rank, (int)pid);
		say_stacks(unwinder, &shown, stack);
	} else {
		say_what_there_is(stacks, &shown, rank);
	}
	sbn_unwind_close(unwinder);
	free(stack);
}

void
sbn_stacks_say(struct sbn_stacks *stacks, struct sbn_job *job)
{
	sbn_stacks_release(stacks, job);
	for (uint32_t rank = 0; rank < stacks->n_ranks; rank++) {
		pid_t pid = sbn_process_joined(&job->process[rank]);

		if (pid != 0 && stacks->held[rank].n == 0)
			say_rank(stacks, job, rank, pid);
	}
}

void
sbn_stacks_release(struct sbn_stacks *stacks, struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < stacks->n_ranks; rank++)
		if (stacks->held[rank].n > 0)
			let_go(&stacks->held[rank], job, rank);
}

void
sbn_stacks_close(struct sbn_stacks *stacks)
{
	free(stacks->held);
}
