/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE = 4096, EXIT_0 = 0, EXIT_3 = 3 << 8, KILLED_9 = 9 };

/* Two ranks; a[i] are rank i's state bits. */
static enum sbn_end
judge_rank_1(uint32_t state_0, uint32_t state_1, int wait_status)
{
	struct sbn_control_layout layout;
	struct sbn_control control;
	enum sbn_end end;
	void *memory;

	sbn_control_layout(2, PAGE, &layout);
	memory = aligned_alloc(PAGE, layout.bytes);
	memset(memory, 0, layout.bytes);
	sbn_control_over(memory, 2, PAGE, &control);
	sbn_control_set_state(&control, 0, (enum sbn_rank_state)state_0);
	sbn_control_set_state(&control, 1, (enum sbn_rank_state)(state_1 | SBN_RANK_GONE));
	end = sbn_end_judge(&control, 1, wait_status);
	free(memory);
	return end;
}

static void
test_an_exit_code_or_a_signal_is_a_failure_whatever_the_state(void **state)
{
	(void)state;
	assert_int_equal(judge_rank_1(0, 0, EXIT_3), SBN_END_BAD);
	assert_int_equal(judge_rank_1(0, 0, KILLED_9), SBN_END_BAD);
	assert_int_equal(judge_rank_1(SBN_RANK_JOINED, SBN_RANK_JOINED | SBN_RANK_LEFT, EXIT_3),
			 SBN_END_BAD);
}

static void
test_a_rank_that_left_before_its_end_is_missed_by_nobody(void **state)
{
	(void)state;
	assert_int_equal(judge_rank_1(SBN_RANK_JOINED, SBN_RANK_JOINED | SBN_RANK_LEFT, EXIT_0),
			 SBN_END_GOOD);
}

static void
test_who_never_joins_is_missed_by_a_joined_peer(void **state)
{
	(void)state;
	assert_int_equal(judge_rank_1(SBN_RANK_JOINED, 0, EXIT_0), SBN_END_NOT_JOINED);
}

static void
test_who_has_joined_must_leave_whatever_the_peers_do(void **state)
{
	static const uint32_t peers[] = { 0, SBN_RANK_JOINED, SBN_RANK_GONE,
					  SBN_RANK_JOINED | SBN_RANK_LEFT,
					  SBN_RANK_JOINED | SBN_RANK_GONE };

	(void)state;
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		assert_int_equal(judge_rank_1(peers[i], SBN_RANK_JOINED, EXIT_0), SBN_END_EARLY);
}

static void
test_a_peer_that_is_not_in_the_run_misses_nobody(void **state)
{
	static const uint32_t peers[] = { 0, SBN_RANK_GONE, SBN_RANK_JOINED | SBN_RANK_LEFT,
					  SBN_RANK_JOINED | SBN_RANK_GONE };

	(void)state;
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		assert_int_equal(judge_rank_1(peers[i], 0, EXIT_0), SBN_END_GOOD);
}

static void
test_only_the_first_cause_counts(void **state)
{
	struct sbn_failure failure = { .rank = -1 };

	(void)state;
	assert_true(sbn_failure_set(&failure, 143));
	assert_false(sbn_failure_set(&failure, 1));
	assert_int_equal(failure.exit_code, 143);
	assert_int_equal(failure.rank, -1);
	sbn_failure_free(&failure);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_exit_code_or_a_signal_is_a_failure_whatever_the_state),
		cmocka_unit_test(test_a_rank_that_left_before_its_end_is_missed_by_nobody),
		cmocka_unit_test(test_who_never_joins_is_missed_by_a_joined_peer),
		cmocka_unit_test(test_who_has_joined_must_leave_whatever_the_peers_do),
		cmocka_unit_test(test_a_peer_that_is_not_in_the_run_misses_nobody),
		cmocka_unit_test(test_only_the_first_cause_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
