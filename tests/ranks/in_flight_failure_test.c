/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All-reduces in flight when a rank dies, comes late or begins another one. Every request is ended,
 * whatever happened, and nothing hangs. Deadlines: a death within 1 s, a timeout within 5 times
 * itself.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "comm/group.h"
#include "harness.h"

enum { N = 3, COUNT = 1000, NOTICE_MS = 1000, TIMEOUT_MS = 300, LONG_MS = 60000 };

struct setting {
	syncbn_group_t *world;
	syncbn_arena_t *arena;
	float *buckets[N + 1];
	syncbn_request_t *requests[N + 1];
};

static int
open_setting(struct setting *s, int timeout_ms)
{
	memset(s, 0, sizeof(*s));
	EXPECT(join_run(&s->world, timeout_ms) == 0);
	EXPECT(syncbn_arena_new(s->world, (N + 1) * (COUNT * sizeof(float) + 128), &s->arena) ==
	       SYNCBN_OK);
	for (int i = 0; i <= N; i++)
		EXPECT((s->buckets[i] = syncbn_arena_alloc(s->arena, COUNT * sizeof(float))));
	return 0;
}

static syncbn_status_t
begin(struct setting *s, int i, size_t count)
{
	return syncbn_all_reduce_begin(s->world, s->buckets[i], count, SYNCBN_FLOAT32, SYNCBN_SUM,
				       &s->requests[i]);
}

/*
 * The group stays failed; its requests, arena and world can be given back. What was done before the
 * failure is done.
 */
static int
end_failed(struct setting *s, syncbn_status_t status)
{
	syncbn_status_t ended;

	for (int i = N - 1; i >= 0; i--) {
		if (s->requests[i] == NULL)
			continue;
		EXPECT(syncbn_finalize(s->world) == SYNCBN_ERR_INVALID);
		ended = syncbn_all_reduce_end(&s->requests[i]);
		EXPECT((ended == status || ended == SYNCBN_OK) && s->requests[i] == NULL);
	}
	EXPECT(begin(s, N, COUNT) == status && s->requests[N] == NULL);
	EXPECT(syncbn_progress(s->world) == status);
	EXPECT(syncbn_barrier(s->world) == status);
	syncbn_arena_free(s->arena);
	EXPECT(syncbn_finalize(s->world) == SYNCBN_OK);
	return 0;
}

/* ---- death ---- */

struct death {
	int begun; /* by rank 1 before it dies */
	int by_progress;
	volatile uint64_t *died_ns; /* shared */
};

static int
lose_rank_1(int rank, void *argument)
{
	struct death *death = argument;
	struct setting s;

	EXPECT(open_setting(&s, LONG_MS) == 0);
	if (rank == 1) {
		for (int i = 0; i < death->begun; i++)
			EXPECT(begin(&s, i, COUNT) == SYNCBN_OK);
		*death->died_ns = sbn_now_ns();
		raise(SIGKILL);
	}
	for (int i = 0; i < N; i++)
		if (begin(&s, i, COUNT) != SYNCBN_OK) /* the news may come first */
			EXPECT(syncbn_progress(s.world) == SYNCBN_ERR_PEER_LOST);
	while (death->by_progress && syncbn_progress(s.world) == SYNCBN_OK)
		sched_yield();
	if (s.requests[N - 1] == NULL)
		return end_failed(&s, SYNCBN_ERR_PEER_LOST);
	EXPECT(syncbn_all_reduce_end(&s.requests[N - 1]) == SYNCBN_ERR_PEER_LOST);
	EXPECT(says("rank 1") && says("killed by signal 9"));
	EXPECT(sbn_now_ns() - *death->died_ns < NOTICE_MS * SBN_NS_PER_MS);
	return end_failed(&s, SYNCBN_ERR_PEER_LOST);
}

