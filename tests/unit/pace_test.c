/* SPDX-License-Identifier: Apache-2.0 */
/* When a layer's calls take another time than they did, and for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/pace.h"

enum { WORK = 1000, USUAL = 1000 };

/* After so many calls that took 1000, two of them ten times that. */
static struct sbn_pace
pace_after(int calls)
{
	struct sbn_pace pace = { 0 };

	for (int i = 0; i < calls; i++)
		assert_false(sbn_pace_changed(&pace, WORK, i % 7 == 2 ? 10 * USUAL : USUAL));
	return pace;
}

/* How many calls that take so long it takes to see it; `most`: it is not seen. */
static int
calls_until_changed(struct sbn_pace *pace, uint64_t ticks, int most)
{
	int calls = 1;

	while (calls < most && !sbn_pace_changed(pace, WORK, ticks))
		calls++;
	return calls;
}

static void
test_another_pace_is_seen_soon(void **state)
{
	static const uint64_t others[] = { USUAL * 5 / 4 + 1, USUAL * 2, USUAL * 4 / 5 - 1, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct sbn_pace pace = pace_after(SBN_PACE_LEAST);

		assert_in_range(calls_until_changed(&pace, others[i], 1000), SBN_PACE_APART - 2,
				SBN_PACE_APART);
	}
}

static void
test_not_before_many_calls(void **state)
{
	struct sbn_pace pace = pace_after(SBN_PACE_CALLS);

	(void)state;
	assert_int_equal(calls_until_changed(&pace, 2 * USUAL, 1000),
			 SBN_PACE_LEAST - SBN_PACE_CALLS);
}

static void
test_what_is_nearly_as_usual_is_none(void **state)
{
	static const uint64_t others[] = { USUAL * 5 / 4, USUAL, USUAL * 4 / 5 };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct sbn_pace pace = pace_after(SBN_PACE_LEAST);

		assert_int_equal(calls_until_changed(&pace, others[i], 1000), 1000);
	}
}

static void
test_calls_that_are_apart_now_and_then_are_none(void **state)
{
	struct sbn_pace pace = pace_after(SBN_PACE_LEAST);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(sbn_pace_changed(&pace, WORK, i / 16 % 2 == 0 ? USUAL : 2 * USUAL));
}

/* A smaller last batch. */
static void
test_calls_of_other_work_do_not_count(void **state)
{
	struct sbn_pace pace = pace_after(SBN_PACE_LEAST);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(sbn_pace_changed(&pace, WORK / 2, USUAL / 2));
	assert_in_range(calls_until_changed(&pace, 2 * USUAL, 1000), SBN_PACE_APART - 2,
			SBN_PACE_APART);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_pace_is_seen_soon),
		cmocka_unit_test(test_not_before_many_calls),
		cmocka_unit_test(test_what_is_nearly_as_usual_is_none),
		cmocka_unit_test(test_calls_that_are_apart_now_and_then_are_none),
		cmocka_unit_test(test_calls_of_other_work_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
