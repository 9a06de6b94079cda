/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/team.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_THREADS = 4, MAX_INDICES = 3 * MAX_THREADS };

static struct sbn_place place;

static struct sbn_team *
team_of(int n_threads)
{
	struct sbn_team *team;

	assert_int_equal(sbn_team_new(n_threads, &place, &team), SYNCBN_OK);
	assert_int_equal(sbn_team_threads(team), n_threads);
	return team;
}

/* How often each index ran, and where. */
struct log {
	int runs[MAX_INDICES + 1]; /* plain: the run's end orders them */
	pthread_t thread[MAX_INDICES + 1];
};

static void
note(void *argument, int index)
{
	struct log *log = argument;

	log->runs[index]++;
	log->thread[index] = pthread_self();
}

static void
run(struct sbn_team *team, int n, syncbn_body_fn body, void *argument)
{
	int threads = sbn_team_acquire(team);

	sbn_team_run(team, threads, n, body, argument);
	sbn_team_release(team, threads);
}

static void
check_every_index_once(struct sbn_team *team, int n)
{
	struct log log = { 0 };

	run(team, n, note, &log);
	for (int i = 0; i <= MAX_INDICES; i++)
		assert_int_equal(log.runs[i], i < n);
}

static void
test_every_index_runs_exactly_once(void **state)
{
	(void)state;
	for (int threads = 1; threads <= MAX_THREADS; threads++) {
		struct sbn_team *team = team_of(threads);

		for (int n = 0; n <= 3 * threads; n++)
			check_every_index_once(team, n);
		sbn_team_free(team);
	}
}

static void
test_indices_of_a_thread_lie_the_teams_size_apart(void **state)
{
	(void)state;
	for (int threads = 1; threads <= MAX_THREADS; threads++) {
		struct sbn_team *team = team_of(threads);
		struct log log = { 0 };

		run(team, MAX_INDICES, note, &log);
		assert_true(pthread_equal(log.thread[0], pthread_self()));
		for (int i = 0; i + threads < MAX_INDICES; i++)
			assert_true(pthread_equal(log.thread[i], log.thread[i + threads]));
		for (int i = 1; i < threads; i++)
			assert_false(pthread_equal(log.thread[i], log.thread[i - 1]));
		sbn_team_free(team);
	}
}

/* Index 0 waits for index 1: it returns only if both run at once. */
static void
meet(void *argument, int index)
{
	_Atomic int *arrived = argument;

	atomic_fetch_add_explicit(arrived, 1, memory_order_release);
	while (index == 0 && atomic_load_explicit(arrived, memory_order_acquire) < 2)
		sched_yield();
}

static void
test_threads_run_at_once(void **state)
{
	struct sbn_team *team = team_of(2);
	_Atomic int arrived = 0;

	(void)state;
	run(team, 2, meet, &arrived);
	assert_int_equal(arrived, 2);
	sbn_team_free(team);
}

struct contender {
	struct sbn_team *team;
	int acquired;
	struct log log;
};

static void *
contend(void *argument)
{
	struct contender *contender = argument;

	contender->acquired = sbn_team_acquire(contender->team);
	sbn_team_run(contender->team, contender->acquired, MAX_INDICES, note, &contender->log);
	sbn_team_release(contender->team, contender->acquired);
	return NULL;
}

static void
check_contender(struct sbn_team *team, int expected)
{
	struct contender contender = { .team = team };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, contend, &contender), 0);
	pthread_join(thread, NULL);
	assert_int_equal(contender.acquired, expected);
	for (int i = 0; i < MAX_INDICES; i++) {
		assert_int_equal(contender.log.runs[i], 1);
		if (expected == 1)
			assert_true(pthread_equal(contender.log.thread[i], thread));
	}
}

static void
test_who_comes_while_the_team_is_held_works_alone(void **state)
{
	struct sbn_team *team = team_of(3);
	int threads = sbn_team_acquire(team);

	(void)state;
	assert_int_equal(threads, 3);
	check_contender(team, 1);
	check_contender(team, 1); /* the first one's release did not free it */
	sbn_team_release(team, threads);
	check_contender(team, 3);
	assert_int_equal(sbn_team_acquire(team), 3);
	sbn_team_free(team);
}

struct nested {
	struct sbn_team *team;
	struct log logs[6];
};

static void
run_within(void *argument, int index)
{
	struct nested *nested = argument;

	run(nested->team, 5, note, &nested->logs[index]);
}

static void
test_a_run_within_a_run_finishes(void **state)
{
	struct nested nested = { .team = team_of(3) };

	(void)state;
	run(nested.team, 6, run_within, &nested);
	for (int i = 0; i < 6; i++)
		assert_int_equal(nested.logs[i].runs[4], 1);
	sbn_team_free(nested.team);
}

static void
note_mask(void *argument, int index)
{
	cpu_set_t *masks = argument;

	pthread_getaffinity_np(pthread_self(), sizeof(*masks), &masks[index]);
}

static void
test_workers_have_one_cpu_and_the_caller_keeps_its_mask(void **state)
{
	struct sbn_team *team = team_of(3);
	cpu_set_t before, masks[3];

	(void)state;
	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	run(team, 3, note_mask, masks);
	assert_true(CPU_EQUAL(&masks[0], &before));
	for (int i = 1; i < 3; i++) {
		assert_int_equal(CPU_COUNT(&masks[i]), 1);
		assert_true(CPU_ISSET(place.core_pu[i % place.n_cores], &masks[i]));
	}
	sbn_team_free(team);
}

