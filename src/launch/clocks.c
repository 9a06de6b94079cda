/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/clocks.h"

#include "base/clock.h"
#include "launch/waits.h"

/* How many reasons there are, in the word that the ranks look at. */
static void
count(const struct sbn_job *job, uint32_t change)
{
	/* relaxed: a word of its own; deadlines are far longer than its way to the ranks */
	atomic_fetch_add_explicit(&job->segment.control.head->clock_paused, change,
				  memory_order_relaxed);
}

bool
sbn_clocks_suspend(struct sbn_clocks *clocks, const struct sbn_job *job)
{
	if (clocks->suspended)
		return false;
	clocks->suspended = true;
	count(job, 1);
	return true;
}

void
sbn_clocks_resume(struct sbn_clocks *clocks, const struct sbn_job *job)
{
	clocks->resumed_ns = sbn_now_ns();
	if (clocks->suspended)
		count(job, UINT32_MAX);
	clocks->suspended = false;
}

void
sbn_clocks_hold(const struct sbn_job *job)
{
	count(job, 1);
}

void
sbn_clocks_release(struct sbn_clocks *clocks, const struct sbn_job *job)
{
	clocks->resumed_ns = sbn_now_ns();
	count(job, UINT32_MAX);
}

static bool
anybody_waits(const struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (sbn_waiting_of(job, rank).since_ns != 0)
			return true;
	return false;
}

static bool
anybody_is_debugged(const struct sbn_job *job)
{
	for (uint32_t rank = 0; rank < job->n_ranks; rank++)
		if (sbn_waits_state(job, rank) == 't')
			return true;
	return false;
}

void
sbn_clocks_look(struct sbn_clocks *clocks, const struct sbn_job *job)
{
	uint64_t now_ns = sbn_now_ns();
	bool debugged;

	if (now_ns < clocks->next_look_ns)
		return;
	clocks->next_look_ns = now_ns + SBN_CLOCKS_LOOK_MS * SBN_NS_PER_MS;
	debugged = anybody_waits(job) && anybody_is_debugged(job);
	if (debugged && !clocks->debugged)
		count(job, 1);
	else if (!debugged && clocks->debugged)
		sbn_clocks_release(clocks, job);
	clocks->debugged = debugged;
}
