/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/team.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "platform/futex.h"

enum { LINE = 128, SPIN_NS = 30000, PAUSES_A_LOOK = 32 };

struct job {
	syncbn_body_fn body;
	void *argument;
	int n;
	fenv_t floating_point; /* workers round as the caller does */
	uint64_t begun_ns;
};

struct worker {
	struct sbn_team *team;
	int thread;
	pthread_t id;
};

struct sbn_team {
	syncbn_executor_t executor; /* parallel_for NULL: our own workers */
	int n_threads;
	struct job job;
	struct worker *workers; /* [n_threads], the first unused */
	_Alignas(LINE) _Atomic uint32_t held;
	_Alignas(LINE) _Atomic uint32_t
		epoch; /* counts jobs; a job without a body ends the workers */
	_Atomic uint32_t idle_sleepers;
	_Alignas(LINE) _Atomic uint32_t pending; /* workers still in the job */
	_Atomic uint32_t caller_sleeps;
};

/*
 * Waits until *word is no longer `seen`, spinning for spin_ns at first; gives the new value.
 * Whoever changes the word looks at *sleepers afterwards; both sides are sequentially consistent,
 * so one sees the other.
 */
static uint32_t
await_change(_Atomic uint32_t *word, uint32_t seen, _Atomic uint32_t *sleepers, uint64_t spin_ns)
{
	uint64_t end = sbn_now_ns() + spin_ns;
	uint32_t now;

	do {
		for (int i = 0; i < PAUSES_A_LOOK; i++) {
			/* T1 and T2: pairs with the release in sbn_team_run() and worker_main() */
			now = atomic_load_explicit(word, memory_order_acquire);
			if (now != seen)
				return now;
			sbn_cpu_pause();
		}
	} while (sbn_now_ns() < end);
	atomic_fetch_add_explicit(sleepers, 1, memory_order_seq_cst);
	while ((now = atomic_load_explicit(word, memory_order_seq_cst)) == seen)
		sbn_futex_wait(word, seen, SBN_NS_PER_S, false);
	/* relaxed: a late zero costs one needless wake */
	atomic_fetch_sub_explicit(sleepers, 1, memory_order_relaxed);
	return now;
}

static void
wake_sleepers(_Atomic uint32_t *word, _Atomic uint32_t *sleepers)
{
	if (atomic_load_explicit(sleepers, memory_order_seq_cst) != 0)
		sbn_futex_wake(word, false);
}

static void
run_share(const struct job *job, int thread, int n_threads)
{
	for (int i = thread; i < job->n; i += n_threads)
		job->body(job->argument, i);
}

static void *
worker_main(void *argument)
{
	struct worker *worker = argument;
	struct sbn_team *team = worker->team;
	uint64_t idle_ns = sbn_now_ns(), spin_ns = SPIN_NS;
	uint32_t epoch = 0;

	for (;;) {
		epoch = await_change(&team->epoch, epoch, &team->idle_sleepers, spin_ns);
		if (team->job.body == NULL)
			return NULL;
		/* a longer pause is likely to be one again, and others may want this CPU in it */
		spin_ns = team->job.begun_ns - idle_ns < SPIN_NS ? SPIN_NS : 0;
		fesetenv(&team->job.floating_point);
		run_share(&team->job, worker->thread, team->n_threads);
		idle_ns = sbn_now_ns();
		/* T2 pairs with await_change() in sbn_team_run() */
		if (atomic_fetch_sub_explicit(&team->pending, 1, memory_order_seq_cst) == 1)
			wake_sleepers(&team->pending, &team->caller_sleeps);
	}
}

static void
start_job(struct sbn_team *team)
{
	/* relaxed: T1 publishes it */
	atomic_store_explicit(&team->pending, (uint32_t)team->n_threads - 1, memory_order_relaxed);
	/* T1 pairs with await_change() in worker_main() */
	atomic_fetch_add_explicit(&team->epoch, 1, memory_order_seq_cst);
	wake_sleepers(&team->epoch, &team->idle_sleepers);
}

