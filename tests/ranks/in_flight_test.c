/* SPDX-License-Identifier: Apache-2.0 */
/* All-reduces in flight over real ranks: their bits, their order, and what goes on meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "unit/random.h"

enum { N = SYNCBN_MAX_IN_FLIGHT, MOST = 9000, CHANNELS = 8, ROWS = 4, LONG_MS = 60000 };

/* A rank's buckets, all of one size, and a layer whose exchange goes between. */
struct setting {
	syncbn_group_t *group;
	syncbn_arena_t *arena;
	syncbn_batch_norm_t *bn;
	float *buckets[N];
	syncbn_request_t *requests[N];
	float elsewhere[100];
};

static int
open_setting(struct setting *s, syncbn_group_t *group)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);

	memset(s, 0, sizeof(*s));
	s->group = group;
	EXPECT(syncbn_arena_new(group, N * (MOST * sizeof(float) + 128), &s->arena) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(group, &config, &s->bn) == SYNCBN_OK);
	for (int i = 0; i < N; i++)
		EXPECT((s->buckets[i] = syncbn_arena_alloc(s->arena, MOST * sizeof(float))));
	return 0;
}

static void
close_setting(struct setting *s)
{
	syncbn_batch_norm_free(s->bn);
	syncbn_arena_free(s->arena);
}

/* Sums of these depend on the order of their terms. */
static void
fill(float *data, size_t count, uint64_t seed)
{
	for (size_t i = 0; i < count; i++)
		data[i] = (float)sbn_random_normal(&seed) * (i % 3 == 0 ? 1e6f : 1e-2f);
}

/* ---- bits ---- */

static size_t
count_of(int bucket)
{
	return (size_t)(bucket * 1237 % MOST) + (bucket != 5); /* one of them is short */
}

/* What the blocking all-reduce makes of the same data. */
static int
make_expected(struct setting *s, float *expected[N], uint64_t seed)
{
	for (int i = 0; i < N; i++) {
		EXPECT((expected[i] = malloc(MOST * sizeof(float))));
		fill(expected[i], count_of(i), seed + (uint64_t)i);
		memcpy(s->buckets[i], expected[i], count_of(i) * sizeof(float));
		EXPECT(syncbn_all_reduce(s->group, expected[i], count_of(i), SYNCBN_FLOAT32,
					 i % 2 ? SYNCBN_SUM : SYNCBN_MEAN) == SYNCBN_OK);
	}
	return 0;
}

/* Calls on the other streams, which wait while all-reduces are in flight. */
static int
make_other_calls(struct setting *s)
{
	float x[ROWS * CHANNELS] = { 1, 2, 3 }, y[ROWS * CHANNELS];
	syncbn_tensor_t tx = syncbn_tensor_nc(x, ROWS, CHANNELS);
	syncbn_tensor_t ty = syncbn_tensor_nc(y, ROWS, CHANNELS);

	EXPECT(syncbn_barrier(s->group) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_forward(s->bn, &tx, NULL, &ty, NULL) == SYNCBN_OK);
	EXPECT(syncbn_all_reduce(s->group, s->elsewhere, 100, SYNCBN_FLOAT32, SYNCBN_SUM) ==
	       SYNCBN_OK);
	return 0;
}

static int
end_bucket(struct setting *s, float *expected[N], int i)
{
	EXPECT(syncbn_all_reduce_end(&s->requests[i]) == SYNCBN_OK && s->requests[i] == NULL);
	EXPECT(memcmp(s->buckets[i], expected[i], count_of(i) * sizeof(float)) == 0);
	return 0;
}

/* Each rank ends in another order: by steps of 1, 3, 5, 7 from its own place. */
static int
fly_once(struct setting *s, int rank, int with_calls)
{
	float *expected[N];

	EXPECT(make_expected(s, expected, (uint64_t)rank * 100) == 0);
	for (int i = 0; i < N; i++)
		EXPECT(syncbn_all_reduce_begin(s->group, s->buckets[i], count_of(i), SYNCBN_FLOAT32,
					       i % 2 ? SYNCBN_SUM : SYNCBN_MEAN,
					       &s->requests[i]) == SYNCBN_OK);
	for (int i = 0; i < N; i++) {
		if (with_calls && i == rank) /* between other ends on every rank */
			EXPECT(make_other_calls(s) == 0);
		EXPECT(end_bucket(s, expected, (rank + i * (2 * rank + 1)) % N) == 0);
	}
	for (int i = 0; i < N; i++)
		free(expected[i]);
	return 0;
}

