/* SPDX-License-Identifier: Apache-2.0 */
/* Which of some ways a layer's calls take: the one that was shortest when all were tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/trial.h"

enum { WORK = 1000 };

/* A trial whose calls take either[way], and the first of all a hundred times that. */
static struct sbn_trial
tried(uint64_t work, const uint64_t either[2])
{
	struct sbn_trial trial = { 0 };

	for (uint32_t i = 0; i < 2 * SBN_TRIES; i++) {
		const unsigned way = sbn_trial_way(&trial, 2, work);

		assert_int_equal(way, i % 2);
		sbn_trial_took(&trial, either[way] * (i == 0 ? 100 : 1));
	}
	return trial;
}

static void
test_the_shorter_way_is_kept(void **state)
{
	struct sbn_trial first = tried(WORK, (const uint64_t[]){ 10, 11 });
	struct sbn_trial second = tried(WORK, (const uint64_t[]){ 11, 10 });

	(void)state;
	for (int i = 0; i < 3 * SBN_TRIES; i++) {
		assert_int_equal(sbn_trial_way(&first, 2, WORK), 0);
		sbn_trial_took(&first, 1000);
		assert_int_equal(sbn_trial_way(&second, 2, WORK), 1);
		sbn_trial_took(&second, 1000);
	}
}

static void
test_one_call_that_is_short_by_chance_decides_nothing(void **state)
{
	struct sbn_trial trial = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 2 * SBN_TRIES; i++) {
		const unsigned way = sbn_trial_way(&trial, 2, WORK);

		sbn_trial_took(&trial, i == 1 || i == 2 ? (i == 1 ? 1 : 100) : 10 + way);
	}
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 0);
}

static void
test_calls_of_other_work_are_not_compared(void **state)
{
	struct sbn_trial trial = { 0 };

	(void)state;
	assert_int_equal(sbn_trial_way(&trial, 2, WORK / 2), 0);
	sbn_trial_took(&trial, 1);
	for (uint32_t i = 0; i < 2 * SBN_TRIES; i++) {
		assert_int_equal(sbn_trial_way(&trial, 2, WORK), i % 2);
		sbn_trial_took(&trial, i % 2 == 0 ? 20 : 10);
	}
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 1);
	/* a smaller last batch goes as the others, and changes nothing */
	assert_int_equal(sbn_trial_way(&trial, 2, WORK / 2), 1);
	sbn_trial_took(&trial, 1);
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 1);
}

static void
test_calls_with_fewer_ways_take_one_of_theirs(void **state)
{
	struct sbn_trial trial = { 0 };

	(void)state;
	assert_int_equal(sbn_trial_way(&trial, 3, WORK), 0);
	sbn_trial_took(&trial, 1);
	for (uint32_t i = 0; i < 2 * SBN_TRIES; i++) { /* anew */
		assert_int_equal(sbn_trial_way(&trial, 2, WORK), i % 2);
		sbn_trial_took(&trial, 10 - i % 2);
	}
	assert_int_equal(sbn_trial_way(&trial, 3, WORK), 1);
	trial = (struct sbn_trial){ 0 };
	for (uint32_t i = 0; i < 3 * SBN_TRIES; i++)
		sbn_trial_took(&trial, 10 - sbn_trial_way(&trial, 3, WORK));
	assert_int_equal(sbn_trial_way(&trial, 3, WORK), 2);
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 1);
}

static void
test_it_is_tried_again_after_many_calls(void **state)
{
	struct sbn_trial trial = tried(WORK, (const uint64_t[]){ 10, 11 });

	(void)state;
	for (int i = 0; i < SBN_TRIAL_LASTS; i++)
		assert_int_equal(sbn_trial_way(&trial, 2, WORK), 0);
	for (uint32_t i = 0; i < 2 * SBN_TRIES; i++) {
		assert_int_equal(sbn_trial_way(&trial, 2, WORK), i % 2);
		assert_false(sbn_trial_is_over(&trial));
		sbn_trial_took(&trial, i % 2 == 0 ? 30 : 20); /* both longer than before */
	}
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 1);
}

