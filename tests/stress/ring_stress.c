/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchange between real processes, for long and under ill treatment: ranks that pause, are
 * stopped, and are killed. What a rank says is a function of rank, call and item, and each item of
 * each call is checked by everybody.
 *
 *	ring_stress [DIVISOR]	makes only 1/DIVISOR of the calls
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/math.h"
#include "comm/call.h"
#include "comm/collective.h"
#include "ranks/harness.h"
#include "unit/random.h"

enum { ITEMS = 96, LANES = 3, TIMEOUT_MS = 60000, NOTICE_MS = 5000, FATAL_CALL = 50 };

/* Where in a call a rank can die. */
enum phase { NOWHERE, UNBEGUN, BEGUN, HALF_PUBLISHED, PUBLISHED, WAITING, READ, PHASES };

/* Mistakes that must be noticed. */
enum plant { NO_PLANT, ONE_SLOT_FEWER, PUBLISH_FIRST };

/* Shared by the ranks and their parent. */
struct stress {
	uint64_t before; /* the call before the first */
	uint64_t n_calls;
	uint32_t pause_every; /* calls, on average; 0: never */
	enum plant plant;
	enum phase deadly; /* where the last rank dies, in call FATAL_CALL */
	_Atomic int pids[MAX_TEST_RANKS];
	_Atomic int fatal_pid;
	_Atomic int phase; /* of that process in its fatal call */
	_Atomic uint64_t died_ns;
	_Atomic int done; /* no more stopping and killing */
};

struct player {
	struct stress *stress;
	struct syncbn_group *group;
	uint64_t seed;
	uint64_t left; /* calls to make, this one included */
};

static uint64_t divisor = 1;

static uint64_t
item_of(uint64_t call, uint32_t rank, uint32_t item)
{
	return (call * 1024 + rank) * 1000003 + item;
}

static uint32_t
items_of(uint64_t call)
{
	return 1 + (uint32_t)(call * 37 % ITEMS);
}

/* Most calls none; else a yield, a while of work, or a sleep. */
static void
pause_sometimes(struct player *player)
{
	struct timespec nap = { .tv_nsec = 50000 };

	if (player->stress->pause_every == 0 ||
	    sbn_random_below(&player->seed, player->stress->pause_every) != 0)
		return;
	switch (sbn_random_below(&player->seed, 3)) {
	case 0:
		sched_yield();
		break;
	case 1:
		nanosleep(&nap, NULL);
		break;
	default:
		for (uint64_t end = sbn_now_ns() + 20000; sbn_now_ns() < end;)
			continue;
	}
}

static bool
is_fatal(const struct player *player)
{
	const struct stress *stress = player->stress;

	return stress->deadly != NOWHERE && player->group->rank + 1 == player->group->size &&
	       player->left == stress->n_calls - FATAL_CALL;
}

/* In WAITING the parent kills. */
static void
die_at(struct player *player, enum phase phase)
{
	struct stress *stress = player->stress;

	if (!is_fatal(player))
		return;
	atomic_store(&stress->fatal_pid, getpid());
	atomic_store(&stress->phase, phase);
	if (stress->deadly != phase || phase == WAITING)
		return;
	atomic_store(&stress->died_ns, sbn_now_ns());
	raise(SIGKILL);
}

/* So that the last rank waits until it is killed. */
static void
hold_back(const struct player *player)
{
	struct stress *stress = player->stress;

	if (stress->deadly != WAITING || player->left != stress->n_calls - FATAL_CALL ||
	    is_fatal(player))
		return;
	while (atomic_load(&stress->died_ns) == 0)
		sched_yield();
}

static void
write_items(const struct sbn_running_call *running, uint32_t begin, uint32_t end)
{
	uint64_t *row = running->row;

	for (uint32_t i = begin; i < end; i++)
		row[2 * i] = row[2 * i + 1] = item_of(running->number, running->group->rank, i);
}

static void
publish_lane(struct player *player, struct sbn_running_call *running, uint32_t lane)
{
	uint32_t at = sbn_lane_begin(running->call.n_items, running->call.n_lanes, lane);
	uint32_t end = sbn_lane_begin(running->call.n_items, running->call.n_lanes, lane + 1);

	while (at < end) {
		uint32_t step = 1 + (uint32_t)sbn_random_below(&player->seed, ITEMS);
		uint32_t to = SBN_MIN(at + step, end);

		if (player->stress->plant == PUBLISH_FIRST)
			sbn_call_publish(running, lane, to);
		write_items(running, at, to);
		sbn_call_publish(running, lane, to);
		at = to;
	}
}

static int
check_items(const struct sbn_running_call *running, uint32_t begin, uint32_t end)
{
	for (uint32_t rank = 0; rank < running->group->size; rank++) {
		const volatile uint64_t *row = sbn_call_row(running, rank);

		for (uint32_t i = begin; i < end; i++)
			EXPECT(row[2 * i] == item_of(running->number, rank, i) &&
			       row[2 * i + 1] == row[2 * i]);
	}
	return 0;
}