static void
note_signals(void *argument, int index)
{
	sigset_t *blocked = argument;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked[index]);
}

static void
test_workers_block_every_signal_and_the_caller_none(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD, SIGPROF };
	struct sbn_team *team = team_of(3);
	sigset_t blocked[3];

	(void)state;
	run(team, 3, note_signals, blocked);
	for (size_t s = 0; s < sizeof(signals) / sizeof(signals[0]); s++) {
		assert_int_equal(sigismember(&blocked[0], signals[s]), 0);
		assert_int_equal(sigismember(&blocked[1], signals[s]), 1);
		assert_int_equal(sigismember(&blocked[2], signals[s]), 1);
	}
	sbn_team_free(team);
}

static void
note_rounding(void *argument, int index)
{
	((int *)argument)[index] = fegetround();
}

static void
test_workers_round_as_the_caller_does(void **state)
{
	static const int modes[] = { FE_UPWARD, FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD };
	struct sbn_team *team = team_of(4);
	int old = fegetround(), seen[4];

	(void)state;
	for (int m = 0; m < 4; m++) {
		fesetround(modes[m]);
		run(team, 4, note_rounding, seen);
		fesetround(old);
		for (int i = 0; i < 4; i++)
			assert_int_equal(seen[i], modes[m]);
	}
	sbn_team_free(team);
}

/* Each run writes what the next one reads on other threads: a run that overlaps shows. */
struct relay {
	int n;
	long value[MAX_INDICES], next[MAX_INDICES];
};

static void
add_neighbour(void *argument, int index)
{
	struct relay *relay = argument;

	relay->next[index] = relay->value[(index + 1) % relay->n] + 1;
}

static void
test_thousands_of_runs_in_a_row_are_whole(void **state)
{
	struct sbn_team *team = team_of(3);
	struct relay relay = { .n = 7 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		run(team, relay.n, add_neighbour, &relay);
		memcpy(relay.value, relay.next, sizeof(relay.value));
	}
	for (int i = 0; i < relay.n; i++)
		assert_int_equal(relay.value[i], 5000);
	sbn_team_free(team);
}

static char
thread_state(pid_t tid)
{
	char path[64], letter = '?';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return '?';
	if (fscanf(stat, "%*d (%*[^)]) %c", &letter) != 1)
		letter = '?';
	fclose(stat);
	return letter;
}

static void
note_tid(void *argument, int index)
{
	((pid_t *)argument)[index] = gettid();
}

static void
test_idle_workers_sleep_and_wake(void **state)
{
	struct sbn_team *team = team_of(3);
	pid_t tids[3];

	(void)state;
	for (int round = 0; round < 20; round++) {
		run(team, 3, note_tid, tids);
		for (int i = 1; i < 3; i++)
			while (thread_state(tids[i]) != 'S') /* bounded by the test's own limit */
				sched_yield();
		check_every_index_once(team, MAX_INDICES);
	}
	sbn_team_free(team);
}

static void
test_teams_come_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct sbn_team *team = team_of(1 + i % MAX_THREADS);

		if (i % 3 != 0)
			check_every_index_once(team, MAX_INDICES);
		sbn_team_free(team);
	}
	sbn_team_free(NULL);
}

/* An executor of the caller's: in order, on the calling thread. */
static void
run_serially(void *context, int n, syncbn_body_fn body, void *argument)
{
	*(int *)context += 1;
	for (int i = 0; i < n; i++)
		body(argument, i);
}

static void
test_an_executor_runs_what_a_team_would(void **state)
{
	int calls = 0;
	syncbn_executor_t executor = { run_serially, &calls, 4 };
	struct sbn_team *team;

	(void)state;
	assert_int_equal(sbn_team_over(&executor, &team), SYNCBN_OK);
	memset(&executor, 0, sizeof(executor)); /* it was copied */
	assert_int_equal(sbn_team_threads(team), 4);
	for (int n = 0; n <= MAX_INDICES; n++)
		check_every_index_once(team, n);
	assert_int_equal(calls, MAX_INDICES - 1); /* 0 and 1 need no other thread */
	assert_int_equal(sbn_team_acquire(team), 4);
	check_contender(team, 1); /* it is held: not asked */
	assert_int_equal(calls, MAX_INDICES - 1);
	sbn_team_free(team);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_index_runs_exactly_once),
		cmocka_unit_test(test_indices_of_a_thread_lie_the_teams_size_apart),
		cmocka_unit_test(test_threads_run_at_once),
		cmocka_unit_test(test_who_comes_while_the_team_is_held_works_alone),
		cmocka_unit_test(test_a_run_within_a_run_finishes),
		cmocka_unit_test(test_workers_have_one_cpu_and_the_caller_keeps_its_mask),
		cmocka_unit_test(test_workers_block_every_signal_and_the_caller_none),
		cmocka_unit_test(test_workers_round_as_the_caller_does),
		cmocka_unit_test(test_thousands_of_runs_in_a_row_are_whole),
		cmocka_unit_test(test_idle_workers_sleep_and_wake),
		cmocka_unit_test(test_teams_come_and_go),
		cmocka_unit_test(test_an_executor_runs_what_a_team_would),
	};

	return sbn_place_discover(&place) != SYNCBN_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
