/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/wait.h"

#include <sched.h>

#include "base/clock.h"
#include "base/math.h"
#include "comm/diagnose.h"
#include "platform/futex.h"
#include "platform/membarrier.h"

enum {
	SPIN_NS = 30000,
	PAUSES_A_LOOK = 16,
	YIELDS = 4,
	NAP_NS = 100 * 1000 * 1000, /* the longest sleep between two looks at everything */
	DEAF_NAP_NS = 1000 * 1000   /* without a doorbell */
};

struct clock {
	uint64_t deadline_ns;
	uint64_t looked_ns;
	struct sbn_now peer; /* what it was in at the last look */
};

/* What a thread sleeps on. */
struct bell {
	_Atomic uint32_t *rings;
	uint64_t bit; /* its bit in `sleepers`; 0: all are taken, nobody rings */
	uint64_t nap_ns;
};

static bool
spin(const struct sbn_wait *wait, uint64_t ns)
{
	uint64_t end = sbn_now_ns() + ns;

	do {
		for (int i = 0; i < PAUSES_A_LOOK; i++) {
			if (wait->ready(wait))
				return true;
			sbn_cpu_pause();
		}
	} while (sbn_now_ns() < end);
	return false;
}

/* Lane 0 counts for the call. */
static void
count_wait(const struct sbn_wait *wait, uint64_t start_ticks, bool slept)
{
	uint64_t waited = sbn_ticks() - start_ticks;

	if (wait->lane != 0)
		return;
	wait->group->waited_ticks += waited;
	sbn_trace_add(wait->group->trace, SBN_WAIT_TICKS, waited);
	if (slept)
		sbn_trace_add(wait->group->trace, SBN_SLEEPS, 1);
}

bool
sbn_is_late(const struct sbn_wait *wait, uint64_t ns)
{
	const struct syncbn_group *group = wait->group;
	uint64_t start_ticks;
	bool is_ready;

	if (!group->may_spin || group->n_in_flight != 0 || wait->ready(wait))
		return false;
	start_ticks = sbn_ticks();
	is_ready = spin(wait, ns);
	count_wait(wait, start_ticks, false);
	return !is_ready;
}

bool
sbn_wait_yielding(const struct sbn_wait *wait, bool (*ready)(const struct sbn_wait *wait))
{
	uint64_t start_ticks = sbn_ticks();
	bool is_ready = false;

	for (int i = 0; i < YIELDS && !is_ready; i++) {
		sched_yield();
		is_ready = ready(wait);
	}
	count_wait(wait, start_ticks, false);
	return is_ready;
}

/* Whether the peer has begun or ended a call of the group since the last look. */
static bool
has_moved(const struct sbn_wait *wait, struct clock *clock)
{
	struct sbn_now before = clock->peer;

	clock->peer = sbn_group_now(wait->group, wait->peer);
	return sbn_now_pack(before) != sbn_now_pack(clock->peer);
}

/* Whether the launcher has stopped all clocks; a number that it cannot count to is not its word. */
static bool
is_paused(const struct sbn_wait *wait)
{
	/* relaxed: a word that stands for itself, looked at again soon */
	uint32_t pauses = atomic_load_explicit(&wait->group->control.head->clock_paused,
					       memory_order_relaxed);

	return pauses != 0 && pauses <= SBN_MAX_PAUSES;
}

/* Time that passes while the clock is paused does not count. */
static uint64_t
time_left(const struct sbn_wait *wait, struct clock *clock)
{
	uint64_t now = sbn_now_ns();

	if (wait->patient && has_moved(wait, clock))
		clock->deadline_ns = now + (uint64_t)wait->timeout_ms * SBN_NS_PER_MS;

	if (is_paused(wait))
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
	bool gone;

	if (status != SYNCBN_OK)
		return status;
	gone = sbn_group_has_freed(group, wait->peer) ||
	       (sbn_control_state(&group->control, group->members[wait->peer]) &
		(SBN_RANK_LEFT | SBN_RANK_GONE));
	/* what the peer published before it ended counts: look again, after the state */
	if (gone && !wait->ready(wait))
		return sbn_diagnose_lost(wait);
	if (sbn_diagnose_crossed(wait) && !wait->ready(wait))
		return sbn_diagnose_mismatch(wait);
	if (left_ns == 0 && !wait->ready(wait))
		return sbn_diagnose_timeout(wait);
	return SYNCBN_OK;
}

/* A peer that waits for this rank's share of an all-reduce in flight may be who it waits for. */
static void
advance_flight(const struct sbn_wait *wait)
{
	if (wait->lane == 0 && wait->group->advance != NULL)
		wait->group->advance(wait->group);
}

