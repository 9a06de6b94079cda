/* SPDX-License-Identifier: Apache-2.0 */
/* The control extent over plain memory, with what well and ill behaved ranks write there. */
#include "shm/control.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/random.h"

enum { RANKS = 3, PAGE = 4096, TEXT = 192 };

static struct sbn_control control;

static int
set_up(void **state)
{
	struct sbn_control_layout layout;
	void *memory;

	(void)state;
	sbn_control_layout(RANKS, PAGE, &layout);
	memory = aligned_alloc(PAGE, layout.bytes);
	if (memory == NULL)
		return -1;
	memset(memory, 0, layout.bytes);
	sbn_control_over(memory, RANKS, PAGE, &control);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	free(control.head);
	return 0;
}

static uint32_t
rings(uint32_t rank, unsigned doorbell)
{
	return atomic_load_explicit(&sbn_control_rank(&control, rank)->doorbells[doorbell].rings,
				    memory_order_relaxed);
}

static void
write_word(uint32_t rank, uint64_t word)
{
	atomic_store_explicit(&sbn_control_rank(&control, rank)->now.op, word,
			      memory_order_relaxed);
}

static void
write_now(uint32_t rank, bool inside, enum sbn_op op, uint32_t layer, uint64_t call)
{
	write_word(rank, sbn_now_pack((struct sbn_now){ inside, op, 0, layer, call }));
}

static void
name_layer(uint32_t rank, uint32_t layer, const char *name)
{
	snprintf(sbn_control_rank(&control, rank)->layer_names[layer - 1], SBN_LAYER_NAME, "%s",
		 name);
}

#define assert_described(rank, sentence)                                            \
	do {                                                                        \
		char described[TEXT];                                               \
		sbn_control_describe(&control, rank, described, sizeof(described)); \
		assert_string_equal(described, sentence);                           \
	} while (0)

static void
test_the_blocks_of_all_ranks_are_disjoint(void **state)
{
	(void)state;
	assert_true((unsigned char *)sbn_control_rank(&control, 0) >=
		    (unsigned char *)(control.head + 1));
	for (uint32_t rank = 1; rank < RANKS; rank++)
		assert_true(sbn_control_rank(&control, rank) >=
			    sbn_control_rank(&control, rank - 1) + 1);
}

static void
check_round_trip(struct sbn_now now)
{
	struct sbn_now back = sbn_now_unpack(sbn_now_pack(now));

	assert_int_equal(back.inside, now.inside);
	assert_int_equal(back.op, now.op);
	assert_int_equal(back.group, now.group);
	assert_int_equal(back.layer, now.layer);
	assert_int_equal(back.call, now.call);
}

static void
test_what_a_rank_is_in_survives_packing(void **state)
{
	uint64_t seed = 1;

	(void)state;
	check_round_trip((struct sbn_now){ 0 });
	check_round_trip(
		(struct sbn_now){ true, SBN_OP_COUNT - 1, 127, 2047, (UINT64_C(1) << 40) - 1 });
	for (int i = 0; i < 1000; i++) {
		uint64_t random = sbn_random(&seed);

		check_round_trip((struct sbn_now){ random & 1, (enum sbn_op)(random % SBN_OP_COUNT),
						   random >> 4 & 127, random >> 11 & 2047,
						   random >> 24 });
	}
}

static void
test_calls_beyond_40_bits_touch_nothing_else(void **state)
{
	struct sbn_now now = { true, SBN_OP_FORWARD, 4, 3, (UINT64_C(1) << 40) + 5 };
	struct sbn_now back = sbn_now_unpack(sbn_now_pack(now));

	(void)state;
	assert_int_equal(back.op, SBN_OP_FORWARD);
	assert_int_equal(back.group, 4);
	assert_int_equal(back.layer, 3);
	assert_int_equal(back.call, 5);
}

/* Else layer 2 048 would be read as layer 0 of the next group, group 128 as another operation. */
static void
test_layers_and_groups_beyond_their_bits_change_nothing_else(void **state)
{
	(void)state;
	for (uint32_t much = 2047; much != 0; much = much == 2047 ? 2048 : much << 1) {
		struct sbn_now back = sbn_now_unpack(
			sbn_now_pack((struct sbn_now){ true, SBN_OP_FORWARD, much, much, 7 }));

		assert_true(back.inside);
		assert_int_equal(back.op, SBN_OP_FORWARD);
		assert_int_equal(back.group, 127);
		assert_int_equal(back.layer, 2047);
		assert_int_equal(back.call, 7);
	}
}

static void
test_a_new_extent_holds_no_failure(void **state)
{
	(void)state;
	assert_int_equal(sbn_control_aborted(&control).cause, SYNCBN_OK);
}