static void
test_a_call_that_failed_is_tried_again(void **state)
{
	struct sbn_trial trial = { 0 };

	(void)state;
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 0);
	sbn_trial_took(&trial, 10);
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 1); /* and took nothing */
	assert_int_equal(sbn_trial_way(&trial, 2, WORK), 1);
}

static void
test_the_shortest_of_three_ways_is_kept(void **state)
{
	(void)state;
	for (unsigned best = 0; best < 3; best++) {
		struct sbn_trial trial = { 0 };

		for (uint32_t i = 0; i < 3 * SBN_TRIES; i++) {
			const unsigned way = sbn_trial_way(&trial, 3, WORK);

			assert_int_equal(way, i % 3);
			assert_false(sbn_trial_is_over(&trial));
			sbn_trial_took(&trial, way == best ? 10 : 11 + way);
		}
		assert_true(sbn_trial_is_over(&trial));
		assert_int_equal(sbn_trial_way(&trial, 3, WORK), best);
	}
}

/* Takes 1000 + a hundredth of it more for each way, and in the first calls the other way round. */
static void
test_close_ways_are_tried_longer(void **state)
{
	struct sbn_trial trial = { 0 };
	uint32_t calls[3] = { 0 };

	(void)state;
	assert_int_equal(sbn_trial_shortest(&trial, 3), 0);
	for (uint32_t i = 0; i < 3 * SBN_TRIES + 2 * SBN_CLOSE_TRIES; i++) {
		const unsigned way = sbn_trial_way(&trial, 3, WORK);
		const uint64_t by_chance = i < 3 * SBN_TRIES ? 40 * (2 - way) : 0;

		assert_false(sbn_trial_is_over(&trial));
		calls[way]++;
		sbn_trial_took(&trial, way == 1 ? 2000 : 1000 + 10 * way + by_chance);
	}
	assert_true(sbn_trial_is_over(&trial));
	assert_int_equal(calls[0], SBN_TRIES + SBN_CLOSE_TRIES);
	assert_int_equal(calls[1], SBN_TRIES); /* far behind */
	assert_int_equal(calls[2], SBN_TRIES + SBN_CLOSE_TRIES);
	assert_int_equal(sbn_trial_way(&trial, 3, WORK), 0);
	assert_int_equal(sbn_trial_shortest(&trial, 2), 0);
}

static void
test_close_ways_go_forth_and_back(void **state)
{
	struct sbn_trial trial = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 3 * SBN_TRIES; i++)
		sbn_trial_took(&trial, sbn_trial_way(&trial, 3, WORK) == 0 ? 20 : 10);
	for (uint32_t i = 0; i < 2 * SBN_CLOSE_TRIES; i++) {
		assert_int_equal(sbn_trial_way(&trial, 3, WORK), i % 4 == 0 || i % 4 == 3 ? 1 : 2);
		sbn_trial_took(&trial, 10);
	}
	assert_true(sbn_trial_is_over(&trial));
	/* the ways that there are now were not close */
	assert_int_equal(sbn_trial_shortest(&trial, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_shorter_way_is_kept),
		cmocka_unit_test(test_the_shortest_of_three_ways_is_kept),
		cmocka_unit_test(test_one_call_that_is_short_by_chance_decides_nothing),
		cmocka_unit_test(test_calls_of_other_work_are_not_compared),
		cmocka_unit_test(test_calls_with_fewer_ways_take_one_of_theirs),
		cmocka_unit_test(test_it_is_tried_again_after_many_calls),
		cmocka_unit_test(test_a_call_that_failed_is_tried_again),
		cmocka_unit_test(test_close_ways_are_tried_longer),
		cmocka_unit_test(test_close_ways_go_forth_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