static int
fly(int rank, void *argument)
{
	static const int reversed[] = { 3, 2, 1, 0 };
	syncbn_group_t *world, *sub;
	struct setting s;
	int n;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	n = syncbn_group_size(world);
	EXPECT(syncbn_group_new(world, reversed + 4 - n, n, &sub) == SYNCBN_OK);
	for (int i = 0; i < 6; i++) {
		EXPECT(open_setting(&s, i % 2 ? sub : world) == 0);
		for (int round = 0; round < 5; round++)
			EXPECT(fly_once(&s, rank, i >= 2) == 0);
		close_setting(&s);
	}
	EXPECT(syncbn_group_free(sub) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static int
fly_on_three_threads(int rank, void *argument)
{
	setenv("SYNCBN_THREADS", "3", 1);
	return fly(rank, argument);
}

static void
test_the_bits_are_those_of_the_blocking_all_reduce_in_any_order(void **state)
{
	(void)state;
	for (int n = 1; n <= 4; n++)
		assert_int_equal(run_ranks_failures(n, fly, NULL), 0);
	assert_int_equal(run_ranks_failures(2, fly_on_three_threads, NULL), 0);
}

/* ---- overlap ---- */

struct flags {
	volatile int computed, ended;
};

/*
 * Rank 0 never waits: it begins, and computes until rank 1 has got its sums, which takes rank 0's
 * progress; rank 1 begins after rank 0 has been seen to go on without it.
 */
static int
compute_meanwhile(int rank, void *argument)
{
	struct flags *flags = argument;
	syncbn_counters_t counters = { .size = sizeof(counters) };
	syncbn_group_t *world;
	struct setting s;
	uint64_t waited;

	EXPECT(join_run(&world, LONG_MS) == 0 && open_setting(&s, world) == 0);
	EXPECT(syncbn_counters_get(world, &counters) == SYNCBN_OK);
	waited = counters.wait_ns;
	if (rank == 1)
		EXPECT(comes_true(&flags->computed));
	for (int i = 0; i < 3; i++)
		EXPECT(syncbn_all_reduce_begin(world, s.buckets[i], 100, SYNCBN_FLOAT32, SYNCBN_SUM,
					       &s.requests[i]) == SYNCBN_OK);
	EXPECT(syncbn_progress(world) == SYNCBN_OK);
	flags->computed = 1;
	for (long i = 0; rank == 0 && !flags->ended && i < 100000000; i++)
		EXPECT(syncbn_progress(world) == SYNCBN_OK);
	for (int i = 0; i < 3; i++)
		EXPECT(syncbn_all_reduce_end(&s.requests[i]) == SYNCBN_OK);
	EXPECT(rank == 1 || flags->ended);
	flags->ended = 1;
	EXPECT(syncbn_counters_get(world, &counters) == SYNCBN_OK);
	/* ticks are turned into ns by a mean speed, which is better known by now */
	EXPECT(rank == 1 || counters.wait_ns <= waited + waited / 100 + 1000);
	close_setting(&s);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_a_rank_that_computes_and_never_waits_serves_one_that_waits(void **state)
{
	struct flags *flags = shared_memory(sizeof(*flags));

	(void)state;
	assert_int_equal(run_ranks_failures(2, compute_meanwhile, flags), 0);
}

/* Rank 0 ends before the barrier, the others after it: who waits there does its share. */
static int
end_on_either_side(int rank, void *argument)
{
	syncbn_group_t *world;
	struct setting s;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0 && open_setting(&s, world) == 0);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < N; i++)
			EXPECT(syncbn_all_reduce_begin(world, s.buckets[i], 100, SYNCBN_FLOAT32,
						       SYNCBN_SUM, &s.requests[i]) == SYNCBN_OK);
		for (int i = 0; rank == round % 3 && i < N; i++)
			EXPECT(syncbn_all_reduce_end(&s.requests[i]) == SYNCBN_OK);
		EXPECT(make_other_calls(&s) == 0);
		for (int i = 0; rank != round % 3 && i < N; i++)
			EXPECT(syncbn_all_reduce_end(&s.requests[i]) == SYNCBN_OK);
	}
	close_setting(&s);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_who_waits_in_another_call_serves_who_waits_for_an_end(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, end_on_either_side, NULL), 0);
}