static void
test_the_first_abort_stands(void **state)
{
	(void)state;
	assert_true(sbn_control_abort(&control, (struct sbn_abort){ SYNCBN_ERR_TIMEOUT, 2, 2 }));
	assert_false(sbn_control_abort(&control, (struct sbn_abort){ SYNCBN_ERR_PEER_LOST, 0, 0 }));
	assert_false(sbn_control_abort(&control, (struct sbn_abort){ SYNCBN_ERR_TIMEOUT, 2, 2 }));
	assert_int_equal(sbn_control_aborted(&control).cause, SYNCBN_ERR_TIMEOUT);
	assert_int_equal(sbn_control_aborted(&control).rank, 2);
}

static void *
abort_once(void *won)
{
	*(bool *)won = sbn_control_abort(&control, (struct sbn_abort){ SYNCBN_ERR_MISMATCH, 1, 1 });
	return NULL;
}

static void
test_one_of_several_aborts_at_once_comes_first(void **state)
{
	pthread_t threads[4];
	bool won[4];
	int winners = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, abort_once, &won[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		winners += won[i];
	}
	assert_int_equal(winners, 1);
}

static void
test_every_abort_rings_every_doorbell(void **state)
{
	(void)state;
	sbn_control_abort(&control, (struct sbn_abort){ SYNCBN_ERR_TIMEOUT, 0, 0 });
	sbn_control_abort(&control, (struct sbn_abort){ SYNCBN_ERR_TIMEOUT, 1, 1 });
	for (uint32_t rank = 0; rank < RANKS; rank++)
		for (unsigned doorbell = 0; doorbell < SBN_DOORBELLS; doorbell++)
			assert_int_equal(rings(rank, doorbell), 2);
}

static void
test_an_abort_word_of_garbage_is_a_loss_of_no_rank(void **state)
{
	static const uint64_t words[] = { 1,
					  UINT64_MAX,
					  UINT64_C(1) << 63,
					  UINT64_C(0x80000000) << 32,
					  UINT64_C(1) << 32,
					  UINT64_C(8) << 32 | 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		atomic_store_explicit(&control.head->abort, words[i], memory_order_relaxed);
		assert_int_equal(sbn_control_aborted(&control).cause, SYNCBN_ERR_PEER_LOST);
		assert_true(sbn_control_aborted(&control).rank >= SBN_MAX_RANKS);
	}
}

static void
test_only_who_sleeps_is_rung(void **state)
{
	uint64_t asleep = UINT64_C(1) << 63 | 1 << 5 | 1;

	(void)state;
	atomic_store_explicit(&sbn_control_rank(&control, 1)->sleepers, asleep,
			      memory_order_relaxed);
	sbn_control_ring(&control, 0);
	sbn_control_ring(&control, 1);
	for (unsigned doorbell = 0; doorbell < SBN_DOORBELLS; doorbell++) {
		assert_int_equal(rings(0, doorbell), 0);
		assert_int_equal(rings(1, doorbell), asleep >> doorbell & 1);
		assert_int_equal(rings(2, doorbell), 0);
	}
}

static void
test_state_bits_add_up(void **state)
{
	(void)state;
	assert_int_equal(sbn_control_state(&control, 1), 0);
	sbn_control_set_state(&control, 1, SBN_RANK_JOINED);
	sbn_control_set_state(&control, 1, SBN_RANK_GONE);
	sbn_control_set_state(&control, 1, SBN_RANK_GONE);
	assert_int_equal(sbn_control_state(&control, 1), SBN_RANK_JOINED | SBN_RANK_GONE);
	assert_int_equal(sbn_control_state(&control, 0), 0);
}

static void
test_a_rank_is_described_in_a_sentence(void **state)
{
	(void)state;
	assert_described(1, "not joined");
	sbn_control_set_state(&control, 1, SBN_RANK_JOINED);
	assert_described(1, "in no collective yet");
	write_now(1, true, SBN_OP_JOIN, 0, 1);
	assert_described(1, "joining");
	write_now(1, false, SBN_OP_JOIN, 0, 1);
	assert_described(1, "in no collective yet");
	name_layer(1, 2, "bn2");
	write_now(1, true, SBN_OP_FORWARD, 2, 812);
	assert_described(1, "in forward of bn2, call 812");
	write_now(1, false, SBN_OP_FORWARD, 2, 812);
	assert_described(1, "in no collective; last: forward of bn2, call 812");
	write_now(1, true, SBN_OP_BARRIER, 0, 3);
	assert_described(1, "in barrier, call 3");
	write_now(1, false, SBN_OP_ALL_REDUCE, 0, 4);
	assert_described(1, "in no collective; last: all_reduce, call 4");
	assert_described(0, "not joined");
	write_word(1, sbn_now_pack((struct sbn_now){ true, SBN_OP_FORWARD, 3, 2, 9 }));
	assert_described(1, "in forward of bn2, call 9 (group 3)");
	write_word(1, sbn_now_pack((struct sbn_now){ false, SBN_OP_GROUP, 0, 0, 4 }));
	assert_described(1, "in no collective; last: making a group, call 4");
}

