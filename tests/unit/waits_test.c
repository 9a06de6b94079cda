/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of ranks that wait, from the words that they leave in the segment. */
#include "launch/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

enum { PAGE = 4096, RANKS = 3 };

static struct sbn_process processes[RANKS];
static struct sbn_job job = { .process = processes, .n_ranks = RANKS };

/* All ranks have joined and run; none is in anything. */
static int
set_up(void **state)
{
	struct sbn_control_layout layout;
	void *memory;

	(void)state;
	sbn_control_layout(RANKS, PAGE, &layout);
	memory = aligned_alloc(PAGE, layout.bytes);
	memset(memory, 0, layout.bytes);
	sbn_control_over(memory, RANKS, PAGE, &job.segment.control);
	for (uint32_t rank = 0; rank < RANKS; rank++) {
		sbn_control_set_state(&job.segment.control, rank, SBN_RANK_JOINED);
		processes[rank] = (struct sbn_process){ .running = true, .pid = INT32_MAX };
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(job.segment.control.head);
	return 0;
}

/* The rank waits in that call, since that time, for a peer's items up to 64. */
static void
wait_in(uint32_t rank, enum sbn_op op, uint64_t call, uint64_t since_ns, uint32_t peer)
{
	struct sbn_rank_now *now = &sbn_control_rank(&job.segment.control, rank)->now;
	struct sbn_now word = { .inside = true, .op = op, .call = call };

	atomic_store(&now->op, sbn_now_pack(word));
	atomic_store(&now->peer, peer);
	atomic_store(&now->end, 64);
	atomic_store(&now->since_ns, since_ns);
}

static const char *
describe(uint32_t rank, uint64_t now_ns)
{
	static char text[SBN_DOING_BYTES];

	sbn_waits_describe(&job, rank, now_ns, text, sizeof(text));
	return text;
}

static void
test_a_wait_is_told_with_its_channels_time_and_peer(void **state)
{
	(void)state;
	wait_in(0, SBN_OP_FORWARD, 812, 1 * SBN_NS_PER_S, 1);
	assert_string_equal(describe(0, 4 * SBN_NS_PER_S + SBN_NS_PER_S / 5),
			    "in forward, call 812, channels 0-63: waits 3.2 s for rank 1");
	assert_string_equal(describe(1, 4 * SBN_NS_PER_S), "in no collective yet");
	atomic_store(&sbn_control_rank(&job.segment.control, 0)->now.first, 63);
	assert_string_equal(describe(0, 4 * SBN_NS_PER_S),
			    "in forward, call 812, channel 63: waits 3 s for rank 1");
}

static void
test_other_operations_have_no_channels(void **state)
{
	(void)state;
	wait_in(2, SBN_OP_BARRIER, 7, 1 * SBN_NS_PER_S, 0);
	assert_string_equal(describe(2, 2 * SBN_NS_PER_S),
			    "in barrier, call 7: waits 1 s for rank 0");
}

static void
test_a_peer_that_cannot_be_is_not_told(void **state)
{
	(void)state;
	wait_in(0, SBN_OP_BARRIER, 7, 1 * SBN_NS_PER_S, 4000000000u);
	assert_string_equal(describe(0, 2 * SBN_NS_PER_S), "in barrier, call 7: waits 1 s");
	wait_in(0, SBN_OP_BARRIER, 7, 1 * SBN_NS_PER_S, 0);
	assert_string_equal(describe(0, 2 * SBN_NS_PER_S), "in barrier, call 7: waits 1 s");
}

static void
test_a_wait_that_begins_after_now_is_none(void **state)
{
	(void)state;
	wait_in(0, SBN_OP_BARRIER, 7, 9 * SBN_NS_PER_S, 1);
	assert_string_equal(describe(0, 2 * SBN_NS_PER_S), "in barrier, call 7");
}

static void
test_who_waits_longest_is_found_among_those_that_run(void **state)
{
	(void)state;
	assert_int_equal(sbn_waits_longest(&job), -1);
	wait_in(0, SBN_OP_FORWARD, 3, 300, 1);
	wait_in(1, SBN_OP_FORWARD, 3, 100, 2);
	wait_in(2, SBN_OP_FORWARD, 3, 200, 1);
	assert_int_equal(sbn_waits_longest(&job), 1);
	processes[1].running = false;
	assert_int_equal(sbn_waits_longest(&job), 2);
}

static void
test_who_is_in_another_call_is_missing(void **state)
{
	struct sbn_text text = { .used = 0 };

	(void)state;
	wait_in(0, SBN_OP_FORWARD, 3, 300, 1);
	wait_in(1, SBN_OP_FORWARD, 2, 100, 2);
	wait_in(2, SBN_OP_FORWARD, 3, 200, 1);
	sbn_waits_append_missing(&text, &job, sbn_waiting_of(&job, 0).now);
	assert_string_equal(text.data, "; not there: rank 1 (in forward, call 2)");
}

static const char *
told_of(uint32_t rank)
{
	static struct sbn_text text;

	text = (struct sbn_text){ .used = 0 };
	sbn_waits_append_last(&text, &job, rank);
	return text.data;
}

static void
test_who_came_last_is_told_and_who_is_at_work(void **state)
{
	(void)state;
	wait_in(0, SBN_OP_FORWARD, 3, 1 * SBN_NS_PER_S, 1);
	wait_in(1, SBN_OP_FORWARD, 3, 0, 1);
	assert_string_equal(told_of(0), "; still at work there: rank 1");
	wait_in(2, SBN_OP_FORWARD, 3, 2 * SBN_NS_PER_S + SBN_NS_PER_S / 2, 1);
	assert_string_equal(told_of(0),
			    "; rank 2 came last, 1.5 s later; still at work there: rank 1");
	wait_in(1, SBN_OP_FORWARD, 2, 9 * SBN_NS_PER_S, 1);
	assert_string_equal(told_of(0), "; rank 2 came last, 1.5 s later");
}

static void
test_a_time_to_come_makes_nobody_the_last(void **state)
{
	(void)state;
	wait_in(0, SBN_OP_FORWARD, 3, 1 * SBN_NS_PER_S, 1);
	wait_in(2, SBN_OP_FORWARD, 3, UINT64_MAX, 1);
	assert_string_equal(told_of(0), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_wait_is_told_with_its_channels_time_and_peer,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_operations_have_no_channels, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_peer_that_cannot_be_is_not_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_wait_that_begins_after_now_is_none, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_who_waits_longest_is_found_among_those_that_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_in_another_call_is_missing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_who_came_last_is_told_and_who_is_at_work,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_time_to_come_makes_nobody_the_last, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