static void
await_workers(struct sbn_team *team)
{
	/* T2 pairs with worker_main() */
	uint32_t pending = atomic_load_explicit(&team->pending, memory_order_acquire);

	while (pending != 0)
		pending = await_change(&team->pending, pending, &team->caller_sleeps, SPIN_NS);
}

static void
pin(struct worker *worker, const struct sbn_place *place)
{
	unsigned cpu = place->core_pu[worker->thread % place->n_cores];
	cpu_set_t *set = CPU_ALLOC(SBN_MAX_CPUS);

	if (set == NULL)
		return;
	CPU_ZERO_S(CPU_ALLOC_SIZE(SBN_MAX_CPUS), set);
	CPU_SET_S(cpu, CPU_ALLOC_SIZE(SBN_MAX_CPUS), set);
	if (pthread_setaffinity_np(worker->id, CPU_ALLOC_SIZE(SBN_MAX_CPUS), set) != 0)
		sbn_log("worker %d cannot be pinned to CPU %u; it runs unpinned", worker->thread,
			cpu);
	CPU_FREE(set);
}

/* Workers take no signals: those belong to the program's own threads. */
static int
start_worker(struct worker *worker, const struct sbn_place *place)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&worker->id, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error == 0)
		pin(worker, place);
	return error;
}

static struct sbn_team *
allocate(int n_threads)
{
	struct sbn_team *team = aligned_alloc(LINE, sizeof(*team));

	if (team == NULL)
		return NULL;
	*team = (struct sbn_team){ .n_threads = n_threads };
	return team;
}

syncbn_status_t
sbn_team_new(int n_threads, const struct sbn_place *place, struct sbn_team **out)
{
	struct sbn_team *team = allocate(n_threads);

	if (team == NULL ||
	    (team->workers = calloc((size_t)n_threads, sizeof(*team->workers))) == NULL) {
		free(team);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a team of %d threads", n_threads);
	}
	for (int i = 1; i < n_threads; i++) {
		team->workers[i] = (struct worker){ .team = team, .thread = i };
		if (start_worker(&team->workers[i], place) != 0) {
			team->n_threads = i;
			sbn_team_free(team);
			return sbn_fail(SYNCBN_ERR_SYSTEM, "worker %d of %d could not be started",
					i, n_threads);
		}
	}
	*out = team;
	return SYNCBN_OK;
}

syncbn_status_t
sbn_team_over(const syncbn_executor_t *executor, struct sbn_team **out)
{
	struct sbn_team *team = allocate(executor->threads);

	if (team == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a team");
	team->executor = *executor;
	*out = team;
	return SYNCBN_OK;
}

void
sbn_team_free(struct sbn_team *team)
{
	if (team == NULL)
		return;
	if (team->workers != NULL) {
		team->job.body = NULL;
		start_job(team);
		for (int i = 1; i < team->n_threads; i++)
			pthread_join(team->workers[i].id, NULL);
	}
	free(team->workers);
	free(team);
}

int
sbn_team_threads(const struct sbn_team *team)
{
	return team->n_threads;
}

int
sbn_team_acquire(struct sbn_team *team)
{
	/* T3 pairs with sbn_team_release() */
	bool busy = atomic_exchange_explicit(&team->held, 1, memory_order_acquire) != 0;

	return busy ? 1 : team->n_threads;
}

void
sbn_team_release(struct sbn_team *team, int acquired)
{
	if (acquired == team->n_threads)
		/* T3 pairs with sbn_team_acquire() */
		atomic_store_explicit(&team->held, 0, memory_order_release);
}

void
sbn_team_run(struct sbn_team *team, int acquired, int n, syncbn_body_fn body, void *argument)
{
	struct job job = { .body = body, .argument = argument, .n = n };

	if (acquired == 1 || n <= 1) {
		run_share(&job, 0, 1);
		return;
	}
	if (team->executor.parallel_for != NULL) {
		team->executor.parallel_for(team->executor.context, n, body, argument);
		return;
	}
	job.begun_ns = sbn_now_ns();
	team->job = job;
	fegetenv(&team->job.floating_point);
	start_job(team);
	run_share(&job, 0, team->n_threads);
	await_workers(team);
}