static void
test_every_operation_has_a_name(void **state)
{
	(void)state;
	for (int op = 0; op < SBN_OP_COUNT; op++)
		assert_non_null(sbn_op_names[op]);
}

static void
test_layers_without_a_name_have_a_number(void **state)
{
	(void)state;
	sbn_control_set_state(&control, 0, SBN_RANK_JOINED);
	write_now(0, true, SBN_OP_BACKWARD, SBN_MAX_LAYERS, 1);
	assert_described(0, "in backward of layer 1024, call 1");
	write_now(0, true, SBN_OP_BACKWARD, SBN_MAX_LAYERS + 1, 1);
	assert_described(0, "in backward of layer 1025, call 1");
	write_now(0, true, SBN_OP_BACKWARD, 2047, 1);
	assert_described(0, "in backward of layer 2047, call 1");
}

static void
test_a_name_without_an_end_is_cut(void **state)
{
	char expected[TEXT] = "in forward of ";
	char *name = sbn_control_rank(&control, 0)->layer_names[0];

	(void)state;
	memset(name, 'x', 2 * SBN_LAYER_NAME); /* the next one's room too */
	memset(expected + strlen(expected), 'x', SBN_LAYER_NAME);
	strcat(expected, ", call 1099511627775");
	sbn_control_set_state(&control, 0, SBN_RANK_JOINED);
	write_now(0, true, SBN_OP_FORWARD, 1, (UINT64_C(1) << 40) - 1);
	assert_described(0, expected);
}

static void
test_a_name_cannot_leave_its_line(void **state)
{
	(void)state;
	name_layer(0, 1, "a\nb\033[2Jc\x7f");
	sbn_control_set_state(&control, 0, SBN_RANK_JOINED);
	write_now(0, true, SBN_OP_FORWARD, 1, 1);
	assert_described(0, "in forward of a?b?[2Jc?, call 1");
}

static void
test_an_unknown_operation_is_none(void **state)
{
	(void)state;
	sbn_control_set_state(&control, 2, SBN_RANK_JOINED);
	for (unsigned op = SBN_OP_COUNT; op < 32; op++) {
		write_word(2, UINT64_C(1) << 63 | (uint64_t)op << 58 | 9);
		assert_int_equal(sbn_now_unpack((uint64_t)op << 58).op, SBN_OP_NONE);
		assert_described(2, "in no collective yet");
	}
}

static void
test_any_word_fits_any_text(void **state)
{
	uint64_t seed = 2;
	char text[TEXT];

	(void)state;
	sbn_control_set_state(&control, 0, SBN_RANK_JOINED);
	memset(sbn_control_rank(&control, 0)->layer_names, 0xff,
	       sizeof(char[SBN_MAX_LAYERS][SBN_LAYER_NAME]));
	for (int i = 0; i < 2000; i++) {
		size_t room = 1 + sbn_random_below(&seed, TEXT);

		write_word(0, sbn_random(&seed));
		sbn_control_describe(&control, 0, text, room);
		assert_true(strlen(text) < room);
	}
}

static void
test_an_ending_is_named(void **state)
{
	_Atomic int32_t *status = &sbn_control_rank(&control, 1)->life.wait_status;
	char text[TEXT];

	(void)state;
	atomic_store_explicit(status, 3 << 8, memory_order_relaxed);
	sbn_control_ending(&control, 1, text, sizeof(text));
	assert_string_equal(text, "exit 3");
	atomic_store_explicit(status, SIGKILL, memory_order_relaxed);
	sbn_control_ending(&control, 1, text, sizeof(text));
	assert_string_equal(text, "killed by signal 9 (Killed)");
	atomic_store_explicit(status, -1, memory_order_relaxed);
	sbn_control_ending(&control, 1, text, sizeof(text));
	assert_true(strlen(text) > 0);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		fresh(test_the_blocks_of_all_ranks_are_disjoint),
		fresh(test_what_a_rank_is_in_survives_packing),
		fresh(test_calls_beyond_40_bits_touch_nothing_else),
		fresh(test_layers_and_groups_beyond_their_bits_change_nothing_else),
		fresh(test_a_new_extent_holds_no_failure),
		fresh(test_the_first_abort_stands),
		fresh(test_one_of_several_aborts_at_once_comes_first),
		fresh(test_every_abort_rings_every_doorbell),
		fresh(test_an_abort_word_of_garbage_is_a_loss_of_no_rank),
		fresh(test_only_who_sleeps_is_rung),
		fresh(test_state_bits_add_up),
		fresh(test_a_rank_is_described_in_a_sentence),
		fresh(test_every_operation_has_a_name),
		fresh(test_layers_without_a_name_have_a_number),
		fresh(test_a_name_without_an_end_is_cut),
		fresh(test_a_name_cannot_leave_its_line),
		fresh(test_an_unknown_operation_is_none),
		fresh(test_any_word_fits_any_text),
		fresh(test_an_ending_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