/* *status: of the call; returns 1 for items that are not right. */
static int
read_all(struct player *player, struct sbn_running_call *running, syncbn_status_t *status)
{
	uint32_t n_items = running->call.n_items;

	for (uint32_t at = 0, to; at < n_items && *status == SYNCBN_OK; at = to) {
		to = at + 1 + (uint32_t)sbn_random_below(&player->seed, ITEMS);
		to = SBN_MIN(to, n_items);
		*status = sbn_call_await(running, 0, at, to);
		if (*status == SYNCBN_OK && check_items(running, at, to) != 0)
			return 1;
	}
	return 0;
}

static int
make_call(struct player *player, syncbn_status_t *status)
{
	struct syncbn_group *group = player->group;
	struct sbn_call call = {
		.op = SBN_OP_FORWARD,
		.n_items = items_of(group->rings[SBN_STREAM_FORWARD].call + 1),
		.n_lanes = 1 + (uint32_t)sbn_random_below(&player->seed, LANES),
	};
	struct sbn_running_call running;

	die_at(player, UNBEGUN);
	*status = sbn_call_begin(group, SBN_STREAM_FORWARD, &call, &running);
	if (*status != SYNCBN_OK)
		return 0;
	die_at(player, BEGUN);
	hold_back(player);
	for (uint32_t lane = 0; lane < call.n_lanes; lane++) {
		publish_lane(player, &running, lane);
		die_at(player, HALF_PUBLISHED);
	}
	die_at(player, PUBLISHED);
	pause_sometimes(player);
	die_at(player, WAITING);
	if (read_all(player, &running, status) != 0)
		return 1;
	die_at(player, READ);
	*status = sbn_call_end(&running);
	return 0;
}

/* Everybody's calls go on from `before`, with as many slots as the plant leaves. */
static int
reopen_ring(struct player *player)
{
	struct syncbn_group *group = player->group;
	struct sbn_ring *ring = &group->rings[SBN_STREAM_FORWARD];
	struct sbn_ring_shape shape = ring->shape;

	shape.n_slots -= player->stress->plant == ONE_SLOT_FEWER;
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	sbn_ring_open(ring, &shape, group->rank, ring->parts, player->stress->before);
	EXPECT(syncbn_barrier(group) == SYNCBN_OK);
	return 0;
}

static int
play(int rank, void *argument)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	struct player player = { .stress = argument, .seed = (uint64_t)rank + 1 };
	syncbn_status_t status = SYNCBN_OK;

	config.threads = 1;
	config.timeout_ms = TIMEOUT_MS;
	EXPECT(syncbn_init(&config, &player.group) == SYNCBN_OK);
	if (reopen_ring(&player) != 0)
		return 1;
	atomic_store(&player.stress->pids[rank], getpid());
	for (player.left = player.stress->n_calls; player.left > 0 && status == SYNCBN_OK;
	     player.left--)
		if (make_call(&player, &status) != 0)
			return 1;
	atomic_store(&player.stress->pids[rank], 0);
	if (player.stress->deadly != NOWHERE) {
		EXPECT(status == SYNCBN_ERR_PEER_LOST);
		EXPECT(sbn_now_ns() - atomic_load(&player.stress->died_ns) <
		       NOTICE_MS * SBN_NS_PER_MS);
		EXPECT(syncbn_barrier(player.group) == SYNCBN_ERR_PEER_LOST);
	} else {
		EXPECT(status == SYNCBN_OK);
	}
	EXPECT(syncbn_finalize(player.group) == SYNCBN_OK);
	return 0;
}

/* ---- the parent's ill treatment ---- */