static void
test_a_death_comes_out_of_every_end(void **state)
{
	(void)state;
	for (int n = 2; n <= 4; n++)
		for (int begun = 0; begun <= 2 * N + 1; begun++) {
			struct death death = { begun / 2, begun % 2,
					       shared_memory(sizeof(uint64_t)) };
			struct endings endings;

			run_ranks(n, lose_rank_1, &death, &endings);
			for (int rank = 0; rank < n; rank++)
				assert_true(rank == 1 || endings.status[rank] == 0);
		}
}

/* ---- another call ---- */

static int
begin_another(int rank, void *argument)
{
	struct setting s;
	syncbn_status_t status;

	(void)argument;
	EXPECT(open_setting(&s, LONG_MS) == 0);
	EXPECT(begin(&s, 0, COUNT) == SYNCBN_OK);
	status = begin(&s, 1, rank == 1 ? COUNT - 1 : COUNT);
	if (status == SYNCBN_OK) /* a third rank may hear of the others before it begins */
		status = syncbn_all_reduce_end(&s.requests[1]);
	EXPECT(status == SYNCBN_ERR_MISMATCH && says("all_reduce_begin/end, call 2"));
	return end_failed(&s, SYNCBN_ERR_MISMATCH);
}

static void
test_another_count_is_a_mismatch_on_all(void **state)
{
	(void)state;
	for (int n = 2; n <= 3; n++)
		assert_int_equal(run_ranks_failures(n, begin_another, NULL), 0);
}

static int
find_by_progress(int rank, void *argument)
{
	struct setting s;
	syncbn_status_t status = SYNCBN_OK;

	(void)argument;
	EXPECT(open_setting(&s, LONG_MS) == 0);
	EXPECT(begin(&s, 0, (size_t)(COUNT - rank)) == SYNCBN_OK);
	while (status == SYNCBN_OK)
		status = syncbn_progress(s.world);
	EXPECT(status == SYNCBN_ERR_MISMATCH && says("syncbn_progress"));
	return end_failed(&s, SYNCBN_ERR_MISMATCH);
}

static void
test_progress_finds_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, find_by_progress, NULL), 0);
}

/* Rank 1 goes to a barrier instead: the two can never meet, which is known at once. */
static int
cross(int rank, void *argument)
{
	struct setting s;

	(void)argument;
	EXPECT(open_setting(&s, LONG_MS) == 0);
	EXPECT(begin(&s, 0, COUNT) == SYNCBN_OK);
	if (rank == 0) {
		for (int i = 1; i < N; i++)
			EXPECT(begin(&s, i, COUNT) == SYNCBN_OK);
		EXPECT(syncbn_all_reduce_end(&s.requests[2]) == SYNCBN_ERR_MISMATCH);
	} else {
		EXPECT(syncbn_barrier(s.world) == SYNCBN_ERR_MISMATCH);
	}
	EXPECT(says("barrier, call 1") && says("all_reduce_begin/end, call 3"));
	return end_failed(&s, SYNCBN_ERR_MISMATCH);
}

static void
test_an_end_and_a_barrier_that_cannot_meet_are_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, cross, NULL), 0);
}

/* One rank's data is in the arena and the other's is not. */
static int
mix(int rank, void *argument)
{
	static float elsewhere[COUNT];
	struct setting s;
	syncbn_status_t status;

	(void)argument;
	EXPECT(open_setting(&s, LONG_MS) == 0);
	status = syncbn_all_reduce_begin(s.world, rank == 0 ? s.buckets[0] : elsewhere, COUNT,
					 SYNCBN_FLOAT32, SYNCBN_SUM, &s.requests[0]);
	if (rank == 0) {
		EXPECT(status == SYNCBN_OK);
		status = syncbn_all_reduce_end(&s.requests[0]);
	}
	EXPECT(status == SYNCBN_ERR_MISMATCH && s.requests[0] == NULL);
	return end_failed(&s, SYNCBN_ERR_MISMATCH);
}

static void
test_data_in_and_outside_the_arena_is_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, mix, NULL), 0);
}