static syncbn_status_t
nap(const struct sbn_wait *wait, const struct bell *bell, struct clock *clock, bool *ready)
{
	/* acquire of D1: `ready` looks after it, so a count that is new has what it rang for */
	uint32_t seen = atomic_load_explicit(bell->rings, memory_order_acquire);
	uint64_t left_ns;
	syncbn_status_t status;

	*ready = wait->ready(wait);
	if (*ready)
		return SYNCBN_OK;
	advance_flight(wait);
	left_ns = time_left(wait, clock);
	status = trouble(wait, left_ns);
	if (status == SYNCBN_OK) {
		sbn_futex_wait(bell->rings, seen, SBN_MIN(left_ns, bell->nap_ns), true);
		*ready = wait->ready(wait);
	}
	return status;
}

/*
 * Takes a doorbell that no other thread of this rank sleeps on: threads in several groups, and the
 * lanes of a call, may sleep at once. The bit in `sleepers` says that it is taken, and to ring it.
 */
static struct bell
take_bell(const struct syncbn_group *group, _Atomic uint32_t *unheard)
{
	struct sbn_rank_block *own = group->own;
	bool heard = true;
	/* relaxed, both: the fence F2 pairs with the publisher's F1 */
	uint64_t taken = atomic_load_explicit(&own->sleepers, memory_order_relaxed);
	unsigned number;

	do {
		if (taken == UINT64_MAX)
			return (struct bell){ .rings = unheard, .nap_ns = DEAF_NAP_NS };
		number = (unsigned)__builtin_ctzll(~taken);
	} while (!atomic_compare_exchange_weak_explicit(&own->sleepers, &taken,
							taken | UINT64_C(1) << number,
							memory_order_relaxed,
							memory_order_relaxed));
	atomic_thread_fence(memory_order_seq_cst);
	/* F3: in everybody's threads; without it, some may publish and miss the mark */
	if (group->process->fences_for_all)
		heard = sbn_membarrier();
	return (struct bell){
		.rings = &own->doorbells[number].rings,
		.bit = UINT64_C(1) << number,
		.nap_ns = heard ? NAP_NS : DEAF_NAP_NS,
	};
}

static void
give_bell_back(struct sbn_rank_block *own, const struct bell *bell)
{
	/* relaxed: a late look at it costs one needless ring */
	uint64_t taken =
		atomic_fetch_and_explicit(&own->sleepers, ~bell->bit, memory_order_relaxed);

	if ((taken & ~bell->bit) == 0)
		/* relaxed: for the launcher's eyes */
		atomic_store_explicit(&own->now.since_ns, 0, memory_order_relaxed);
}

/* For the launcher's eyes. */
static void
show_wait(const struct sbn_wait *wait, struct sbn_rank_block *own, uint64_t start_ns)
{
	/* relaxed: the time below publishes them */
	atomic_store_explicit(&own->now.peer, wait->group->members[wait->peer],
			      memory_order_relaxed);
	atomic_store_explicit(&own->now.first, wait->begin, memory_order_relaxed);
	atomic_store_explicit(&own->now.end, wait->end, memory_order_relaxed);
	/* release: the launcher reads time, words, time */
	atomic_store_explicit(&own->now.since_ns, start_ns, memory_order_release);
}

static syncbn_status_t
sleep_until_ready(const struct sbn_wait *wait)
{
	uint64_t start_ns = sbn_now_ns();
	struct sbn_rank_block *own = wait->group->own;
	_Atomic uint32_t unheard = 0;
	struct clock clock = {
		.deadline_ns = start_ns + (uint64_t)wait->timeout_ms * SBN_NS_PER_MS,
		.looked_ns = start_ns,
		.peer = sbn_group_now(wait->group, wait->peer),
	};
	syncbn_status_t status;
	struct bell bell;
	bool ready;

	show_wait(wait, own, start_ns);
	bell = take_bell(wait->group, &unheard);
	do {
		status = nap(wait, &bell, &clock, &ready);
	} while (status == SYNCBN_OK && !ready);
	give_bell_back(own, &bell);
	return status;
}

syncbn_status_t
sbn_wait(const struct sbn_wait *wait)
{
	syncbn_status_t status = SYNCBN_OK;
	uint64_t start_ticks;
	bool awake;

	if (sbn_is_soon(wait, wait->ready))
		return SYNCBN_OK;
	start_ticks = sbn_ticks();
	awake = wait->group->may_spin && spin(wait, SPIN_NS);
	if (!awake)
		status = sleep_until_ready(wait);
	count_wait(wait, start_ticks, !awake);
	return status;
}