/* ---- any sequence ---- */

/* Small whole numbers: sums are exact in every type and order, and a double knows them. */
static double
term(int rank, uint64_t call, size_t i)
{
	return (double)((call * 31 + (uint64_t)rank * 7 + i) % 17) - 8;
}

struct sequence {
	struct setting s;
	uint64_t calls[N]; /* of each bucket: its last call's number; 0: not in flight */
	size_t counts[N];
	int is_double[N];
};

static double
element(const struct sequence *q, int bucket, size_t i)
{
	return q->is_double[bucket] ? ((double *)(void *)q->s.buckets[bucket])[i] :
				      (double)q->s.buckets[bucket][i];
}

static int
begin_any(struct sequence *q, int bucket, uint64_t call, uint64_t *common)
{
	int rank = syncbn_group_rank(q->s.group);
	size_t count = sbn_random_below(common, MOST / 2);
	float *data = q->s.buckets[bucket];

	q->calls[bucket] = call;
	q->counts[bucket] = count;
	q->is_double[bucket] = (int)sbn_random_below(common, 2);
	for (size_t i = 0; i < count; i++)
		if (q->is_double[bucket])
			((double *)(void *)data)[i] = term(rank, call, i);
		else
			data[i] = (float)term(rank, call, i);
	EXPECT(syncbn_all_reduce_begin(q->s.group, data, count,
				       q->is_double[bucket] ? SYNCBN_FLOAT64 : SYNCBN_FLOAT32,
				       SYNCBN_SUM, &q->s.requests[bucket]) == SYNCBN_OK);
	return 0;
}

static int
end_any(struct sequence *q, int bucket)
{
	int size = syncbn_group_size(q->s.group);

	if (q->calls[bucket] == 0)
		return 0;
	EXPECT(syncbn_all_reduce_end(&q->s.requests[bucket]) == SYNCBN_OK);
	for (size_t i = 0; i < q->counts[bucket]; i++) {
		double sum = 0;

		for (int rank = 0; rank < size; rank++)
			sum += term(rank, q->calls[bucket], i);
		EXPECT(element(q, bucket, i) == sum);
	}
	q->calls[bucket] = 0;
	return 0;
}

/* What all begin, and the calls between, is drawn in common; when to end, each by itself. */
static int
play(struct sequence *q, uint64_t seed)
{
	uint64_t common = seed, own = seed * 77 + (uint64_t)syncbn_group_rank(q->s.group);

	for (uint64_t call = 1; call <= 400; call++) {
		int bucket = (int)sbn_random_below(&common, N);

		EXPECT(end_any(q, bucket) == 0); /* if it was in flight on this rank still */
		EXPECT(begin_any(q, bucket, call, &common) == 0);
		if (sbn_random_below(&common, 8) == 0)
			EXPECT(make_other_calls(&q->s) == 0);
		if (sbn_random_below(&own, 3) == 0)
			EXPECT(syncbn_progress(q->s.group) == SYNCBN_OK);
		for (int i = 0; i < N; i++)
			if (sbn_random_below(&own, 6) == 0)
				EXPECT(end_any(q, i) == 0);
	}
	for (int i = 0; i < N; i++)
		EXPECT(end_any(q, i) == 0);
	return 0;
}