/* ---- lateness ---- */

/* Only what is in flight has little time: to get there may take long on a busy machine. */
static syncbn_status_t
begin_with_little_time(struct setting *s, int n)
{
	syncbn_status_t status = SYNCBN_OK;

	s->world->process->timeout_ms = TIMEOUT_MS;
	for (int i = 0; i < n && status == SYNCBN_OK; i++)
		status = begin(s, i, COUNT);
	s->world->process->timeout_ms = LONG_MS;
	return status;
}

/* The last rank begins one less, until the others have given up. */
static int
come_too_late(int rank, void *argument)
{
	volatile int *gave_up = argument;
	struct setting s;
	uint64_t begun_ns;
	int is_last;

	EXPECT(open_setting(&s, LONG_MS) == 0);
	is_last = rank == syncbn_group_size(s.world) - 1;
	EXPECT(begin_with_little_time(&s, is_last ? N - 1 : N) == SYNCBN_OK);
	EXPECT(syncbn_barrier(s.world) == SYNCBN_OK);
	if (is_last) {
		while (!*gave_up && syncbn_progress(s.world) == SYNCBN_OK)
			sched_yield();
		return end_failed(&s, SYNCBN_ERR_TIMEOUT);
	}
	begun_ns = sbn_now_ns();
	EXPECT(syncbn_all_reduce_end(&s.requests[N - 1]) == SYNCBN_ERR_TIMEOUT);
	EXPECT(sbn_now_ns() - begun_ns < 5 * TIMEOUT_MS * SBN_NS_PER_MS);
	EXPECT(says(syncbn_group_size(s.world) == 2 ? "rank 1" : "rank 2"));
	EXPECT(says("all_reduce_begin/end, call 3"));
	*gave_up = 1;
	return end_failed(&s, SYNCBN_ERR_TIMEOUT);
}

static void
test_who_does_not_begin_in_time_is_named(void **state)
{
	(void)state;
	for (int n = 2; n <= 3; n++)
		assert_int_equal(run_ranks_failures(n, come_too_late, shared_memory(sizeof(int))),
				 0);
}

/* Rank 1 has begun all and goes away computing: its share is missing. */
static int
never_sum(int rank, void *argument)
{
	volatile int *gave_up = argument;
	struct setting s;

	EXPECT(open_setting(&s, LONG_MS) == 0);
	if (rank == 1) /* before rank 0 has begun: so it cannot have summed */
		EXPECT(begin_with_little_time(&s, N) == SYNCBN_OK);
	*gave_up += rank == 1;
	EXPECT(comes_true(gave_up));
	if (rank == 1) {
		while (*gave_up < 2)
			sched_yield();
		for (int i = 0; i < N; i++)
			EXPECT(syncbn_all_reduce_end(&s.requests[i]) == SYNCBN_ERR_TIMEOUT);
		return end_failed(&s, SYNCBN_ERR_TIMEOUT);
	}
	EXPECT(begin_with_little_time(&s, N) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce_end(&s.requests[1]) == SYNCBN_ERR_TIMEOUT);
	EXPECT(says("rank 1") && says("in no collective; last: all_reduce_begin/end, call 3"));
	*gave_up = 2;
	return end_failed(&s, SYNCBN_ERR_TIMEOUT);
}

static void
test_who_never_does_its_share_is_named(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, never_sum, shared_memory(sizeof(int))), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_death_comes_out_of_every_end),
		cmocka_unit_test(test_another_count_is_a_mismatch_on_all),
		cmocka_unit_test(test_progress_finds_a_mismatch),
		cmocka_unit_test(test_an_end_and_a_barrier_that_cannot_meet_are_a_mismatch),
		cmocka_unit_test(test_data_in_and_outside_the_arena_is_a_mismatch),
		cmocka_unit_test(test_who_does_not_begin_in_time_is_named),
		cmocka_unit_test(test_who_never_does_its_share_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
