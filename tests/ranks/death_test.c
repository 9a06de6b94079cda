/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the others see when a rank dies or leaves. The harness tells of deaths as the launcher does.
 * A death is noticed within 1 s.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "small_layer.h"

enum { NOTICE_MS = 1000 };

struct death {
	void (*die)(void);
	const char *cause;
	volatile uint64_t *died_ns; /* shared */
};

static void
die_by_kill(void)
{
	raise(SIGKILL);
}

static void
die_by_segv(void)
{
	signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would turn it into an exit */
	raise(SIGSEGV);
}

static void
die_by_exit(void)
{
	_exit(3);
}

static void
leave_early(void)
{
	_exit(0);
}

/* Rank 1 ends after three calls; the others hear of it in the fourth and in every later one. */
static int
lose_rank_1(int rank, void *argument)
{
	struct death *death = argument;
	struct layer layer;

	if (open_layer(&layer, "stem.bn", CHANNELS, 60000) != 0)
		return 1;
	for (int call = 0; call < 3; call++)
		EXPECT(forward(&layer) == SYNCBN_OK);
	if (rank == 1) {
		*death->died_ns = sbn_now_ns();
		death->die();
	}
	EXPECT(forward(&layer) == SYNCBN_ERR_PEER_LOST);
	EXPECT(sbn_now_ns() - *death->died_ns < NOTICE_MS * SBN_NS_PER_MS);
	EXPECT(says("rank 1") && says(death->cause) && says("forward of stem.bn, call 3"));
	EXPECT(forward(&layer) == SYNCBN_ERR_PEER_LOST);
	EXPECT(syncbn_barrier(layer.world) == SYNCBN_ERR_PEER_LOST);
	EXPECT(syncbn_broadcast(layer.world, layer.x, 4, 0) == SYNCBN_ERR_PEER_LOST);
	return close_layer(&layer);
}

static void
check_death(void (*die)(void), const char *cause)
{
	struct death death = { die, cause, shared_memory(sizeof(uint64_t)) };

	for (int n = 2; n <= 4; n++) {
		struct endings endings;

		run_ranks(n, lose_rank_1, &death, &endings);
		for (int rank = 0; rank < n; rank++)
			if (rank != 1)
				assert_int_equal(endings.status[rank], 0);
	}
}

static void
test_a_killed_rank_is_lost_at_once_and_named(void **state)
{
	(void)state;
	check_death(die_by_kill, "killed by signal 9");
	check_death(die_by_segv, "killed by signal 11");
}

static void
test_a_rank_that_exits_is_lost_whatever_its_code(void **state)
{
	(void)state;
	check_death(die_by_exit, "exit 3");
	check_death(leave_early, "exit 0");
}

/* Rank 1 ends in good order, but rank 0 still needs it. */
static int
finalize_too_early(int rank, void *argument)
{
	struct layer layer;

	(void)argument;
	if (open_layer(&layer, "bn", CHANNELS, 60000) != 0)
		return 1;
	EXPECT(forward(&layer) == SYNCBN_OK);
	if (rank == 0) {
		EXPECT(forward(&layer) == SYNCBN_ERR_PEER_LOST);
		EXPECT(says("rank 1"));
	}
	return close_layer(&layer);
}

static void
test_a_rank_that_finalizes_while_it_is_needed_is_lost(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, finalize_too_early, NULL), 0);
}

/* A data loader's worker is a child of the rank: its end is not the rank's end. */
static int
fork_a_child(int rank, void *argument)
{
	struct layer layer;
	pid_t pid;
	int status;

	(void)rank, (void)argument;
	if (open_layer(&layer, "bn", CHANNELS, 60000) != 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(forward(&layer) == SYNCBN_ERR_INVALID && says("forked child") &&
				      syncbn_finalize(layer.world) == SYNCBN_ERR_INVALID ?
			      7 :
			      1);
	EXPECT(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	EXPECT(forward(&layer) == SYNCBN_OK);
	return close_layer(&layer);
}

static void
test_a_forked_child_is_not_the_rank(void **state)
{
	(void)state;
	assert_int_equal(run_ranks_failures(2, fork_a_child, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_killed_rank_is_lost_at_once_and_named),
		cmocka_unit_test(test_a_rank_that_exits_is_lost_whatever_its_code),
		cmocka_unit_test(test_a_rank_that_finalizes_while_it_is_needed_is_lost),
		cmocka_unit_test(test_a_forked_child_is_not_the_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