static int
play_many(int rank, void *argument)
{
	static struct sequence q;
	syncbn_group_t *world;

	(void)rank;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(open_setting(&q.s, world) == 0);
	for (uint64_t seed = 1; seed <= 5; seed++)
		EXPECT(play(&q, seed + *(const uint64_t *)argument) == 0);
	close_setting(&q.s);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_any_sequence_gives_the_sums_that_a_double_knows(void **state)
{
	(void)state;
	for (int n = 2; n <= 4; n++) {
		uint64_t seed = (uint64_t)n * 1000;

		assert_int_equal(run_ranks_failures(n, play_many, &seed), 0);
	}
}

/* ---- elsewhere, leaving, freeing ---- */

static int
reduce_elsewhere(int rank, void *argument)
{
	float data[3] = { 1, 2, (float)rank };
	syncbn_request_t *request;
	syncbn_group_t *world;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0);
	EXPECT(syncbn_all_reduce_begin(world, data, 3, SYNCBN_FLOAT32, SYNCBN_SUM, &request) ==
	       SYNCBN_OK);
	EXPECT(syncbn_all_reduce_end(&request) == SYNCBN_OK && request == NULL);
	EXPECT(data[0] == 3 && data[1] == 6 && data[2] == 3);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_data_outside_every_arena_travels_at_once(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, reduce_elsewhere, NULL), 0);
}

/* Rank 0 leaves; the others' all-reduces go on without it, then with it again. */
static int
leave_between(int rank, void *argument)
{
	syncbn_group_t *world;
	struct setting s;

	(void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0 && open_setting(&s, world) == 0);
	EXPECT(syncbn_group_set_divisor(world, SYNCBN_DIVISOR_REMAINING) == SYNCBN_OK);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < N && (rank > 0 || i < 3); i++) {
			s.buckets[i][0] = (float)(rank + 1);
			EXPECT(syncbn_all_reduce_begin(world, s.buckets[i], 1, SYNCBN_FLOAT32,
						       SYNCBN_MEAN, &s.requests[i]) == SYNCBN_OK);
		}
		EXPECT(syncbn_group_leave(world) == SYNCBN_ERR_INVALID && says("in flight"));
		EXPECT(syncbn_group_return(world, NULL) == SYNCBN_ERR_INVALID);
		for (int i = 0; i < N && (rank > 0 || i < 3); i++) {
			EXPECT(syncbn_all_reduce_end(&s.requests[i]) == SYNCBN_OK);
			EXPECT(s.buckets[i][0] == (i < 3 ? 2 : 2.5f));
		}
		EXPECT(syncbn_group_leave(world) == SYNCBN_OK);
		EXPECT(syncbn_group_return(world, NULL) == SYNCBN_OK);
	}
	close_setting(&s);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_who_has_left_takes_no_part(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(3, leave_between, NULL), 0);
}

static int
free_too_early(int rank, void *argument)
{
	syncbn_group_t *world;
	struct setting s;

	(void)rank, (void)argument;
	EXPECT(join_run(&world, LONG_MS) == 0 && open_setting(&s, world) == 0);
	for (int i = 0; i < 2; i++)
		EXPECT(syncbn_all_reduce_begin(world, s.buckets[i], MOST, SYNCBN_FLOAT32,
					       SYNCBN_SUM, &s.requests[i]) == SYNCBN_OK);
	close_setting(&s); /* the arena among it */
	EXPECT(syncbn_finalize(world) == SYNCBN_ERR_INVALID);
	for (int i = 0; i < 2; i++)
		EXPECT(syncbn_all_reduce_end(&s.requests[i]) == SYNCBN_OK);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static void
test_an_arena_lives_until_what_is_in_flight_in_it_has_ended(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, free_too_early, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_bits_are_those_of_the_blocking_all_reduce_in_any_order),
		cmocka_unit_test(test_a_rank_that_computes_and_never_waits_serves_one_that_waits),
		cmocka_unit_test(test_who_waits_in_another_call_serves_who_waits_for_an_end),
		cmocka_unit_test(test_any_sequence_gives_the_sums_that_a_double_knows),
		cmocka_unit_test(test_data_outside_every_arena_travels_at_once),
		cmocka_unit_test(test_who_has_left_takes_no_part),
		cmocka_unit_test(test_an_arena_lives_until_what_is_in_flight_in_it_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
