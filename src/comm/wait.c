/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/wait.h"

#include <sched.h>

#include "base/clock.h"
#include "base/math.h"
#include "comm/diagnose.h"
#include "platform/futex.h"

enum {
	SPIN_NS = 30000,
	PAUSES_A_LOOK = 16,
	YIELDS = 4,
	NAP_NS = 100 * 1000 * 1000 /* the longest sleep between two looks at everything */
};

struct clock {
	uint64_t deadline_ns;
	uint64_t looked_ns;
};

static bool
spin(const struct sbn_wait *wait)
{
	uint64_t end = sbn_now_ns() + SPIN_NS;

	do {
		for (int i = 0; i < PAUSES_A_LOOK; i++) {
			if (wait->ready(wait))
				return true;
			sbn_cpu_pause();
		}
	} while (sbn_now_ns() < end);
	return false;
}

static bool
yield(const struct sbn_wait *wait)
{
	for (int i = 0; i < YIELDS; i++) {
		if (wait->ready(wait))
			return true;
		sched_yield();
	}
	return false;
}

/* Time that passes while the clock is paused does not count. */
static uint64_t
time_left(const struct sbn_wait *wait, struct clock *clock)
{
	uint64_t now = sbn_now_ns();

	/* relaxed: a word that stands for itself, looked at again soon */
	if (atomic_load_explicit(&wait->group->control.head->clock_paused, memory_order_relaxed) !=
	    0)
		clock->deadline_ns += now - clock->looked_ns;
	/* a nap is far shorter: this process was stopped, and its peers perhaps with it */
	else if (now - clock->looked_ns > 10 * (uint64_t)NAP_NS)
		clock->deadline_ns += now - clock->looked_ns - NAP_NS;
	clock->looked_ns = now;
	return clock->deadline_ns > now ? clock->deadline_ns - now : 0;
}

/* Why this wait cannot go on; OK while it can. */
static syncbn_status_t
trouble(const struct sbn_wait *wait, uint64_t left_ns)
{
	struct syncbn_group *group = wait->group;
	syncbn_status_t status = sbn_group_failure(group);
	uint32_t state;

	if (status != SYNCBN_OK)
		return status;
	state = sbn_control_state(&group->control, wait->peer);
	/* what the peer published before it left counts: look again, after the state */
	if (state & (SBN_RANK_LEFT | SBN_RANK_GONE) && !wait->ready(wait))
		return sbn_diagnose_lost(wait);
	if (sbn_diagnose_crossed(wait) && !wait->ready(wait))
		return sbn_diagnose_mismatch(wait);
	if (left_ns == 0 && !wait->ready(wait))
		return sbn_diagnose_timeout(wait);
	return SYNCBN_OK;
}

static syncbn_status_t
nap(const struct sbn_wait *wait, _Atomic uint32_t *rings, struct clock *clock, bool *ready)
{
	/* acquire: `ready` looks after it, so who misses what was published sees no old count */
	uint32_t seen = atomic_load_explicit(rings, memory_order_acquire);
	uint64_t left_ns;
	syncbn_status_t status;

	*ready = wait->ready(wait);
	if (*ready)
		return SYNCBN_OK;
	left_ns = time_left(wait, clock);
	status = trouble(wait, left_ns);
	if (status == SYNCBN_OK) {
		sbn_futex_wait(rings, seen, SBN_MIN(left_ns, (uint64_t)NAP_NS), true);
		*ready = wait->ready(wait);
	}
	return status;
}

static syncbn_status_t
sleep_until_ready(const struct sbn_wait *wait, uint64_t start_ns)
{
	struct sbn_rank_block *own = wait->group->own;
	_Atomic uint32_t *rings = &own->doorbells[wait->lane].rings;
	uint64_t bit = UINT64_C(1) << wait->lane;
	struct clock clock = {
		.deadline_ns = start_ns + (uint64_t)wait->timeout_ms * SBN_NS_PER_MS,
		.looked_ns = start_ns,
	};
	syncbn_status_t status;
	bool ready;

	/* relaxed: for the launcher's eyes */
	atomic_store_explicit(&own->now.since_ns, start_ns, memory_order_relaxed);
	/* relaxed: the fence F2 below pairs with the publisher's F1 */
	atomic_fetch_or_explicit(&own->sleepers, bit, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	do {
		status = nap(wait, rings, &clock, &ready);
	} while (status == SYNCBN_OK && !ready);
	/* relaxed: a late look at it costs one needless ring */
	if ((atomic_fetch_and_explicit(&own->sleepers, ~bit, memory_order_relaxed) & ~bit) == 0)
		/* relaxed: as above */
		atomic_store_explicit(&own->now.since_ns, 0, memory_order_relaxed);
	return status;
}

syncbn_status_t
sbn_wait(const struct sbn_wait *wait)
{
	syncbn_status_t status = SYNCBN_OK;
	uint64_t start_ns;

	if (wait->ready(wait))
		return SYNCBN_OK;
	start_ns = sbn_now_ns();
	if (!(wait->group->may_spin ? spin(wait) : yield(wait))) {
		status = sleep_until_ready(wait, start_ns);
		if (wait->lane == 0)
			sbn_trace_add(wait->group->trace, SBN_SLEEPS, 1);
	}
	if (wait->lane == 0)
		sbn_trace_add(wait->group->trace, SBN_WAIT_NS, sbn_now_ns() - start_ns);
	return status;
}