static void *
stop_and_continue(void *argument)
{
	struct stress *stress = argument;
	uint64_t seed = 99;

	while (!atomic_load(&stress->done)) {
		struct timespec nap = { .tv_nsec = (long)sbn_random_below(&seed, 2000000) };
		int pid = atomic_load(&stress->pids[sbn_random_below(&seed, MAX_TEST_RANKS)]);

		if (pid == 0) {
			sched_yield();
			continue;
		}
		kill(pid, SIGSTOP);
		nanosleep(&nap, NULL);
		kill(pid, SIGCONT);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void *
kill_who_waits(void *argument)
{
	struct stress *stress = argument;

	while (!atomic_load(&stress->done) && atomic_load(&stress->phase) != WAITING)
		sched_yield();
	if (atomic_load(&stress->phase) == WAITING)
		kill(atomic_load(&stress->fatal_pid), SIGKILL);
	atomic_store(&stress->died_ns, sbn_now_ns());
	return NULL;
}

static struct stress *
new_stress(uint64_t n_calls)
{
	struct stress *stress = shared_memory(sizeof(*stress));

	stress->n_calls = SBN_MAX(n_calls / divisor, UINT64_C(1000));
	return stress;
}

/* Runs the ranks beside a thread of the parent's. */
static void
run_beside(int n, struct stress *stress, void *(*treatment)(void *), struct endings *endings)
{
	pthread_t thread;

	if (treatment != NULL && pthread_create(&thread, NULL, treatment, stress) != 0)
		abort();
	run_ranks(n, play, stress, endings);
	atomic_store(&stress->done, 1);
	if (treatment != NULL)
		pthread_join(thread, NULL);
}

static void
check_all_right(int n, struct stress *stress, void *(*treatment)(void *))
{
	uint64_t start_ns = sbn_now_ns();
	struct endings endings;

	run_beside(n, stress, treatment, &endings);
	for (int rank = 0; rank < n; rank++)
		assert_int_equal(endings.status[rank], 0);
	print_message("%d ranks, %llu calls: %.1f s\n", n, (unsigned long long)stress->n_calls,
		      (double)(sbn_now_ns() - start_ns) / 1e9);
}

static void
test_two_ranks_exchange_ten_million_times(void **state)
{
	(void)state;
	check_all_right(2, new_stress(10000000), NULL);
}

static void
test_more_ranks_than_cpus_exchange(void **state)
{
	(void)state;
	check_all_right(3, new_stress(100000), NULL);
	check_all_right(4, new_stress(200000), NULL);
	check_all_right(8, new_stress(200000), NULL);
}

static void
test_ranks_that_pause_are_waited_for(void **state)
{
	(void)state;
	for (int n = 2; n <= 8; n += n < 4 ? 1 : 4) {
		struct stress *stress = new_stress(20000);

		stress->pause_every = 20;
		check_all_right(n, stress, NULL);
	}
}

static void
test_ranks_that_are_stopped_are_waited_for(void **state)
{
	(void)state;
	for (int n = 2; n <= 8; n += n < 4 ? 1 : 4)
		check_all_right(n, new_stress(n == 2 ? 500000 : 20000), stop_and_continue);
}

/* The 40 bits of a call's number wrap; a watermark's sign changes. */
static void
test_calls_go_on_across_the_wrap_of_their_numbers(void **state)
{
	const uint64_t before[] = { (UINT64_C(1) << 40) - 500, (UINT64_C(1) << 39) - 500,
				    UINT64_MAX - 500 };

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		for (int n = 2; n <= 4; n++) {
			struct stress *stress = new_stress(2000);

			stress->before = before[i];
			stress->pause_every = 50;
			check_all_right(n, stress, NULL);
		}
	}
}

static void
check_death(int n, enum phase phase)
{
	struct stress *stress = new_stress(1000);
	struct endings endings;

	stress->deadly = phase;
	stress->pause_every = 20;
	run_beside(n, stress, phase == WAITING ? kill_who_waits : NULL, &endings);
	for (int rank = 0; rank + 1 < n; rank++)
		assert_int_equal(endings.status[rank], 0);
	assert_true(WIFSIGNALED(endings.status[n - 1]));
	assert_int_equal(WTERMSIG(endings.status[n - 1]), SIGKILL);
}

static void
test_a_rank_killed_in_any_phase_is_lost_to_all(void **state)
{
	(void)state;
	for (enum phase phase = UNBEGUN; phase < PHASES; phase++)
		for (int n = 2; n <= 8; n += n < 4 ? 1 : 4)
			check_death(n, phase);
}

static void
check_plant(enum plant plant)
{
	struct stress *stress = new_stress(100000 * divisor);
	struct endings endings;
	int noticed = 0;

	stress->plant = plant;
	stress->pause_every = 20;
	run_beside(2, stress, NULL, &endings);
	for (int rank = 0; rank < 2; rank++)
		noticed += endings.status[rank] != 0;
	assert_int_not_equal(noticed, 0);
}

static void
test_a_ring_with_one_slot_fewer_is_noticed(void **state)
{
	(void)state;
	check_plant(ONE_SLOT_FEWER);
}

static void
test_items_written_after_their_publication_are_noticed(void **state)
{
	(void)state;
	check_plant(PUBLISH_FIRST);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_ranks_exchange_ten_million_times),
		cmocka_unit_test(test_more_ranks_than_cpus_exchange),
		cmocka_unit_test(test_ranks_that_pause_are_waited_for),
		cmocka_unit_test(test_ranks_that_are_stopped_are_waited_for),
		cmocka_unit_test(test_calls_go_on_across_the_wrap_of_their_numbers),
		cmocka_unit_test(test_a_rank_killed_in_any_phase_is_lost_to_all),
		cmocka_unit_test(test_a_ring_with_one_slot_fewer_is_noticed),
		cmocka_unit_test(test_items_written_after_their_publication_are_noticed),
	};

	if (argc > 1)
		divisor = SBN_MAX(strtoull(argv[1], NULL, 10), 1ull);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
